import * as tf from "@tensorflow/tfjs-core";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  dictionaryBuffers,
  nearestCodes,
  quantise,
  type DictionaryConfig,
} from "../../../src/models/dictionary/dictionary.ts";
import { restartIdleCodes } from "../../../src/models/dictionary/restart.ts";
import {
  codePerplexity,
  dictionaryUsage,
  usageText,
  usedCodes,
} from "../../../src/models/dictionary/usage.ts";
import { matrix, vector } from "../../../src/models/ranks.ts";
import { initialiseWeights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { largestDifference, uniformTensor } from "../parity-fixture.ts";

beforeAll(loadTensorFlow);

const numberOf = (scalar: tf.Tensor): number => scalar.dataSync()[0] ?? Number.NaN;

describe("the nearest code", () => {
  it("V-1: is the one at the least distance, wherever that is clear by 1e-4", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 40 }), (seed, numCodes) => {
        const features = matrix(tf.mul(uniformTensor(seed, "features", [30, 7]), 2));
        const codes = matrix(uniformTensor(seed, "codes", [numCodes, 7]));
        const distances = tf.sum(
          tf.squaredDifference(tf.expandDims(features, 1), tf.expandDims(codes, 0)),
          2,
        ); // [30, k]
        const rows = tf.unstack(distances).map((row) => [...row.dataSync()]);
        const found = nearestCodes(features, codes).dataSync();
        for (const [place, row] of rows.entries()) {
          const [least = 0, next = Infinity] = row.toSorted((a, b) => a - b);
          const isClear = next - least > 1e-4;
          expect(isClear ? found[place] : row.indexOf(least)).toBe(row.indexOf(least));
        }
      }),
      { numRuns: 30 },
    );
  });

  it("V-1: is the lowest of those at the same distance", () => {
    const code = [1, 2, 3];
    const codes = tf.tensor2d([[9, 9, 9], code, code, [2, 2, 3], code]);
    expect([...nearestCodes(tf.tensor2d([code, [0, 0, 0]]), codes).dataSync()]).toEqual([1, 1]);
    const many = matrix(tf.tile(tf.tensor2d([code]), [5000, 1]));
    expect([...nearestCodes(tf.tensor2d([[4, 4, 4]]), many).dataSync()]).toEqual([0]);
  });
});

describe("quantising", () => {
  it("V-2: gives the code, its gradient to the feature exactly and none to the code", () => {
    const features = matrix(uniformTensor(1, "features", [6, 4]));
    const codes = matrix(uniformTensor(1, "codes", [3, 4]));
    const probe = uniformTensor(1, "probe", [6, 4]);
    const indices = nearestCodes(features, codes);
    const expected = tf.gather(codes, indices).dataSync();
    expect(largestDifference(quantise(features, codes, indices).dataSync(), expected)).toBe(0);
    const [toFeatures, toCodes] = tf.grads((v: tf.Tensor, d: tf.Tensor) => {
      const quantised = quantise(matrix(v), matrix(d), nearestCodes(matrix(v), matrix(d)));
      return tf.add(tf.sum(tf.mul(quantised, probe)), tf.mul(tf.sum(d), 0));
    })([features, codes]);
    expect(toFeatures?.dataSync()).toEqual(probe.dataSync());
    expect(toCodes?.dataSync().every((value) => value === 0)).toBe(true);
  });
});

