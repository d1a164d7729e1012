import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensor3 } from "../../../src/models/ranks.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  alignmentLoss,
  cosineCosts,
  transportDistances,
  transportPlans,
  uniterTransport,
  withoutSpecials,
} from "../../../src/train/objectives/transport.ts";
import { type Fixture, largestDifference, readFixture, uniform } from "../../models/parity-fixture.ts"; // prettier-ignore
import { leastCost } from "./exact-transport.ts";
import { batchOf, costsOf, NUM_PROBLEMS, sizesOf } from "./transport-problems.ts";

beforeAll(loadTensorFlow);

const readTransport = (): Promise<Fixture> =>
  readFixture("train/objectives/fixtures/transport.safetensors");

const indices = Array.from({ length: NUM_PROBLEMS }, (_, index) => index);

/** Plans of the hundred problems as [m][n] each, and their distances, after so many iterations. */
function solved(seed: number, iterations: number, problems = indices) {
  const problem = batchOf(problems.map((index) => costsOf(seed, index)));
  const plans = transportPlans(problem, { ...uniterTransport, iterations });
  const distances = transportDistances(plans, problem.costs);
  const padded = plans.arraySync();
  return problems.map((index, place) => {
    const { text, visual } = sizesOf(index);
    const plan = (padded[place] ?? []).slice(0, visual).map((row) => row.slice(0, text));
    return { index, plan, distance: distances.arraySync()[place] ?? Number.NaN };
  });
}

const rowSums = (plan: readonly number[][]): number[] =>
  plan.map((row) => row.reduce((sum, value) => sum + value, 0));

const columnSums = (plan: readonly number[][]): number[] =>
  (plan[0] ?? []).map((_, column) => plan.reduce((sum, row) => sum + (row[column] ?? 0), 0));

/** How far the masses are from 1 / count, relatively. */
const violation = (masses: readonly number[]): number =>
  Math.max(...masses.map((mass) => Math.abs(mass * masses.length - 1)));

const planOf = (costs: number[][], constants = uniterTransport): number[][] =>
  transportPlans(batchOf([costs]), constants).arraySync()[0] ?? [];

