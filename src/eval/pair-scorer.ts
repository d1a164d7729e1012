import * as tf from "@tensorflow/tfjs-core";
import type { EvaluationText } from "../loader/evaluation.ts";
import { noDropout } from "../models/dropout.ts";
import type { NamedTensors, PairModel, PictureArrays, VisualTokens } from "../models/pair-model.ts";
import { matrix, tensor3 } from "../models/ranks.ts";
import type { Weights } from "../models/weights.ts";
import { type CompiledStep, compile } from "../tensor/compiled/compiled-step.ts";

// P pictures, m visual tokens, D hidden size, B texts of a chunk, n text tokens

/** A trained model, its weights and buffers on the device. */
export interface LoadedModel {
  readonly model: PairModel;
  readonly weights: Weights;
}

/** Texts scored against one picture in one run of the model. */
const TEXTS_PER_CHUNK = 128;

/** Scores pairs by the matching head: the logit of "matched" less that of "unmatched". Nothing is masked. */
export class PairScorer implements Disposable {
  readonly #model: PairModel;
  readonly #names: readonly string[];
  readonly #weights: readonly tf.Tensor[];
  readonly #score: CompiledStep;
  #embed: CompiledStep | undefined;

  constructor({ model, weights }: LoadedModel) {
    this.#model = model;
    this.#names = Object.keys(weights);
    this.#weights = Object.values(weights);
    const numWeights = this.#weights.length;
    this.#score = compile((inputs) => {
      const [tokenIds, tokenMask, tokens, mask] = inputs.slice(numWeights);
      if (!tokenIds || !tokenMask || !tokens || !mask) {
        throw new RangeError("a chunk is four tensors");
      }
      const [numTexts = 0] = tokenIds.shape;
      const visual = {
        tokens: tensor3(tf.tile(tokens, [numTexts, 1, 1])),
        mask: matrix(tf.tile(mask, [numTexts, 1])),
      };
      const named = this.#named(inputs);
      const pair = { tokenIds: matrix(tokenIds), tokenMask: matrix(tokenMask), visual };
      const output = model.fuse(named, { ...pair, dropout: noDropout });
      const [unmatched, matched] = tf.unstack(model.matchingLogits(named, output), 1); // [B] each
      if (!unmatched || !matched) throw new RangeError("the matching head has two logits");
      return [tf.sub(matched, unmatched)];
    });
  }

  /** A picture's embedded visual tokens, [1, m, D] and [1, m]; the caller's to dispose. */
  embed(picture: PictureArrays): VisualTokens {
    const tensors = this.#model.pictureTensors(picture);
    this.#embed ??= this.#compiledEmbedding(Object.keys(tensors));
    const [tokens, mask] = this.#embed.run([...this.#weights, ...Object.values(tensors)]);
    tf.dispose(Object.values(tensors));
    if (!tokens || !mask) throw new RangeError("a picture is tokens and their mask");
    return { tokens: tensor3(tokens), mask: matrix(mask) };
  }

  /** The scores of all texts with one picture, in the order of the texts. */
  scores({ mask, tokens }: VisualTokens, texts: TextChunks): Float32Array {
    const scores = new Float32Array(texts.numTexts);
    let offset = 0;
    for (const { tokenIds, tokenMask, count } of texts.chunks) {
      const [chunk] = this.#score.run([...this.#weights, tokenIds, tokenMask, tokens, mask]);
      const values = inputAt(chunk ? [chunk] : [], 0);
      scores.set(Float32Array.from(values.dataSync()).subarray(0, count), offset);
      values.dispose();
      offset += count;
    }
    return scores;
  }

  [Symbol.dispose](): void {
    this.#embed?.[Symbol.dispose]();
    this.#score[Symbol.dispose]();
  }

  #compiledEmbedding(names: readonly string[]): CompiledStep {
    const numWeights = this.#weights.length;
    return compile((inputs) => {
      const pictures: NamedTensors = Object.fromEntries(
        names.map((name, place) => [name, inputAt(inputs, numWeights + place)]),
      );
      const { mask, tokens } = this.#model.embed(this.#named(inputs), pictures);
      return [tokens, mask];
    });
  }

  #named(inputs: readonly tf.Tensor[]): Weights {
    return Object.fromEntries(this.#names.map((name, index) => [name, inputAt(inputs, index)]));
  }
}

interface TextChunk {
  /** [B, n] */
  readonly tokenIds: tf.Tensor2D;
  /** [B, n] */
  readonly tokenMask: tf.Tensor2D;
  /** How many of the rows are texts; the rest repeats the last one. */
  readonly count: number;
}

/** Texts on the device, in chunks of one shape. */
export class TextChunks implements Disposable {
  readonly chunks: readonly TextChunk[];
  readonly numTexts: number;

  constructor(texts: readonly EvaluationText[]) {
    this.numTexts = texts.length;
    const length = Math.max(1, ...texts.map(({ tokenMask }) => tokenMask.lastIndexOf(1) + 1));
    const starts = Array.from(
      { length: Math.ceil(texts.length / TEXTS_PER_CHUNK) },
      (_, chunk) => chunk * TEXTS_PER_CHUNK,
    );
    this.chunks = starts.map((start) =>
      textChunk(texts.slice(start, start + TEXTS_PER_CHUNK), length),
    );
  }

  [Symbol.dispose](): void {
    for (const { tokenIds, tokenMask } of this.chunks) tf.dispose([tokenIds, tokenMask]);
  }
}

function textChunk(texts: readonly EvaluationText[], length: number): TextChunk {
  const size = TEXTS_PER_CHUNK;
  const tokenIds = new Int32Array(size * length);
  const tokenMask = new Int32Array(size * length);
  for (let row = 0; row < size; row += 1) {
    const text = texts[Math.min(row, texts.length - 1)];
    if (text === undefined) continue;
    tokenIds.set(text.tokenIds.subarray(0, length), row * length);
    tokenMask.set(text.tokenMask.subarray(0, length), row * length);
  }
  return {
    tokenIds: tf.tensor2d(tokenIds, [size, length], "int32"),
    tokenMask: tf.tensor2d(tokenMask, [size, length], "int32"),
    count: texts.length,
  };
}

function inputAt(inputs: readonly tf.Tensor[], index: number): tf.Tensor {
  const input = inputs[index];
  if (input === undefined) throw new RangeError(`there is no tensor ${index}`);
  return input;
}
