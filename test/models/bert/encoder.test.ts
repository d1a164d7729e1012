import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { embeddingSpecs, embedText } from "../../../src/models/bert/embeddings.ts";
import { encode, encodeLayers, encoderSpecs } from "../../../src/models/bert/encoder.ts";
import { jointSequence, splitJoint } from "../../../src/models/bert/joint.ts";
import type { LayerOutput } from "../../../src/models/bert/layer.ts";
import { bertLanguageHead, languageHeadLogits } from "../../../src/models/bert/language-head.ts";
import {
  expandTokenTypes,
  tokenTypeEmbedding,
  tokenTypeSources,
} from "../../../src/models/bert/token-types.ts";
import { noDropout, type Dropout } from "../../../src/models/dropout.ts";
import { matrix, tensor3 } from "../../../src/models/ranks.ts";
import type { Weights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { keyedDropout } from "../../../src/train/step/keyed-dropout.ts";
import { fixtureWeights, largestDifference, uniformTensor } from "../parity-fixture.ts";
import { tinyBert } from "./tiny-bert.ts";

beforeAll(loadTensorFlow);

const SIZE = tinyBert.hiddenSize;
const weightsOf = (): Weights =>
  fixtureWeights([...embeddingSpecs(tinyBert), ...encoderSpecs(tinyBert)], 4);

/** Two texts of 5 and 3 words beside three and two tokens that are no words. */
const WORD_MASK = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0];
const OTHER_MASK = [1, 1, 1, 1, 1, 0];
const PADS_OF_SECOND = [3, 4, 7];

function layersOf(dropout: Dropout, pads = 0): LayerOutput[] {
  const weights = weightsOf();
  const ids = [2, 5, 6, 7, 3, 2, 9, 3, pads, pads];
  const tokenIds = tf.tensor2d(ids, [2, 5], "int32");
  const sequence = jointSequence({
    words: embedText(weights, { tokenIds, tokenTypes: 0, dropout }),
    wordMask: tf.tensor2d(WORD_MASK, [2, 5], "int32"),
    others: tensor3(uniformTensor(4, "regions", [2, 3, SIZE])),
    otherMask: tf.tensor2d(OTHER_MASK, [2, 3], "int32"),
  });
  return encodeLayers(weights, tinyBert, { ...sequence, dropout });
}

const valuesOf = (tensor: tf.Tensor | undefined): Float32Array =>
  Float32Array.from(tensor?.dataSync() ?? []);
const lastOf = (dropout: Dropout): Float32Array => valuesOf(layersOf(dropout).at(-1)?.tokens);

const droppingAttention: Dropout = () => (x) => (x.rank === 4 ? tf.zerosLike(x) : x);

describe("each layer's output", () => {
  it("B-10: comes with attention whose rows sum to 1 and are 0 on pads", () => {
    const layers = layersOf(noDropout);
    expect(layers.map(({ attention }) => attention.shape)).toEqual([
      [2, 2, 8, 8],
      [2, 2, 8, 8],
    ]);
    for (const { attention } of layers) {
      const sums = valuesOf(tf.sum(attention, 3));
      expect(largestDifference(sums, new Float32Array(32).fill(1))).toBeLessThan(1e-6);
      const toPads = PADS_OF_SECOND.map((pad) => tf.slice(attention, [1, 0, 0, pad], [1, 2, 8, 1]));
      expect(Math.max(...valuesOf(tf.concat(toPads)))).toBeLessThan(1e-7);
    }
  });

  it("B-10: has attention as it was before dropout", () => {
    const [first] = layersOf(droppingAttention);
    const sums = valuesOf(tf.sum(first?.attention ?? [], 3));
    expect(largestDifference(sums, new Float32Array(32).fill(1))).toBeLessThan(1e-6);
  });

  it("ends with what the encoder gives", () => {
    const weights = weightsOf();
    const input = {
      tokens: tensor3(uniformTensor(4, "tokens", [1, 4, SIZE])),
      bias: tf.zeros<tf.Rank.R4>([1, 1, 1, 4]),
      dropout: noDropout,
    };
    const layers = encodeLayers(weights, tinyBert, input);
    expect(layers).toHaveLength(2);
    expect([...valuesOf(layers.at(-1)?.tokens)]).toEqual([
      ...valuesOf(encode(weights, tinyBert, input)),
    ]);
  });

  it("B-3: is the same for real tokens whatever the pads hold", () => {
    const [zero, other] = [0, 13].map((pads) =>
      valuesOf(tf.slice(layersOf(noDropout, pads).at(-1)?.tokens ?? [], [1, 0, 0], [1, 3, SIZE])),
    );
    expect(largestDifference(zero ?? [], other ?? [])).toBeLessThan(1e-6);
  });
});

