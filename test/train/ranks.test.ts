import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StateError } from "../../src/core/errors.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { overrideRecipe } from "../../src/train/recipe-parser.ts";
import { requireEqualWeights, requireSharedRun } from "../../src/train/run/rank-agreement.ts";
import { traceDistance, weightDistance } from "./compare-runs.ts";
import { memoryClusters } from "./memory-clusters.ts";
import { tinyRecipe } from "./tiny-run.ts";
import { type TrainingFixture, trainingFixture } from "./training-fixture.ts";

const NUM_STEPS = 6;
// With dropout; compared at every step.
const recipe = overrideRecipe(tinyRecipe, ["checkpoints.everySteps=1"]);

let fixture: TrainingFixture;
beforeAll(async () => {
  await loadTensorFlow();
  fixture = await trainingFixture(10);
  await fixture.train("alone", recipe, { numRanks: 1 });
});
afterAll(() => fixture[Symbol.asyncDispose]());

// A batch has four pictures: three ranks have one or two each, and one of padding.
describe.each([2, 3])("%i ranks", (numRanks) => {
  const name = `of ${numRanks}`;
  beforeAll(async () => {
    await fixture.train(name, recipe, { numRanks });
  });

  it("come to the weights of one process", async () => {
    const alone = await fixture.weightsOf("alone", NUM_STEPS);
    const together = await fixture.weightsOf(name, NUM_STEPS);
    const { largest, relativeL2 } = weightDistance(alone, together);
    expect(relativeL2).toBeLessThan(1e-5);
    expect(largest).toBeLessThan(1e-5);
  });

  it("measure what one process measures", async () => {
    const [alone, together] = [await fixture.metricsOf("alone"), await fixture.metricsOf(name)];
    expect(traceDistance(alone, together)).toBeLessThan(1e-5);
  });
});

describe("a run of several ranks", () => {
  it("stops where one is told to, saves, and goes on with another number of them", async () => {
    const stopped = await fixture.train("in parts", recipe, { numRanks: 3, stopAfter: 2 });
    const reasons = stopped.map((end) => end.status === "rejected" && String(end.reason));
    expect(reasons).toEqual([
      "IncompleteError: another rank was interrupted",
      "IncompleteError: another rank was interrupted",
      "Error: stopped by the test",
    ]);
    expect(await fixture.metricsOf("in parts")).toHaveLength(2);
    const [end] = await fixture.train("in parts", recipe, { numRanks: 2 });
    expect(end?.status === "fulfilled" && end.value.resumedFrom).toBe(2);
    const [alone, parts] = [await fixture.metricsOf("alone"), await fixture.metricsOf("in parts")];
    expect(traceDistance(alone, parts)).toBeLessThan(1e-5);
  });

  it("is refused where a rank trains another run", async () => {
    const ends = await Promise.allSettled(
      memoryClusters(3).map((cluster) =>
        requireSharedRun(cluster, (cluster.rank === 2 ? "b" : "a").repeat(64)),
      ),
    );
    for (const end of ends) {
      expect(end.status === "rejected" && end.reason).toBeInstanceOf(StateError);
      expect(end.status === "rejected" && String(end.reason)).toContain("rank 2");
    }
  });

  it("ends where a rank has other weights by one bit", async () => {
    const ends = await Promise.allSettled(
      memoryClusters(3).map((cluster) => {
        const weights = tf.tensor1d([1, cluster.rank === 1 ? 1 + 2 ** -23 : 1]);
        return requireEqualWeights(cluster, { step: 7, weights });
      }),
    );
    for (const end of ends) {
      expect(end.status === "rejected" && end.reason).toBeInstanceOf(StateError);
      expect(end.status === "rejected" && String(end.reason)).toContain("after step 7 rank 1");
    }
  });
});
