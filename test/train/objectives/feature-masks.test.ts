import * as tf from "@tensorflow/tfjs-core";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { tensor3 } from "../../../src/models/ranks.ts";
import { RandomStream } from "../../../src/core/random.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  featureCosines,
  randomMask,
  rankedMask,
} from "../../../src/train/objectives/feature-masks.ts";
import { maskedTokenCount, type MaskRanking } from "../../../src/train/objectives/mask-choice.ts";
import { largestDifference } from "../../models/parity-fixture.ts";

beforeAll(loadTensorFlow);

type Matrix = readonly (readonly number[])[];

interface Choice {
  readonly affinity: Matrix;
  readonly pivot: number;
  readonly count: number;
  readonly ranking?: MaskRanking;
}

/** The masked tokens of one pair whose picture has this attention. */
function maskOf({ affinity, count, pivot, ranking = "with-identity" }: Choice): number[] {
  const indices = rankedMask({
    affinity: tf.tensor3d([affinity.map((row) => [...row])]),
    pictureOfPair: tf.tensor1d([0], "int32"),
    pivots: tf.tensor1d([pivot], "int32"),
    ranking,
    count,
  });
  return [...indices.dataSync()];
}

/** What is added to the pivot's own weight, after which the highest are taken. */
const PIVOT_BONUS: Readonly<Record<MaskRanking, number>> = {
  "with-identity": 1,
  bare: 0,
  "pivot-and-bare": Number.POSITIVE_INFINITY,
};

/** The places with the largest weights of the pivot's row, ties to the lowest. */
function bruteForce({ affinity, count, pivot, ranking = "with-identity" }: Choice): number[] {
  const ranked = (affinity[pivot] ?? []).map((weight, token) => ({
    weight: token === pivot ? weight + PIVOT_BONUS[ranking] : weight,
    token,
  }));
  return ranked
    .toSorted((a, b) => b.weight - a.weight || a.token - b.token)
    .slice(0, count)
    .map(({ token }) => token);
}

// Weights of a few levels, so that ties are common.
const cases = fc.integer({ min: 2, max: 9 }).chain((tokens) =>
  fc.record({
    affinity: fc.array(
      fc.array(fc.constantFrom(0, 0.125, 0.25, 0.5), { minLength: tokens, maxLength: tokens }),
      { minLength: tokens, maxLength: tokens },
    ),
    pivot: fc.integer({ min: 0, max: tokens - 1 }),
    count: fc.integer({ min: 1, max: tokens }),
    ranking: fc.constantFrom<MaskRanking>("with-identity", "bare", "pivot-and-bare"),
  }),
);

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

describe("the attention-ranked mask", () => {
  it("F-1: is the top of the pivot's row, ties to the lowest index, by brute force for each ranking", () => {
    fc.assert(
      fc.property(cases, (choice) => {
        const mask = maskOf(choice);
        expect(mask).toEqual(bruteForce(choice));
        expect(new Set(mask).size).toBe(choice.count);
      }),
      { numRuns: 100 },
    );
  });

  it("F-2: always holds the pivot with the identity, even where its own weight is 0", () => {
    const affinity = [
      [0, 0.5, 0.5],
      [0.9, 0, 0.1],
      [0.2, 0.8, 0],
    ];
    for (const pivot of [0, 1, 2]) expect(maskOf({ affinity, pivot, count: 1 })).toEqual([pivot]);
    expect(maskOf({ affinity, pivot: 1, count: 3 })).toEqual([1, 0, 2]);
  });

  it("F-2: may lack the pivot with bare weights, unless it is counted beside them", () => {
    const affinity = [
      [0, 0.6, 0.4],
      [1, 0, 0],
      [0, 0, 1],
    ];
    expect(maskOf({ affinity, pivot: 0, count: 2, ranking: "bare" })).toEqual([1, 2]);
    expect(maskOf({ affinity, pivot: 0, count: 2, ranking: "pivot-and-bare" })).toEqual([0, 1]);
  });

  it("F-3: stays inside the pivot's block of attention", () => {
    const affinity = Array.from({ length: 6 }, (_, row) =>
      Array.from({ length: 6 }, (_unused, column) => (row < 3 === column < 3 ? 1 / 3 : 0)),
    );
    for (const ranking of ["with-identity", "bare", "pivot-and-bare"] as const) {
      expect(sorted(maskOf({ affinity, pivot: 1, count: 3, ranking }))).toEqual([0, 1, 2]);
      expect(sorted(maskOf({ affinity, pivot: 5, count: 3, ranking }))).toEqual([3, 4, 5]);
    }
  });

  it("F-4: is the same for any increasing function of the row's weights", () => {
    fc.assert(
      fc.property(cases, (choice) => {
        const squared = choice.affinity.map((row) => row.map((weight) => weight ** 2));
        expect(maskOf({ ...choice, affinity: squared })).toEqual(maskOf(choice));
      }),
      { numRuns: 30 },
    );
  });

  it("F-1: looks in the attention of each pair's own picture", () => {
    const affinity = tf.tensor3d([
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
      affinity,
      pictureOfPair: tf.tensor1d([1, 0, 1], "int32"),
      pivots: tf.tensor1d([0, 1, 1], "int32"),
      ranking: "with-identity",
      count: 2,
    });
    expect(indices.arraySync()).toEqual([
      [0, 1],
      [0, 1],
      [1, 0],
    ]);
  });
});