const at = (seed: number, step: number): Dropout =>
  keyedDropout(0.2, { randomKey: tf.tensor1d([seed, step, 0], "int32"), numPairs: 2 });

describe("dropout", () => {
  it("B-8: is none in evaluation and, in training, a function of seed and step", () => {
    expect([...lastOf(noDropout)]).toEqual([...lastOf(noDropout)]);
    expect([...lastOf(at(1, 2))]).toEqual([...lastOf(at(1, 2))]);
    for (const other of [noDropout, at(1, 3), at(2, 2)]) {
      expect(largestDifference(lastOf(other), lastOf(at(1, 2)))).toBeGreaterThan(1e-2);
    }
  });
});

describe("one sequence of words and other tokens", () => {
  it("has the words first, and is split at their number", () => {
    const [words, others] = [[2, 5, SIZE] as const, [2, 3, SIZE] as const].map((shape) =>
      tensor3(uniformTensor(4, `part of ${shape[1]}`, shape)),
    );
    if (!words || !others) throw new RangeError("two parts");
    const { bias, tokens } = jointSequence({
      words,
      others,
      wordMask: tf.tensor2d(WORD_MASK, [2, 5], "int32"),
      otherMask: tf.tensor2d(OTHER_MASK, [2, 3], "int32"),
    });
    const isReal = [...valuesOf(bias)].map((value) => (value === 0 ? 1 : 0));
    expect(isReal).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0]);
    const parts = splitJoint(tokens, 5);
    expect([...valuesOf(parts.words)]).toEqual([...valuesOf(words)]);
    expect([...valuesOf(parts.others)]).toEqual([...valuesOf(others)]);
  });
});

const table = (): tf.Tensor2D => matrix(uniformTensor(4, "types", [2, SIZE]));

const rowsOf = (sources: readonly number[]): string[] =>
  tf.unstack(expandTokenTypes(table(), sources)).map((row) => valuesOf(row).join());

describe("token types of a task", () => {
  it("B-9: start as NLVR2's rows 1 and 2 from row 1, VCR's rows 2 and 3 from row 0", () => {
    const [text, image] = tf.unstack(table()).map((row) => valuesOf(row).join());
    expect(rowsOf(tokenTypeSources.nlvr2)).toEqual([text, image, image]);
    expect(rowsOf(tokenTypeSources.vcr)).toEqual([text, image, text, text]);
    expect(text).not.toBe(image);
  });

  it("are looked up for each token or for all at once, with a gradient to their rows alone", () => {
    const named = { "embeddings.token_type_embeddings.weight": table() };
    const ids = tf.tensor2d([[0, 1], [1, 1]], [2, 2], "int32"); // prettier-ignore
    expect(tokenTypeEmbedding(named, ids).shape).toEqual([2, 2, SIZE]);
    const ofRow = (row: number): tf.Tensor => tf.slice(table(), row, 1);
    expect([...valuesOf(tokenTypeEmbedding(named, 1))]).toEqual([...valuesOf(ofRow(1))]);
    const gradient = tf.grad((types: tf.Tensor) =>
      tf.sum(tokenTypeEmbedding({ "embeddings.token_type_embeddings.weight": types }, 1)),
    )(table());
    expect([...valuesOf(gradient)]).toEqual(
      Array.from({ length: 2 * SIZE }, (_, place) => Number(place >= SIZE)),
    );
  });
});

describe("the masked words' head", () => {
  it("M-6: ties its decoder to the embeddings: the table's gradient is the sum of both uses", () => {
    const name = "embeddings.word_embeddings.weight";
    const weights = weightsOf();
    const head = { ...bertLanguageHead, hasTransform: false, hasBias: false };
    const tokenIds = tf.tensor2d([[4, 9]], [1, 2], "int32");
    const gradientOf = (input: boolean, output: boolean): Float32Array => {
      const gradient = tf.grad((words: tf.Tensor) => {
        const read = { ...weights, ...(input ? { [name]: words } : {}) };
        const states = embedText(read, { tokenIds, dropout: noDropout });
        const decoding = { ...weights, ...(output ? { [name]: words } : {}) };
        const logits = languageHeadLogits(decoding, head, tf.reshape(states, [2, SIZE]));
        return tf.sum(tf.mul(logits, uniformTensor(4, "probe", [2, tinyBert.vocabularySize])));
        // A tensor of its own: tfjs follows the tensor, wherever it is used.
      })(tf.clone(weights[name] ?? tf.zeros([1])));
      return valuesOf(gradient);
    };
    const [both, inputs, outputs] = [gradientOf(true, true), gradientOf(true, false), gradientOf(false, true)]; // prettier-ignore
    const sum = both.map((_, place) => (inputs[place] ?? 0) + (outputs[place] ?? 0));
    expect(largestDifference(both, sum)).toBeLessThan(1e-6);
    expect(inputs.some((value) => value !== 0)).toBe(true);
  });
});
