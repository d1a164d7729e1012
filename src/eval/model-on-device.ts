import * as tf from "@tensorflow/tfjs-core";
import type { PairModel, PictureArrays, VisualTokens } from "../models/pair-model.ts";
import { matrix, tensor3 } from "../models/ranks.ts";
import type { Weights } from "../models/weights.ts";
import { type CompiledStep, compile } from "../tensor/compiled/compiled-step.ts";

/** A trained model, its weights and buffers on the device. */
export interface LoadedModel {
  readonly model: PairModel;
  readonly weights: Weights;
}

/** One picture's tokens for each of `count` texts: [1, m, D] to [count, m, D]. */
export function repeatPicture(
  { mask, tokens }: { readonly tokens: tf.Tensor; readonly mask: tf.Tensor },
  count: number,
): VisualTokens {
  return {
    tokens: tensor3(tf.tile(tokens, [count, 1, 1])),
    mask: matrix(tf.tile(mask, [count, 1])),
  };
}

/** A model whose compiled functions take its weights as their first inputs. The weights stay the caller's. */
export class ModelOnDevice implements Disposable {
  readonly model: PairModel;
  /** The weights, as compiled functions take them. */
  readonly tensors: readonly tf.Tensor[];
  readonly #names: readonly string[];
  #embed: CompiledStep | undefined;

  constructor({ model, weights }: LoadedModel) {
    this.model = model;
    this.#names = Object.keys(weights);
    this.tensors = Object.values(weights);
  }

  /** The inputs of a compiled function: weights by name, and what comes behind them. */
  named(inputs: readonly tf.Tensor[]): {
    readonly weights: Weights;
    readonly rest: readonly tf.Tensor[];
  } {
    const numWeights = this.#names.length;
    const entries = inputs.slice(0, numWeights).map((tensor, place) => {
      return [this.#names[place] ?? "", tensor] as const;
    });
    return { weights: Object.fromEntries(entries), rest: inputs.slice(numWeights) };
  }

  /** A batch's pictures as visual tokens, [P, m, D] and [P, m]; the caller's to dispose. */
  embed(pictures: PictureArrays): VisualTokens {
    const tensors = this.model.pictureTensors(pictures);
    this.#embed ??= this.#compiledEmbedding(Object.keys(tensors));
    const [tokens, mask] = this.#embed.run([...this.tensors, ...Object.values(tensors)]);
    tf.dispose(Object.values(tensors));
    if (!tokens || !mask) throw new RangeError("pictures are tokens and their mask");
    return { tokens: tensor3(tokens), mask: matrix(mask) };
  }

  #compiledEmbedding(names: readonly string[]): CompiledStep {
    return compile((inputs) => {
      const { rest, weights } = this.named(inputs);
      const pictures = Object.fromEntries(
        rest.map((tensor, place) => [names[place] ?? "", tensor]),
      );
      const { mask, tokens } = this.model.embed(weights, pictures);
      return [tokens, mask];
    });
  }

  [Symbol.dispose](): void {
    this.#embed?.[Symbol.dispose]();
  }
}
