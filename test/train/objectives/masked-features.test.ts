import * as tf from "@tensorflow/tfjs-core";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  gatherTokens,
  hideTokens,
  maskedFeatureLoss,
  maskOfIndices,
  rankedMask,
} from "../../../src/train/objectives/masked-features.ts";

beforeAll(loadTensorFlow);

type Matrix = readonly (readonly number[])[];

/** The masked tokens of one pair whose picture has this attention. */
function maskOf(attention: Matrix, pivot: number, maskedTokens: number): number[] {
  const indices = rankedMask({
    attention: tf.tensor3d([attention.map((row) => [...row])]),
    pictureOfPair: tf.tensor1d([0], "int32"),
    pivots: tf.tensor1d([pivot], "int32"),
    maskedTokens,
  });
  return [...indices.dataSync()];
}

/** The k places with the largest 0.5 (I + W) of the pivot's row, ties to the lowest. */
function bruteForce(attention: Matrix, pivot: number, maskedTokens: number): number[] {
  const row = attention[pivot]?.map((weight, token) => 0.5 * (weight + Number(token === pivot)));
  const ranked = (row ?? []).map((weight, token) => ({ weight, token }));
  return ranked
    .toSorted((a, b) => b.weight - a.weight || a.token - b.token)
    .slice(0, maskedTokens)
    .map(({ token }) => token);
}

// Weights of a few levels, so that ties are common.
const cases = fc.integer({ min: 2, max: 9 }).chain((tokens) =>
  fc.record({
    attention: fc.array(
      fc.array(fc.constantFrom(0, 0.125, 0.25, 0.5), { minLength: tokens, maxLength: tokens }),
      { minLength: tokens, maxLength: tokens },
    ),
    pivot: fc.integer({ min: 0, max: tokens - 1 }),
    maskedTokens: fc.integer({ min: 1, max: tokens }),
  }),
);

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

describe("the attention-ranked mask", () => {
  it("is the top k of the pivot's row, ties to the lowest index, by brute force (F-1)", () => {
    fc.assert(
      fc.property(cases, ({ attention, pivot, maskedTokens }) => {
        const mask = maskOf(attention, pivot, maskedTokens);
        expect(mask).toEqual(bruteForce(attention, pivot, maskedTokens));
        expect(new Set(mask).size).toBe(maskedTokens);
      }),
      { numRuns: 60 },
    );
  });

  it("always holds the pivot, even where its own weight is 0 (F-2)", () => {
    const attention = [
      [0, 0.5, 0.5],
      [0.9, 0, 0.1],
      [0.2, 0.8, 0],
    ];
    for (const pivot of [0, 1, 2]) expect(maskOf(attention, pivot, 1)).toEqual([pivot]);
    expect(maskOf(attention, 1, 3)).toEqual([1, 0, 2]);
  });

  it("stays inside the pivot's block of attention (F-3)", () => {
    const blocks = Array.from({ length: 6 }, (_, row) =>
      Array.from({ length: 6 }, (_unused, column) => (row < 3 === column < 3 ? 1 / 3 : 0)),
    );
    expect(sorted(maskOf(blocks, 1, 3))).toEqual([0, 1, 2]);
    expect(sorted(maskOf(blocks, 5, 3))).toEqual([3, 4, 5]);
  });

  it("is the same for any increasing function of the row's other weights (F-4)", () => {
    fc.assert(
      fc.property(cases, ({ attention, pivot, maskedTokens }) => {
        const squared = attention.map((row) => row.map((weight) => weight ** 2));
        expect(maskOf(squared, pivot, maskedTokens)).toEqual(
          maskOf(attention, pivot, maskedTokens),
        );
      }),
      { numRuns: 20 },
    );
  });

  it("looks in the attention of each pair's own picture", () => {
    const attention = tf.tensor3d([
      [
        [0, 1],
        [1, 0],
      ],
      [
        [0.2, 0.8],
        [0.5, 0.5],
      ],
    ]);
    const indices = rankedMask({
      attention,
      pictureOfPair: tf.tensor1d([1, 0, 1], "int32"),
      pivots: tf.tensor1d([0, 1, 1], "int32"),
      maskedTokens: 2,
    });
    expect(indices.arraySync()).toEqual([
      [0, 1],
      [0, 1],
      [1, 0],
    ]);
  });

  it("becomes ones where a token is hidden", () => {
    const indices = tf.tensor2d([[2, 0], [1, 3]], [2, 2], "int32"); // prettier-ignore
    expect(maskOfIndices(indices, 4).arraySync()).toEqual([
      [1, 0, 1, 0],
      [0, 1, 0, 1],
    ]);
  });
});