describe("the use of a dictionary", () => {
  it("V-7: has perplexity k when all codes are used alike and 1 when one is", () => {
    expect(numberOf(codePerplexity(vector(tf.mul(tf.ones([2048]), 3)))) / 2048).toBeCloseTo(1, 4);
    expect(numberOf(codePerplexity(tf.tensor1d([0, 7, 0])))).toBeCloseTo(1, 6);
    expect(numberOf(codePerplexity(tf.tensor1d([1, 0, 3])))).toBeCloseTo(
      Math.exp(0.25 * Math.log(4) + 0.75 * Math.log(4 / 3)),
      5,
    );
  });

  it("V-7: counts used codes exactly", () => {
    expect(numberOf(usedCodes(tf.tensor1d([0, 1, 0, 0.25, 9])))).toBe(3);
  });

  it("names dead codes and warns of codes that are 0", () => {
    const usage = dictionaryUsage({
      counts: tf.tensor1d([2, 0, 0, 2]),
      codes: tf.tensor2d([[1, 0], [0, 0], [0, 0], [0, 1]]), // prettier-ignore
      idleSteps: tf.tensor1d([0, 10, 9, 0]),
      deadAfterSteps: 10,
    });
    expect(usage).toMatchObject({ numCodes: 4, numUsed: 2, numZero: 2, deadCodes: [1] });
    expect(usage.perplexity).toBeCloseTo(2, 5);
    expect(usageText(usage)).toBe(
      "2 of 4 codes used, perplexity 2.0; warning: 2 codes are exactly 0, as moving sums leave those that are never hit; 1 codes are dead",
    );
  });
});

const codes = (): tf.Tensor2D => matrix(uniformTensor(2, "codes", [4, 3]));
const features = (): tf.Tensor2D => matrix(uniformTensor(2, "features", [5, 3]));
const rowsOf = (x: tf.Tensor2D): number[][] => tf.unstack(x).map((row) => [...row.dataSync()]);

const restarted = (counted: number[]): ReturnType<typeof restartIdleCodes> =>
  restartIdleCodes({
    codes: codes(),
    idleSteps: tf.tensor1d([0, 5, 4, 6]),
    features: features(),
    counted: tf.tensor1d(counted),
    uniforms: tf.tensor1d([0, 0, 0.5, 0.999_999]),
    afterSteps: 5,
  });
describe("the restart of idle codes", () => {
  it("V-8: makes each a feature of the batch, never of the padding, and leaves the others", () => {
    const { codes: now, idleSteps, restarted: marks } = restarted([0, 1, 1, 1, 0]);
    const [before, offered] = [rowsOf(codes()), rowsOf(features())];
    expect(rowsOf(now)).toEqual([before[0], offered[1], before[2], offered[3]]);
    expect([...marks.dataSync()]).toEqual([0, 1, 0, 1]);
    expect([...idleSteps.dataSync()]).toEqual([0, 0, 4, 0]);
  });

  it("V-8: does nothing where the batch is padding alone", () => {
    const { codes: now, restarted: marks } = restarted([0, 0, 0, 0, 0]);
    expect(rowsOf(now)).toEqual(rowsOf(codes()));
    expect(numberOf(tf.sum(marks))).toBe(0);
  });
});

describe("a dictionary's buffers", () => {
  const config: DictionaryConfig = {
    codes: 400,
    dimension: 50,
    update: { law: "moving-sums", decay: 0.4 },
  };

  it("start with codes of N(0, 1) and nothing counted", () => {
    const buffers = initialiseWeights(dictionaryBuffers(config, "vq."), {
      seed: 1,
      scale: "published",
    });
    const { mean, variance } = tf.moments(buffers["vq.embed"] ?? tf.scalar(0));
    expect(numberOf(mean)).toBeCloseTo(0, 1);
    expect(numberOf(variance)).toBeCloseTo(1, 1);
    for (const name of ["vq.cluster_size", "vq.embed_avg", "vq.idle_steps"]) {
      expect(numberOf(tf.sum(tf.abs(buffers[name] ?? tf.scalar(1))))).toBe(0);
    }
  });

  it('of "momentum-means" are the codes and how long they are idle', () => {
    const update = { law: "momentum-means", momentum: 0.4 } as const;
    expect(dictionaryBuffers({ ...config, update }, "").map(({ name }) => name)).toEqual([
      "embed",
      "idle_steps",
    ]);
  });
});
