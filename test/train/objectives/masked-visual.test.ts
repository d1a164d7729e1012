import * as tf from "@tensorflow/tfjs-core";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { codeLogits } from "../../../src/models/soho/soho.ts";
import { matrix } from "../../../src/models/ranks.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  cosineFloor,
  hideIndexAtLocation,
  hideOneIndex,
  maskedVisualAccuracy,
  maskedVisualLoss,
  visualWeights,
  type CodedPictures,
  type VisualMask,
} from "../../../src/train/objectives/masked-visual.ts";
import { uniform, uniformTensor } from "../../models/parity-fixture.ts";

beforeAll(loadTensorFlow);

type Rows = readonly (readonly number[])[];

const rowsOf = (x: tf.Tensor2D): number[][] => tf.unstack(x).map((row) => [...row.dataSync()]);
const numberOf = (scalar: tf.Tensor): number => scalar.dataSync()[0] ?? Number.NaN;

function coded(indices: Rows, valid: Rows, pictureOfPair: readonly number[]): CodedPictures {
  return {
    indices: tf.tensor2d(
      indices.map((row) => [...row]),
      undefined,
      "int32",
    ),
    valid: tf.tensor2d(valid.map((row) => [...row])),
    pictureOfPair: tf.tensor1d([...pictureOfPair], "int32"),
  };
}

const everywhere = (indices: Rows): Rows => indices.map((row) => row.map(() => 1));

const NUM_CODES = 6;

