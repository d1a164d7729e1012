import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  dictionaryBuffers,
  nearestCodes,
  type DictionaryConfig,
} from "../../../src/models/dictionary/dictionary.ts";
import {
  codeStatistics,
  updatedDictionary,
  type CodeStatistics,
} from "../../../src/models/dictionary/update.ts";
import { matrix, vector } from "../../../src/models/ranks.ts";
import { initialiseWeights, type Weights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { largestDifference, readFixture, uniformTensor } from "../parity-fixture.ts";

beforeAll(loadTensorFlow);

const paper: DictionaryConfig = {
  codes: 6,
  dimension: 3,
  update: { law: "momentum-means", momentum: 0.9 },
  restartAfterSteps: 0,
};
const released: DictionaryConfig = { ...paper, update: { law: "moving-sums", decay: 0.4 } };

const fresh = (config: DictionaryConfig): Weights =>
  initialiseWeights(dictionaryBuffers(config, ""), { seed: 3, scale: "published" });

const codesOf = (buffers: Weights): tf.Tensor2D => matrix(buffers["embed"] ?? tf.zeros([1, 1]));

function statisticsOf(
  buffers: Weights,
  features: tf.Tensor2D,
  counted: tf.Tensor1D = tf.ones([features.shape[0]]),
): CodeStatistics {
  const codes = codesOf(buffers);
  const numCodes = codes.shape[0];
  return codeStatistics(features, nearestCodes(features, codes), { counted, numCodes });
}

const after = (buffers: Weights, config: DictionaryConfig, features: tf.Tensor2D): Weights =>
  updatedDictionary(buffers, config, { prefix: "", statistics: statisticsOf(buffers, features) });

const rowsOf = (x: tf.Tensor): number[][] => tf.unstack(x).map((row) => [...row.dataSync()]);

const featuresOf = (seed: number, numFeatures: number): tf.Tensor2D =>
  matrix(uniformTensor(seed, "features", [numFeatures, 3]));

describe("code statistics", () => {
  it("count and sum the features of each code, padding left out", () => {
    const features = tf.tensor2d([[1, 2], [3, 4], [5, 6], [7, 8]]); // prettier-ignore
    const { counts, sums } = codeStatistics(features, tf.tensor1d([2, 0, 2, 0], "int32"), {
      counted: tf.tensor1d([1, 1, 1, 0]),
      numCodes: 3,
    });
    expect([...counts.dataSync()]).toEqual([1, 0, 2]);
    expect(rowsOf(sums)).toEqual([[3, 4], [0, 0], [6, 8]]); // prettier-ignore
  });
});

describe("the update by momentum and means", () => {
  it("V-3: moves hit codes towards the mean of their features and leaves others bit for bit", () => {
    const buffers = fresh(paper);
    const features = featuresOf(4, 4);
    const { counts, sums } = statisticsOf(buffers, features);
    const numbers = [...counts.dataSync()];
    expect(numbers).toContain(0);
    const [before, now] = [
      rowsOf(codesOf(buffers)),
      rowsOf(codesOf(after(buffers, paper, features))),
    ];
    for (const [code, sum] of rowsOf(sums).entries()) {
      const count = numbers[code] ?? 0;
      const own = before[code] ?? [];
      const expected = sum.map((value, place) => 0.9 * (own[place] ?? 0) + (0.1 * value) / count);
      const difference = largestDifference(now[code] ?? [], count === 0 ? own : expected);
      expect(difference).toBeLessThanOrEqual(count === 0 ? 0 : 1e-6);
    }
  });

  it("V-3: after t steps of one feature u the code is g^t d + (1 - g^t) u", () => {
    const config = { ...paper, codes: 1 };
    const start = fresh(config);
    const feature = tf.tensor2d([[0.5, -1, 2]]);
    let buffers = start;
    for (let step = 0; step < 20; step += 1) buffers = after(buffers, config, feature);
    const kept = 0.9 ** 20;
    const [d = []] = rowsOf(codesOf(start));
    const expected = [0.5, -1, 2].map((u, place) => kept * (d[place] ?? 0) + (1 - kept) * u);
    expect(largestDifference(codesOf(buffers).dataSync(), expected)).toBeLessThan(1e-5);
  });

  it("V-5: with momentum 0 is Lloyd's algorithm, as scikit-learn runs it", async () => {
    const reference = await readFixture("models/dictionary/fixtures/k-means.safetensors");
    const features = tf.tensor2d(reference.values("features"), [96, 5]);
    const config: DictionaryConfig = {
      codes: 8,
      dimension: 5,
      update: { law: "momentum-means", momentum: 0 },
      restartAfterSteps: 0,
    };
    let buffers: Weights = {
      ...fresh(config),
      embed: tf.tensor2d(reference.values("start"), [8, 5]),
    };
    const distortions: number[] = [];
    const found: Float32Array[] = [];
    for (let iteration = 1; iteration <= 5; iteration += 1) {
      buffers = after(buffers, config, features);
      const codes = codesOf(buffers);
      found.push(Float32Array.from(codes.dataSync()));
      const nearest = tf.gather(codes, nearestCodes(features, codes));
      distortions.push(tf.sum(tf.squaredDifference(features, nearest)).dataSync()[0] ?? 0);
    }
    const names = reference.names.filter((name) => name.startsWith("codes/"));
    expect(names).toHaveLength(4);
    for (const name of names) {
      const codes = found[Number(name.slice("codes/".length)) - 1] ?? [];
      expect(largestDifference(codes, reference.values(name))).toBeLessThan(1e-5);
    }
    for (const [place, distortion] of distortions.entries()) {
      expect(distortion).toBeLessThanOrEqual((distortions[place - 1] ?? Infinity) * (1 + 1e-6));
    }
  });
});

describe("the update by moving sums", () => {
  it("V-4: divides moving sums by smoothed moving counts", () => {
    const buffers = fresh(released);
    const features = featuresOf(5, 40);
    const statistics = [statisticsOf(buffers, features)];
    const first = after(buffers, released, features);
    statistics.push(statisticsOf(first, features));
    const second = after(first, released, features);
    const [counts = [], nextCounts = []] = statistics.map((of) => [...of.counts.dataSync()]);
    const [sums = [], nextSums = []] = statistics.map((of) => rowsOf(of.sums));
    const moving = counts.map((count, code) => 0.4 * 0.6 * count + 0.6 * (nextCounts[code] ?? 0));
    const total = moving.reduce((sum, count) => sum + count, 0);
    const expected = moving.flatMap((count, code) => {
      const smoothed = ((count + 1e-5) / (total + 6 * 1e-5)) * total;
      return (sums[code] ?? []).map(
        (value, place) => (0.4 * 0.6 * value + 0.6 * (nextSums[code]?.[place] ?? 0)) / smoothed,
      );
    });
    expect(largestDifference(codesOf(second).dataSync(), expected)).toBeLessThan(1e-5);
  });

  it("V-4: makes codes that were never hit exactly 0 in the first step", () => {
    const buffers = fresh(released);
    const features = featuresOf(4, 4);
    const { counts } = statisticsOf(buffers, features);
    const now = rowsOf(codesOf(after(buffers, released, features)));
    for (const [code, count] of counts.dataSync().entries()) {
      expect(now[code]?.every((value) => value === 0)).toBe(count === 0);
    }
  });

  it("stays finite when a batch is padding alone", () => {
    const buffers = fresh(released);
    const features = featuresOf(4, 4);
    const statistics = statisticsOf(buffers, features, tf.zeros([4]));
    const now = codesOf(updatedDictionary(buffers, released, { prefix: "", statistics }));
    expect(now.dataSync().every((value) => value === 0)).toBe(true);
  });
});

describe.each([
  ["momentum and means", paper],
  ["moving sums", released],
])("the update by %s", (_, config) => {
  it("V-6: of two processes with halves of a batch is that of one with the whole", () => {
    const buffers = fresh(config);
    const features = featuresOf(7, 40);
    const whole = after(buffers, config, features);
    const halves = tf.split(features, 2).map((half) => statisticsOf(buffers, matrix(half)));
    const [one, other] = halves;
    if (one === undefined || other === undefined) throw new RangeError("two halves");
    const statistics = {
      counts: vector(tf.add(one.counts, other.counts)),
      sums: matrix(tf.add(one.sums, other.sums)),
    };
    const together = updatedDictionary(buffers, config, { prefix: "", statistics });
    for (const [name, state] of Object.entries(whole)) {
      const found = together[name]?.dataSync() ?? [];
      expect(largestDifference(found, state.dataSync())).toBeLessThan(1e-6);
    }
  });

  it("counts the steps for which a code is idle, and gives all buffers", () => {
    const buffers = fresh(config);
    const features = featuresOf(4, 4);
    const counts = [...statisticsOf(buffers, features).counts.dataSync()];
    const now = after(buffers, config, features);
    expect([...(now["idle_steps"]?.dataSync() ?? [])]).toEqual(
      counts.map((count) => Number(count === 0)),
    );
    expect(Object.keys(now).toSorted()).toEqual(
      dictionaryBuffers(config, "")
        .map(({ name }) => name)
        .toSorted(),
    );
  });
});
