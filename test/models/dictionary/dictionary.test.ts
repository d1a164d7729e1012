import * as tf from "@tensorflow/tfjs-core";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  dictionaryBuffers,
  nearestCodes,
  quantise,
  type DictionaryConfig,
} from "../../../src/models/dictionary/dictionary.ts";
import {
  countRestarts,
  offeredFeatures,
  restartIdleCodes,
} from "../../../src/models/dictionary/restart.ts";
import {
  codePerplexity,
  DEAD_AFTER_STEPS,
  dictionaryUsage,
  usageText,
  usedCodes,
} from "../../../src/models/dictionary/usage.ts";
import { matrix, vector } from "../../../src/models/ranks.ts";
import { initialiseWeights, type Weights } from "../../../src/models/weights.ts";
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

  it("V-4: names dead codes and warns of codes that are 0, with their number", () => {
    const usage = dictionaryUsage({
      codes: tf.tensor2d([[1, 0], [0, 0], [0, 0], [0, 1]]), // prettier-ignore
      idleSteps: tf.tensor1d([0, DEAD_AFTER_STEPS, DEAD_AFTER_STEPS - 1, 0]),
    });
    expect(usage).toEqual({ numCodes: 4, numUsed: 2, numZero: 2, deadCodes: [1] });
    expect(usageText(usage)).toBe(
      "dictionary: 2 of 4 codes used in the last step; 1 dead (idle for 100 steps); warning: 2 codes are exactly 0, as moving sums leave those that are never hit",
    );
    expect(usageText({ ...usage, numZero: 0 })).not.toContain("warning");
  });
});

const rowsOf = (x: tf.Tensor | undefined): number[][] =>
  tf.unstack(x ?? tf.zeros([1])).map((row) => [...row.dataSync()]);

const offers = (seed: number): tf.Tensor2D =>
  offeredFeatures(matrix(uniformTensor(seed, "features", [5, 3])), {
    places: tf.tensor1d([0, 1, 2, 3], "int32"),
    isOwn: tf.tensor1d([1, 1, 0, 1]),
  });
const idleDictionary = (): Weights => ({
  embed: uniformTensor(2, "codes", [4, 3]),
  embed_avg: uniformTensor(2, "sums", [4, 3]),
  cluster_size: tf.tensor1d([9, 0.1, 9, 0.2]),
  idle_steps: tf.tensor1d([0, 5, 4, 6]),
});

const restarts = (after: number): number =>
  numberOf(countRestarts(tf.tensor1d([9, 4, 3, 9]), tf.tensor1d([1, 0, 0, 0]), after));

describe("the restart of idle codes", () => {
  const config: DictionaryConfig = {
    codes: 4,
    dimension: 3,
    update: { law: "moving-sums", decay: 0.4 },
    restartAfterSteps: 5,
  };
  it("V-8: makes each the feature of the batch that is offered, and leaves the others", () => {
    const offered = offers(2);
    const now = restartIdleCodes(idleDictionary(), config, { offered, prefix: "" });
    const [before, features] = [idleDictionary(), rowsOf(uniformTensor(2, "features", [5, 3]))];
    for (const name of ["embed", "embed_avg"]) {
      const old = rowsOf(before[name]);
      expect(rowsOf(now[name])).toEqual([old[0], features[1], old[2], features[3]]);
    }
    expect([...(now["idle_steps"]?.dataSync() ?? [])]).toEqual([0, 0, 4, 0]);
    const counts = [...(now["cluster_size"]?.dataSync() ?? [])];
    expect(counts).toEqual([9, 1, 9, 1]);
  });

  it("V-8: offers nothing of another rank", () => {
    expect(rowsOf(offers(2))[2]?.map(Math.abs)).toEqual([0, 0, 0]);
  });

  it("V-8: is told of by how many", () => {
    expect(restarts(5)).toBe(2);
    expect(restarts(10)).toBe(1);
    expect(restarts(11)).toBe(0);
  });
});

describe("a dictionary's buffers", () => {
  const config: DictionaryConfig = {
    codes: 400,
    dimension: 50,
    update: { law: "moving-sums", decay: 0.4 },
    restartAfterSteps: 0,
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