const middleMask = (): tf.Tensor2D => tf.tensor2d([[0, 1, 0]]);
const replacement = (): tf.Tensor3D => tf.tensor3d([[[7, 7], [8, 8], [9, 9]]]); // prettier-ignore

const hideMiddle = (visual: tf.Tensor): tf.Tensor3D =>
  hideTokens(tf.reshape(visual, [1, 3, 2]), middleMask(), replacement());

describe("hidden tokens", () => {
  it("leave nothing of themselves, in value and gradient (F-5)", () => {
    const [one, other] = [5, -1e30].map((value) =>
      hideMiddle(tf.tensor1d([1, 2, value, value, 3, 4])),
    );
    expect(one?.arraySync()).toEqual([[[1, 2], [8, 8], [3, 4]]]); // prettier-ignore
    expect(other?.arraySync()).toEqual(one?.arraySync());
    const gradient = tf.grad((visual: tf.Tensor) => tf.sum(hideMiddle(visual)))(tf.ones([6]));
    expect([...gradient.dataSync()]).toEqual([1, 1, 0, 0, 1, 1]);
  });

  it("are gathered from the grid of each pair", () => {
    const grids = tf.tensor3d([[[0], [1], [2]], [[10], [11], [12]]]); // prettier-ignore
    const indices = tf.tensor2d([[2, 0], [1, 2], [0, 1]], [3, 2], "int32"); // prettier-ignore
    const gathered = gatherTokens(grids, tf.tensor1d([1, 0, 1], "int32"), indices);
    expect(gathered.arraySync()).toEqual([[12], [10], [1], [2], [10], [11]]);
  });
});

const features = (): tf.Tensor2D => tf.tensor2d([[1, 2], [3, 4], [5, 6], [7, 8]]); // prettier-ignore

const lossOf = (error: number, counted: number[]): number => {
  const regressed = tf.add(features(), error);
  const loss = maskedFeatureLoss(features(), tf.reshape(regressed, [4, 2]), tf.tensor1d(counted));
  return loss.dataSync()[0] ?? Number.NaN;
};

describe("masked feature regression", () => {
  it("is the sum over masked tokens of squared distances, the mean over pairs; 0 when perfect (F-6)", () => {
    expect(lossOf(0, [1, 1])).toBe(0);
    expect(lossOf(0.5, [1, 1])).toBeCloseTo(2 * 2 * 0.25, 6);
    expect(lossOf(1, [1, 1])).toBeCloseTo(4 * lossOf(0.5, [1, 1]), 6);
  });

  it("leaves pairs out that do not count, and is 0 without any (F-8)", () => {
    expect(lossOf(1, [1, 0])).toBeCloseTo(lossOf(1, [1, 1]), 6);
    expect(lossOf(1, [0, 0])).toBe(0);
    const gradient = tf.grad((regressed: tf.Tensor) =>
      maskedFeatureLoss(features(), tf.reshape(regressed, [4, 2]), tf.tensor1d([0, 1])),
    )(tf.zeros([4, 2]));
    expect(tf.reshape(gradient, [4, 2]).arraySync()).toEqual([
      [-0, -0],
      [-0, -0],
      [-10, -12],
      [-14, -16],
    ]);
  });
});