describe("a transport plan by IPOT", () => {
  it("W-1: has the shape (m, n), nothing negative and the sum 1; its distance lies in [0, 2]", async () => {
    const { seed } = await readTransport();
    for (const { distance, index, plan } of solved(seed, 50)) {
      const { text, visual } = sizesOf(index);
      expect([plan.length, plan[0]?.length]).toEqual([visual, text]);
      expect(Math.min(...plan.flat())).toBeGreaterThanOrEqual(0);
      expect(Math.abs(rowSums(plan).reduce((a, b) => a + b, 0) - 1)).toBeLessThan(1e-6);
      expect(distance).toBeGreaterThanOrEqual(0);
      expect(distance).toBeLessThanOrEqual(2);
    }
  });

  it.each([
    [50, 0.1],
    [200, 1e-2],
    [1000, 1e-3],
  ])(
    "W-2: after %i iterations has the text's marginal to 1e-6 and the visual one to %f",
    async (iterations, bound) => {
      const { seed } = await readTransport();
      // A thousand iterations are told by a part of the problems, both kinds of cost among them.
      const problems = iterations === 1000 ? indices.filter((index) => index % 8 < 2) : indices;
      const plans = solved(seed, iterations, problems).map(({ plan }) => plan);
      const text = Math.max(...plans.map((plan) => violation(columnSums(plan))));
      const visual = Math.max(...plans.map((plan) => violation(rowSums(plan))));
      expect(text).toBeLessThan(1e-6);
      expect(visual).toBeLessThan(bound);
    },
  );

  it("W-3: costs at most 1.02 of the exact least cost at 50 iterations, 1.002 at 200", async () => {
    const fixture = await readTransport();
    const exact = fixture.values("exact");
    expect(largestDifference(exact, fixture.values("programmed"))).toBeLessThan(1e-6);
    for (const [iterations, factor] of [
      [50, 1.02],
      [200, 1.002],
    ] as const) {
      // prettier-ignore
      const ratios = solved(fixture.seed, iterations).map(
        ({ distance, index }) => distance / (exact[index] ?? Number.NaN),
      );
      expect(Math.max(...ratios)).toBeLessThan(factor);
    }
  });

  it("W-3: costs at least the exact least cost - 2e-3, and that of its own marginals - 1e-6", async () => {
    const fixture = await readTransport();
    const exact = fixture.values("exact");
    for (const { distance, index, plan } of solved(fixture.seed, 50)) {
      const costs = costsOf(fixture.seed, index);
      const { text, visual } = sizesOf(index);
      const supplies = costs.map(() => 1 / visual);
      const demands = (costs[0] ?? []).map(() => 1 / text);
      expect(leastCost({ costs, supplies, demands })).toBeCloseTo(exact[index] ?? Number.NaN, 6);
      const ofOwn = leastCost({ costs, supplies: rowSums(plan), demands: columnSums(plan) });
      expect(distance).toBeGreaterThanOrEqual((exact[index] ?? Number.NaN) - 2e-3);
      expect(distance).toBeGreaterThanOrEqual(ofOwn - 1e-6);
    }
  });

  it("W-4: spreads evenly at constant cost", () => {
    const plan = planOf(Array.from({ length: 6 }, () => Array.from({ length: 4 }, () => 0.7)));
    expect(Math.max(...plan.flat().map((mass) => Math.abs(mass - 1 / 24)))).toBeLessThan(1e-7);
  });

  it("W-5: follows a permutation of rows and columns", () => {
    const costs = costsOf(1, 4);
    const [rows, columns] = [[...costs.keys()].toReversed(), [3, 0, 2, 1, 7, 6, 5, 4]];
    const permuted = rows.map((row) => columns.map((column) => costs[row]?.[column] ?? 0));
    const plan = planOf(costs);
    const expected = rows.flatMap((row) => columns.map((column) => plan[row]?.[column] ?? 0));
    expect(columns).toHaveLength(sizesOf(4).text);
    expect(largestDifference(planOf(permuted).flat(), expected)).toBeLessThan(1e-6);
  });

  it("W-6: is a permutation by n where one side is a permutation of the other, orthonormal one; the distance is 0", () => {
    const order = [4, 0, 3, 1, 2];
    const text = tf.reshape(tf.eye(5), [1, 5, 5]);
    const visual = tf.reshape(tf.gather(tf.eye(5), order), [1, 5, 5]);
    const costs = cosineCosts(tensor3(visual), tensor3(text));
    const ones = tf.ones<tf.Rank.R2>([1, 5], "int32");
    const plans = transportPlans({ costs, visualMask: ones, textMask: ones }, uniterTransport);
    const expected = tf.div(visual, 5);
    expect(largestDifference(plans.dataSync(), expected.dataSync())).toBeLessThan(1e-6);
    expect(Math.abs(transportDistances(plans, costs).dataSync()[0] ?? 1)).toBeLessThan(1e-6);
  });

  it("W-7: is the same beside pads of any content, on both sides", () => {
    const [costs, wide] = [costsOf(3, 4), costsOf(3, 2)];
    const alone = planOf(costs);
    for (const padding of [0, 1.3, -5, 40]) {
      const problem = batchOf([costs, wide, costsOf(3, 15)], padding);
      const plans = transportPlans(problem, uniterTransport);
      const distances = transportDistances(plans, problem.costs).dataSync();
      const padded = plans.arraySync()[0] ?? [];
      const real = padded.slice(0, alone.length).map((row) => row.slice(0, alone[0]?.length));
      expect(largestDifference(real.flat(), alone.flat())).toBeLessThan(1e-6);
      const total = padded.flat().reduce((a, b) => a + b, 0);
      expect(Math.abs(total - real.flat().reduce((a, b) => a + b, 0))).toBe(0);
      const expected = alone
        .flat()
        .reduce((sum, mass, at) => sum + mass * (costs.flat()[at] ?? 0), 0);
      expect(Math.abs((distances[0] ?? 0) - expected)).toBeLessThan(1e-6);
    }
  });

  it("W-9: with a converged inner loop is Sinkhorn's with the regularisation beta / t", async () => {
    const fixture = await readTransport();
    for (const iterations of [1, 5, 20]) {
      const constants = { ...uniterTransport, iterations, innerIterations: 200 };
      const plan = planOf(costsOf(fixture.seed, 0), constants);
      const { text, visual } = sizesOf(0);
      const difference = largestDifference(plan.flat(), fixture.values(`sinkhorn/${iterations}`));
      expect(difference * text * visual).toBeLessThan(1e-4);
    }
  });

  it.each([0.1, 0.01])("W-10: is finite for costs up to 2 at beta %f", (beta) => {
    const costs = [
      [0, 2, 2, 2],
      [2, 2, 2, 2],
      [2, 0, 2, 1],
      [2, 2, 2, 0],
      [2, 2, 0, 2],
    ];
    const plan = planOf(costs, { ...uniterTransport, beta, iterations: 200 });
    expect(plan.flat().every(Number.isFinite)).toBe(true);
    expect(violation(columnSums(plan))).toBeLessThan(1e-5);
    expect(violation(rowSums(plan))).toBeLessThan(0.05);
  });

  it("is 0 and finite for a pair without a region or without a word", () => {
    const empty = tf.zeros<tf.Rank.R2>([1, 3], "int32");
    const full = tf.ones<tf.Rank.R2>([1, 2], "int32");
    const costs = tf.ones<tf.Rank.R3>([1, 3, 2]);
    const none = { costs, visualMask: empty, textMask: full };
    expect([...transportPlans(none, uniterTransport).dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
    const noText = { costs, visualMask: tf.onesLike(empty), textMask: tf.zerosLike(full) };
    expect([...transportPlans(noText, uniterTransport).dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

const SHAPE = { visual: [1, 5, 6], text: [1, 4, 6] } as const;

function drawnFeatures() {
  const visual = tf.tensor3d(uniform(7, "visual", SHAPE.visual), [...SHAPE.visual]);
  const text = tf.tensor3d(uniform(7, "text", SHAPE.text), [...SHAPE.text]);
  const masks = { visualMask: tf.ones<tf.Rank.R2>([1, 5]), textMask: tf.ones<tf.Rank.R2>([1, 4]) };
  const plans = transportPlans({ costs: cosineCosts(visual, text), ...masks }, uniterTransport);
  return { visual, text, plans };
}

describe("the transport distance", () => {
  it("W-8: has the plan as its gradient with respect to the costs, exactly", () => {
    const { plans, text, visual } = drawnFeatures();
    const gradient = tf.grad((costs: tf.Tensor) =>
      tf.sum(transportDistances(plans, tensor3(costs))),
    )(cosineCosts(visual, text));
    expect([...gradient.dataSync()]).toEqual([...plans.dataSync()]);
  });

  it("W-8: lets no gradient through the plan", () => {
    const { text, visual } = drawnFeatures();
    const masks = {
      visualMask: tf.ones<tf.Rank.R2>([1, 5]),
      textMask: tf.ones<tf.Rank.R2>([1, 4]),
    };
    const gradientBy = (plansOf: (costs: tf.Tensor3D) => tf.Tensor3D): Float32Array => {
      const gradient = tf.grad((x: tf.Tensor) => {
        const costs = cosineCosts(tensor3(x), text);
        return tf.sum(transportDistances(plansOf(costs), costs));
      })(visual);
      return Float32Array.from(gradient.dataSync());
    };
    const { plans } = drawnFeatures();
    const through = gradientBy((costs) => transportPlans({ costs, ...masks }, uniterTransport));
    expect([...through]).toEqual([...gradientBy(() => plans)]);
  });

  it("W-8: has the gradient of T-weighted cosines: finite differences to 1e-2, double precision to 1e-5", () => {
    const { plans, text, visual } = drawnFeatures();
    const distance = (x: tf.Tensor): tf.Scalar =>
      tf.sum(transportDistances(plans, cosineCosts(tensor3(x), text)));
    const gradient = tf.grad(distance)(visual);
    const direction = tf.tensor3d(uniform(7, "direction", SHAPE.visual), [...SHAPE.visual]);
    const along = tf.sum(tf.mul(gradient, direction)).dataSync()[0] ?? Number.NaN;
    const [above, below] = [1e-2, -1e-2].map(
      (step) => distance(tf.add(visual, tf.mul(direction, step))).dataSync()[0] ?? Number.NaN,
    );
    const difference = ((above ?? 0) - (below ?? 0)) / 2e-2;
    expect(Math.abs(difference / along - 1)).toBeLessThan(1e-2);
    const expected = cosineGradient(visual.arraySync()[0] ?? [], text.arraySync()[0] ?? [], plans.arraySync()[0] ?? []); // prettier-ignore
    expect(largestDifference(gradient.dataSync(), expected.flat())).toBeLessThan(1e-5);
  });
});

/** d/dv_i of sum_ij T_ij (1 - cos(v_i, w_j)) in double precision. */
function cosineGradient(visual: number[][], text: number[][], plan: number[][]): number[][] {
  return visual.map((v, i) => {
    const norm = Math.hypot(...v);
    return v.map((_, axis) =>
      text.reduce((sum, w, j) => {
        const cosine =
          w.reduce((dot, x, at) => dot + x * (v[at] ?? 0), 0) / norm / Math.hypot(...w);
        const change =
          (w[axis] ?? 0) / norm / Math.hypot(...w) - (cosine * (v[axis] ?? 0)) / norm ** 2;
        return sum - (plan[i]?.[j] ?? 0) * change;
      }, 0),
    );
  });
}

const lossOf = (unmatched: "negated" | "ignored" | "counted", matched: number[]): number =>
  alignmentLoss(tf.tensor1d([0.3, 0.5, 0.7, 1.1]), tf.tensor1d(matched, "int32"), unmatched).dataSync()[0] ?? Number.NaN; // prettier-ignore

describe("word-region alignment", () => {
  it("W-11: takes specials in or leaves them out", () => {
    const mask = tf.tensor2d([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]], [3, 5], "int32"); // prettier-ignore
    expect(withoutSpecials(mask).arraySync()).toEqual([
      [0, 1, 1, 0, 0],
      [0, 0, 0, 0, 0],
      [0, 1, 1, 1, 0],
    ]);
  });

  it("W-11: negates, ignores or counts unmatched pairs, by the number of both: 2 + 2 pairs by hand", () => {
    const matched = [1, 0, 1, 0];
    expect(lossOf("negated", matched)).toBeCloseTo((0.3 + 0.7 - 0.5 - 1.1) / 4, 6);
    expect(lossOf("ignored", matched)).toBeCloseTo((0.3 + 0.7) / 4, 6);
    expect(lossOf("counted", matched)).toBeCloseTo((0.3 + 0.7 + 0.5 + 1.1) / 4, 6);
  });

  it("W-11: leaves padding pairs out of the sum and of the number", () => {
    expect(lossOf("negated", [1, 0, -1, -1])).toBeCloseTo((0.3 - 0.5) / 2, 6);
    expect(lossOf("counted", [-1, -1, -1, -1])).toBe(0);
  });

  it("has no gradient but zeros for a state that is all zeros", () => {
    const gradient = tf.grad((x: tf.Tensor) => tf.sum(cosineCosts(tensor3(x), tf.ones([1, 2, 3]))))(
      tf.zeros([1, 4, 3]),
    );
    expect([...gradient.dataSync()].every(Number.isFinite)).toBe(true);
  });
});
