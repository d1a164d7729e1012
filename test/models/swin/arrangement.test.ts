import * as tf from "@tensorflow/tfjs-core";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { arrange, arrangementOf, restore } from "../../../src/models/swin/arrangement.ts";
import { mergeOrder, PAD, windowOrder } from "../../../src/models/swin/windows.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";

beforeAll(loadTensorFlow);

const grids = fc.record({
  grid: fc.record({
    height: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 9 }),
  }),
  options: fc.integer({ min: 1, max: 4 }).chain((windowSize) =>
    fc.record({
      windowSize: fc.constant(windowSize),
      shift: fc.integer({ min: 0, max: windowSize - 1 }),
    }),
  ),
});

/** Two pictures' tokens, each the number of its place, from 1. */
const coded = (numTokens: number): tf.Tensor3D =>
  tf.tensor3d(
    Array.from({ length: 2 * numTokens }, (_, place) => place + 1),
    [2, numTokens, 1],
  );

describe("arranging tokens in windows", () => {
  it("S-2: is taken back exactly for any grid, which is filled up with zeros and then cropped", () => {
    fc.assert(
      fc.property(grids, ({ grid, options }) => {
        const numTokens = grid.height * grid.width;
        const arrangement = arrangementOf(windowOrder(grid, options));
        const windows = arrange(coded(numTokens), arrangement);
        expect((windows.shape[1] ?? 0) % options.windowSize ** 2).toBe(0);
        const zeros = windows.dataSync().filter((value) => value === 0).length;
        expect(zeros).toBe(2 * arrangement.tokens.filter((token) => token === PAD).length);
        expect(zeros).toBe(windows.size - 2 * numTokens);
        expect([...restore(windows, arrangement).dataSync()]).toEqual([
          ...coded(numTokens).dataSync(),
        ]);
      }),
      { numRuns: 50 },
    );
  });

  it("S-2: lets the gradient of each token back to it, and none from what fills the grid up", () => {
    const arrangement = arrangementOf(
      windowOrder({ height: 3, width: 4 }, { windowSize: 2, shift: 1 }),
    );
    const probe = tf.tensor3d(
      Array.from({ length: 2 * 16 }, (_, place) => place),
      [2, 16, 1],
    );
    const gradient = tf.grad((x: tf.Tensor) => tf.sum(tf.mul(arrange(x, arrangement), probe)))(
      coded(12),
    );
    expect([...gradient.dataSync()]).toEqual([...restore(probe, arrangement).dataSync()]);
    const back = tf.grad((y: tf.Tensor) => tf.sum(restore(y, arrangement)))(probe);
    expect(
      [...back.dataSync()].map((value, place) =>
        arrangement.tokens[place % 16] === PAD ? value === 0 : value === 1,
      ),
    ).toEqual(Array.from({ length: 32 }, () => true));
  });
});

describe("patch merging", () => {
  it("S-6: joins (even row, even column), (odd, even), (even, odd), (odd, odd) of integer-coded tokens", () => {
    const joined = arrange(coded(8), arrangementOf(mergeOrder({ height: 2, width: 4 })));
    expect(tf.reshape<tf.Rank.R3>(joined, [2, 2, 4]).arraySync()).toEqual([
      [
        [1, 5, 2, 6],
        [3, 7, 4, 8],
      ],
      [
        [9, 13, 10, 14],
        [11, 15, 12, 16],
      ],
    ]);
  });

  it("S-6: takes zeros beyond the last row and column of an odd grid", () => {
    const joined = arrange(coded(3), arrangementOf(mergeOrder({ height: 1, width: 3 })));
    expect([...joined.dataSync()]).toEqual([1, 0, 2, 0, 3, 0, 0, 0, 4, 0, 5, 0, 6, 0, 0, 0]);
  });
});
