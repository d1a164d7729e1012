import * as tf from "@tensorflow/tfjs-core";
import type { EvaluationPicture, EvaluationText } from "../loader/evaluation.ts";
import { noDropout } from "../models/dropout.ts";
import { matrix, tensor3, tensor4 } from "../models/ranks.ts";
import {
  embedPictures,
  fusePairs,
  matchingLogits,
  parsePictures,
  type VisualParsingConfig,
} from "../models/visual-parsing/visual-parsing.ts";
import type { Weights } from "../models/weights.ts";
import { tensorOfBytes } from "../tensor/bytes.ts";
import { type CompiledStep, compile } from "../tensor/compiled/compiled-step.ts";

// P pictures, S image side, m visual tokens, D hidden size, B texts of a chunk, n text tokens

/** A trained model, its weights on the device. */
export interface LoadedModel {
  readonly config: VisualParsingConfig;
  readonly weights: Weights;
}

/** Texts scored against one picture in one run of the model. */
const TEXTS_PER_CHUNK = 128;

/** Scores pairs by the matching head: the logit of "matched" less that of "unmatched". Nothing is masked. */
export class PairScorer implements Disposable {
  readonly #config: VisualParsingConfig;
  readonly #names: readonly string[];
  readonly #weights: readonly tf.Tensor[];
  readonly #embed: CompiledStep;
  readonly #score: CompiledStep;

  constructor({ config, weights }: LoadedModel) {
    this.#config = config;
    this.#names = Object.keys(weights);
    this.#weights = Object.values(weights);
    const numWeights = this.#weights.length;
    this.#embed = compile((inputs) => {
      const named = this.#named(inputs);
      const parsed = parsePictures(named, config, tensor4(inputAt(inputs, numWeights)));
      return [embedPictures(named, config, parsed.tokens)];
    });
    this.#score = compile((inputs) => {
      const [tokenIds, tokenMask, picture] = inputs.slice(numWeights);
      if (!tokenIds || !tokenMask || !picture) throw new RangeError("a chunk is three tensors");
      const visual = tensor3(tf.tile(picture, [tokenIds.shape[0] ?? 0, 1, 1]));
      const named = this.#named(inputs);
      const pair = { tokenIds: matrix(tokenIds), tokenMask: matrix(tokenMask), visual };
      const output = fusePairs(named, config, { ...pair, dropout: noDropout });
      const logits = matchingLogits(named, output.text); // [B, 2]
      return [
        tf.reshape(
          tf.sub(tf.slice(logits, [0, 1], [-1, 1]), tf.slice(logits, [0, 0], [-1, 1])),
          [-1],
        ),
      ];
    });
  }

  /** A picture's embedded visual tokens, [1, m, D]; the caller's to dispose. */
  embed(picture: EvaluationPicture): tf.Tensor3D {
    const size = this.#config.swin.imageSize;
    const pixels = tensorOfBytes<tf.Rank.R4>(picture.pixels, [1, size, size, 3]);
    const [embedded] = this.#embed.run([...this.#weights, pixels]);
    pixels.dispose();
    return tensor3(inputAt(embedded ? [embedded] : [], 0));
  }

  /** The scores of all texts with one picture, in the order of the texts. */
  scores(picture: tf.Tensor3D, texts: TextChunks): Float32Array {
    const scores = new Float32Array(texts.numTexts);
    let offset = 0;
    for (const { tokenIds, tokenMask, count } of texts.chunks) {
      const [chunk] = this.#score.run([...this.#weights, tokenIds, tokenMask, picture]);
      const values = inputAt(chunk ? [chunk] : [], 0);
      scores.set(Float32Array.from(values.dataSync()).subarray(0, count), offset);
      values.dispose();
      offset += count;
    }
    return scores;
  }

  [Symbol.dispose](): void {
    this.#embed[Symbol.dispose]();
    this.#score[Symbol.dispose]();
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