describe("hiding one index of a picture", () => {
  it("X-1: hides all tokens that carry an existing code and no others, X-2: and nothing on padding", () => {
    const cell = fc.integer({ min: 0, max: NUM_CODES - 1 });
    const picture = fc.array(fc.tuple(cell, fc.boolean()), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(
        picture,
        picture,
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (a, b, u) => {
          const pictures = [a, b];
          const indices = pictures.map((cells) => cells.map(([code]) => code));
          const valid = pictures.map((cells) => cells.map(([, isValid]) => Number(isValid)));
          const pairs = [1, 0, 1];
          const { hidden } = hideOneIndex(coded(indices, valid, pairs), {
            numCodes: NUM_CODES,
            uniforms: tf.tensor1d([u, u, u]),
          });
          for (const [pair, row] of rowsOf(hidden).entries()) {
            const codes = indices[pairs[pair] ?? 0] ?? [];
            const seen = valid[pairs[pair] ?? 0] ?? [];
            const existing = [...new Set(codes.filter((_, place) => seen[place] === 1))].toSorted(
              (x, y) => x - y,
            );
            const chosen = existing[Math.floor(Math.fround(Math.fround(u) * existing.length))];
            const expected = codes.map((code, place) =>
              Number(code === chosen && seen[place] === 1),
            );
            expect(row).toEqual(expected);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("X-1: draws each existing code with the same chance", () => {
    const numPairs = 3000;
    const uniforms = uniform(3, "draws", [numPairs]).map((value) => (value + 1) / 2);
    const { hidden } = hideOneIndex(
      coded(
        [[4, 4, 4, 1, 2]],
        [[1, 1, 1, 1, 1]],
        Array.from({ length: numPairs }, () => 0),
      ),
      { numCodes: NUM_CODES, uniforms: tf.tensor1d(uniforms) },
    );
    const times = [...tf.sum(hidden, 0).dataSync()];
    const deviation = Math.sqrt((numPairs * 2) / 9);
    for (const place of [0, 3, 4]) {
      expect(Math.abs((times[place] ?? 0) - numPairs / 3)).toBeLessThan(4 * deviation);
    }
  });

  it("X-2: labels are the codes as they were", () => {
    const indices = [[3, 1, 3, 0, 5]];
    const { hidden, indices: labels } = hideOneIndex(coded(indices, everywhere(indices), [0, 0]), {
      numCodes: NUM_CODES,
      uniforms: tf.tensor1d([0, 0.6]),
    });
    expect(rowsOf(labels)).toEqual([indices[0], indices[0]]);
    expect(rowsOf(hidden)).toEqual([[0, 0, 0, 1, 0], [1, 0, 1, 0, 0]]); // prettier-ignore
  });
});

describe("hiding the index at one location", () => {
  const indices = [[3, 1, 3, 0], [2, 2, 1, 2]]; // prettier-ignore
  const valid = [[1, 1, 1, 0], [1, 1, 1, 1]]; // prettier-ignore
  const hiddenAt = (location: number, probability: number): number[][] =>
    rowsOf(
      hideIndexAtLocation(coded(indices, valid, [0, 1, 1]), {
        location: tf.tensor1d([location]),
        uniforms: tf.tensor1d([0.01, 0.01, 0.02]),
        probability,
      }).hidden,
    );

  it("X-5: takes one location for the batch and a pair with the given probability", () => {
    expect(hiddenAt(0.1, 1)).toEqual([[1, 0, 1, 0], [1, 1, 0, 1], [1, 1, 0, 1]]); // prettier-ignore
    expect(hiddenAt(0.3, 0.015)).toEqual([[0, 1, 0, 0], [1, 1, 0, 1], [0, 0, 0, 0]]); // prettier-ignore
    expect(hiddenAt(0, 0)).toEqual([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]); // prettier-ignore
  });

  it("X-5: hides nothing where the location is padding, X-2: and no padding elsewhere", () => {
    expect(hiddenAt(0.999_999, 1)[0]).toEqual([0, 0, 0, 0]);
    expect(hiddenAt(0.999_999, 1)[1]).toEqual([1, 1, 0, 1]);
  });

  it("X-5: has the loss sum / (count + 1e-6), 0 without hidden tokens", () => {
    const logits = matrix(uniformTensor(1, "logits", [12, NUM_CODES]));
    const lossOf = (probability: number): number[] => {
      const mask = hideIndexAtLocation(coded(indices, valid, [0, 1, 1]), {
        location: tf.tensor1d([0.1]),
        uniforms: tf.tensor1d([0.01, 0.01, 0.02]),
        probability,
      });
      const weights = visualWeights(mask, tf.ones([3]), "tokens");
      const labels = tf.reshape(mask.indices, [-1]);
      const surprises = tf.neg(
        tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(tf.cast(labels, "int32"), NUM_CODES)), 1),
      );
      const count = numberOf(tf.sum(weights));
      const expected = numberOf(tf.sum(tf.mul(surprises, weights))) / (count + 1e-6);
      return [numberOf(maskedVisualLoss(logits, mask, weights)), expected, count];
    };
    const [loss = 0, expected = 1, count] = lossOf(0.015);
    expect(count).toBe(5);
    expect(loss).toBeCloseTo(expected, 5);
    expect(lossOf(0)[0]).toBeCloseTo(0, 30);
  });
});

const mask = (): VisualMask => ({
  hidden: tf.tensor2d([[1, 0, 1], [0, 1, 0], [1, 1, 1]]), // prettier-ignore
  indices: tf.tensor2d([[4, 2, 4], [0, 5, 1], [3, 3, 3]], undefined, "int32"), // prettier-ignore
});

describe("masked visual modelling", () => {
  it("X-3: is ln k with equal logits", () => {
    for (const numCodes of [6, 2048]) {
      const weights = visualWeights(mask(), tf.tensor1d([1, 0, 1]), "pairs");
      const loss = maskedVisualLoss(tf.zeros([9, numCodes]), mask(), weights);
      expect(numberOf(loss)).toBeCloseTo(Math.log(numCodes), 5);
    }
  });

  it.each([
    [1024, 4.9377],
    [2048, 5.6277],
    [4096, 6.3193],
    [8192, 7.0117],
  ])("X-3: of %i codes by cosine has a floor of %d", (numCodes, floor) => {
    expect(cosineFloor(numCodes)).toBeCloseTo(floor, 4);
  });

  it("X-3: stays at the floor by cosine and goes to 0 by the dot product", () => {
    const codes = tf.tensor2d([[1, 0], [-1, 0], [-1, 0], [-1, 0]]); // prettier-ignore
    const single: VisualMask = {
      hidden: tf.ones([1, 1]),
      indices: tf.zeros([1, 1], "int32"),
    };
    const lossOf = (kind: "dot" | "cosine", length: number): number =>
      numberOf(
        maskedVisualLoss(codeLogits(tf.tensor2d([[length, 0]]), codes, kind), single, tf.ones([1])),
      );
    expect(lossOf("cosine", 1e3)).toBeCloseTo(cosineFloor(4), 5);
    expect(lossOf("cosine", 1e-3)).toBeCloseTo(cosineFloor(4), 5);
    expect(lossOf("dot", 20)).toBeLessThan(1e-3);
  });

  it("X-4: tells how much is hidden, which a choice of codes does not fix", () => {
    const indices = [[1, 1, 1, 2], [0, 1, 2, 3]]; // prettier-ignore
    const { hidden } = hideOneIndex(coded(indices, everywhere(indices), [0, 1]), {
      numCodes: NUM_CODES,
      uniforms: tf.tensor1d([0, 0]),
    });
    expect(numberOf(tf.mean(hidden))).toBe(0.5);
  });

  it("weighs tokens alike or pairs alike, and leaves pairs out that don't count", () => {
    const counted = tf.tensor1d([1, 1, 0]);
    expect([...visualWeights(mask(), counted, "tokens").dataSync()]).toEqual([1, 0, 1, 0, 1, 0, 0, 0, 0]); // prettier-ignore
    expect([...visualWeights(mask(), counted, "pairs").dataSync()]).toEqual([0.5, 0, 0.5, 0, 1, 0, 0, 0, 0]); // prettier-ignore
  });

  it("tells the share of hidden tokens whose code is foremost", () => {
    const logits = tf.oneHot(tf.tensor1d([4, 0, 1, 0, 5, 0, 0, 0, 0], "int32"), 6);
    const accuracy = maskedVisualAccuracy(
      matrix(tf.cast(logits, "float32")),
      mask(),
      visualWeights(mask(), tf.tensor1d([1, 1, 0]), "pairs"),
    );
    expect(numberOf(accuracy)).toBeCloseTo(0.75, 6);
  });

  it("X-6: takes codes that are 0 without NaN, forward and backward", () => {
    const codes = tf.tensor2d([[0, 0], [1, 2], [0, 0]]); // prettier-ignore
    const single: VisualMask = {
      hidden: tf.ones([1, 2]),
      indices: tf.tensor2d([[0, 1]], undefined, "int32"),
    };
    const { value, grad } = tf.valueAndGrad((states: tf.Tensor) =>
      maskedVisualLoss(codeLogits(matrix(states), codes, "cosine"), single, tf.ones([2])),
    )(tf.tensor2d([[1, 1], [0, 0]])); // prettier-ignore
    expect(Number.isFinite(numberOf(value))).toBe(true);
    expect([...grad.dataSync()].every(Number.isFinite)).toBe(true);
  });
});