describe("how many tokens are masked", () => {
  const size = { chooser: "attention", visualTokens: 49, maskedTokens: 7, ranking: "with-identity" } as const; // prettier-ignore

  it("F-2: is k = 7 or round(m p); the two agree at 224 px only", () => {
    const counts = [49, 144].map((visualTokens) => [
      maskedTokenCount({ ...size, visualTokens, maskedShare: null }),
      maskedTokenCount({ ...size, visualTokens, maskedShare: 0.15 }),
    ]);
    expect(counts).toEqual([
      [7, 7],
      [7, 22],
    ]);
  });

  it("F-2: is k + 1 where the pivot is counted beside bare weights, and 0 where none is masked", () => {
    expect(maskedTokenCount({ ...size, maskedShare: null, ranking: "bare" })).toBe(7);
    expect(maskedTokenCount({ ...size, maskedShare: null, ranking: "pivot-and-bare" })).toBe(8);
    expect(maskedTokenCount({ ...size, maskedShare: null, chooser: "none" })).toBe(0);
  });
});

describe("the cosine-ranked mask", () => {
  it("has the cosine of each two features; zeros are near to none", () => {
    const features = tf.tensor3d([[[3, 4], [6, 8], [4, -3], [0, 0]]]); // prettier-ignore
    const expected = [1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    expect(largestDifference(featureCosines(features).dataSync(), expected)).toBeLessThan(1e-6);
  });
});

const rowsOf = (mask: Int32Array): number[][] =>
  Array.from({ length: mask.length / 4 }, (_, pair) => [...mask.subarray(pair * 4, pair * 4 + 4)]);

describe("the random mask", () => {
  const drawn = { numPairs: 2000, firstPair: 0, visualTokens: 9, count: 4, seed: 3, step: 1 };
  it("F-8: holds k different tokens of each pair, each token equally often (chi-square)", () => {
    const rows = rowsOf(randomMask(drawn));
    expect(rows.every((row) => new Set(row).size === 4)).toBe(true);
    const counts = Array.from({ length: 9 }, (_, token) => rows.flat().filter((other) => other === token).length); // prettier-ignore
    const expected = (drawn.numPairs * 4) / 9;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(CHI_SQUARE_OF_8);
  });

  it("is a function of seed, step and pair of the global batch alone", () => {
    expect(randomMask(drawn)).toEqual(randomMask(drawn));
    const part = randomMask({ ...drawn, numPairs: 3, firstPair: 5 });
    expect(rowsOf(part)).toEqual(rowsOf(randomMask(drawn)).slice(5, 8));
    for (const change of [{ seed: 4 }, { step: 2 }]) {
      expect(randomMask({ ...drawn, ...change })).not.toEqual(randomMask(drawn));
    }
  });
});

/** Chi-square that 8 degrees of freedom exceed with a probability of 1e-3. */
const CHI_SQUARE_OF_8 = 26.1;

const [SIDE, TOKENS, CHANNELS, PICTURES, MASKED] = [7, 49, 16, 40, 7];

/** Features of 7 x 7 grids that change smoothly: waves of one length or more over the picture. */
function smoothFeatures(): tf.Tensor3D {
  const random = new RandomStream(11);
  const values = Array.from({ length: PICTURES }, () => {
    const waves = Array.from({ length: CHANNELS }, () => ({
      down: 2 * random.nextFloat() - 1,
      right: 2 * random.nextFloat() - 1,
      phase: 2 * Math.PI * random.nextFloat(),
    }));
    return Array.from({ length: TOKENS }, (_, token) => {
      const [row, column] = [Math.floor(token / SIDE), token % SIDE];
      return waves.map(({ down, phase, right }) =>
        Math.sin((2 * Math.PI * (down * row + right * column)) / SIDE + phase),
      );
    });
  });
  return tf.tensor3d(values);
}

/** The mean cosine between masked and unmasked tokens of each picture. */
function cosinesAcross(masks: readonly (readonly number[])[], cosines: Float32Array): number[] {
  return masks.map((masked, picture) => {
    const others = Array.from({ length: TOKENS }, (_, token) => token).filter((token) => !masked.includes(token)); // prettier-ignore
    const pairs = masked.flatMap((token) =>
      others.map((other) => cosines[(picture * TOKENS + token) * TOKENS + other] ?? Number.NaN),
    );
    return pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
  });
}

describe("what is left to copy from", () => {
  it("F-9: is less alike to what attention masks than to what chance masks, on smooth pictures (one-sided t test)", () => {
    const features = smoothFeatures();
    // Attention by likeness, as that of trained models: the features are queries and keys.
    const affinity = tensor3(tf.softmax(tf.matMul(features, features, false, true)));
    const random = randomMask({ numPairs: PICTURES, firstPair: 0, visualTokens: TOKENS, count: MASKED, seed: 1, step: 1 }); // prettier-ignore
    const byChance = Array.from({ length: PICTURES }, (_, pair) => [...random.subarray(pair * MASKED, (pair + 1) * MASKED)]); // prettier-ignore
    const ranked = rankedMask({
      affinity,
      pictureOfPair: tf.range(0, PICTURES, 1, "int32"),
      pivots: tf.tensor1d(byChance.map(([pivot = 0]) => pivot), "int32"), // prettier-ignore
      ranking: "with-identity",
      count: MASKED,
    });
    const cosines = Float32Array.from(featureCosines(features).dataSync());
    const [attention, chance] = [cosinesAcross(ranked.arraySync(), cosines), cosinesAcross(byChance, cosines)]; // prettier-ignore
    const gains = chance.map((value, picture) => value - (attention[picture] ?? Number.NaN));
    const mean = gains.reduce((sum, value) => sum + value, 0) / PICTURES;
    const variance = gains.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (PICTURES - 1);
    expect(mean / Math.sqrt(variance / PICTURES)).toBeGreaterThan(T_OF_39);
  });
});

/** Student's t that 39 degrees of freedom exceed with a probability of 1e-3. */
const T_OF_39 = 3.31;
