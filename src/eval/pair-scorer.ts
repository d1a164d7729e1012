import * as tf from "@tensorflow/tfjs-core";
import type { EvaluationText } from "../loader/evaluation.ts";
import { noDropout } from "../models/dropout.ts";
import type { PictureArrays, VisualTokens } from "../models/pair-model.ts";
import { matrix } from "../models/ranks.ts";
import { type CompiledStep, compile } from "../tensor/compiled/compiled-step.ts";
import { type LoadedModel, ModelOnDevice, repeatPicture } from "./model-on-device.ts";

// m visual tokens, D hidden size, B texts of a chunk, n text tokens

/** Texts scored against one picture in one run of the model. */
const TEXTS_PER_CHUNK = 128;

/** Scores pairs by the matching head: the logit of "matched" less that of "unmatched". Nothing is masked. */
export class PairScorer implements Disposable {
  readonly #device: ModelOnDevice;
  readonly #score: CompiledStep;

  constructor(loaded: LoadedModel) {
    const device = new ModelOnDevice(loaded);
    const { model } = device;
    this.#device = device;
    this.#score = compile((inputs) => {
      const { rest, weights } = device.named(inputs);
      const [tokenIds, tokenMask, tokens, mask] = rest;
      if (!tokenIds || !tokenMask || !tokens || !mask) {
        throw new RangeError("a chunk is four tensors");
      }
      const visual = repeatPicture({ tokens, mask }, tokenIds.shape[0] ?? 0);
      const pair = { tokenIds: matrix(tokenIds), tokenMask: matrix(tokenMask), visual };
      const output = model.fuse(weights, { ...pair, dropout: noDropout });
      const [unmatched, matched] = tf.unstack(model.matchingLogits(weights, output), 1); // [B] each
      if (!unmatched || !matched) throw new RangeError("the matching head has two logits");
      return [tf.sub(matched, unmatched)];
    });
  }

  /** A picture's embedded visual tokens, [1, m, D] and [1, m]; the caller's to dispose. */
  embed(picture: PictureArrays): VisualTokens {
    return this.#device.embed(picture);
  }

  /** The scores of all texts with one picture, in the order of the texts. */
  scores({ mask, tokens }: VisualTokens, texts: TextChunks): Float32Array {
    const scores = new Float32Array(texts.numTexts);
    let offset = 0;
    for (const { tokenIds, tokenMask, count } of texts.chunks) {
      const inputs = [...this.#device.tensors, tokenIds, tokenMask, tokens, mask];
      const [chunk] = this.#score.run(inputs);
      if (chunk === undefined) throw new RangeError("a chunk has scores");
      scores.set(Float32Array.from(chunk.dataSync()).subarray(0, count), offset);
      chunk.dispose();
      offset += count;
    }
    return scores;
  }

  [Symbol.dispose](): void {
    this.#device[Symbol.dispose]();
    this.#score[Symbol.dispose]();
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
