import { describe, expect, it } from "vitest";
import { recipeNamed } from "../../../src/train/recipes/recipe-named.ts";
import { learningRateFactor, type Schedule } from "../../../src/train/optimisation/schedule.ts";
import { scheduleOf } from "../../../src/train/trainer.ts";

const hundredAnEpoch = (epoch: number): Promise<number> => Promise.resolve(100 * epoch);

const stepped: Schedule = {
  warmupFloor: 0,
  leastFactor: 0,
  warmupSteps: 500,
  totalSteps: 4000,
  decay: "steps",
  milestones: [2500, 3500],
  decayFactor: 0.1,
};

describe("the learning rate", () => {
  it("of Visual Parsing warms up over 500 steps and falls by 0.1 after epochs 25 and 35 (T-3)", async () => {
    const schedule = await scheduleOf(recipeNamed("pretrain/visual-parsing"), hundredAnEpoch);
    expect(schedule).toEqual(stepped);
    const factors = [1, 250, 499, 500, 2500, 2501, 3500, 3501, 4000].map((step) =>
      learningRateFactor(schedule, step),
    );
    for (const [place, expected] of [
      1 / 500,
      0.5,
      499 / 500,
      1,
      1,
      0.1,
      0.1,
      0.01,
      0.01,
    ].entries()) {
      expect(factors[place]).toBeCloseTo(expected, 9);
    }
  });

  it("halves at given epochs, as NLVR2's fine-tuning does (T-3)", () => {
    const epochs = [60, 65, 70, 75, 78, 79];
    const milestones = epochs.map((epoch) => epoch * 10);
    const schedule: Schedule = {
      ...stepped,
      warmupSteps: 0,
      totalSteps: 800,
      milestones,
      decayFactor: 0.5,
    };
    for (const [place, milestone] of milestones.entries()) {
      expect(learningRateFactor(schedule, milestone)).toBeCloseTo(0.5 ** place, 9);
      expect(learningRateFactor(schedule, milestone + 1)).toBeCloseTo(0.5 ** (place + 1), 9);
    }
  });

  it("falls on a line to 0 at the last step", () => {
    // UNITER's: 10,000 of 200,000 steps warm up.
    const schedule: Schedule = {
      ...stepped,
      decay: "linear",
      warmupSteps: 10_000,
      totalSteps: 200_000,
    };
    const rates = [1, 10_000, 105_000, 200_000, 200_001].map(
      (step) => 5e-5 * learningRateFactor(schedule, step),
    );
    for (const [place, expected] of [5e-9, 5e-5, 2.5e-5, 0, 0].entries()) {
      expect(Math.abs((rates[place] ?? 1) - expected)).toBeLessThan(1e-12);
    }
  });

  it("T-3: of UNITER's released code never falls below 1e-8", () => {
    const schedule: Schedule = {
      ...stepped,
      decay: "linear",
      leastFactor: 1e-8 / 5e-5,
      warmupSteps: 10_000,
      totalSteps: 200_000,
    };
    expect(5e-5 * learningRateFactor(schedule, 200_000)).toBeCloseTo(1e-8, 12);
    expect(5e-5 * learningRateFactor(schedule, 105_000)).toBeCloseTo(2.5e-5, 12);
  });

  it("T-3: of SOHO warms up from a third over 1000 steps and falls after epochs 25 and 35", async () => {
    const schedule = await scheduleOf(recipeNamed("pretrain/soho"), hundredAnEpoch);
    const factors = [0, 500, 1000, 2500, 2501, 3501].map((step) =>
      learningRateFactor(schedule, step),
    );
    for (const [place, expected] of [1 / 3, 2 / 3, 1, 1, 0.1, 0.01].entries()) {
      expect(factors[place]).toBeCloseTo(expected, 9);
    }
  });

  it("falls on half a cosine to 0", () => {
    const schedule: Schedule = { ...stepped, decay: "cosine", warmupSteps: 100, totalSteps: 1100 };
    const factors = [100, 350, 600, 850, 1100].map((step) => learningRateFactor(schedule, step));
    for (const [place, expected] of [
      1,
      (1 + Math.SQRT1_2) / 2,
      0.5,
      (1 - Math.SQRT1_2) / 2,
      0,
    ].entries()) {
      expect(factors[place]).toBeCloseTo(expected, 9);
    }
  });

  it("starts at its full height without a warm-up", () => {
    expect(learningRateFactor({ ...stepped, warmupSteps: 0 }, 1)).toBe(1);
  });

  it("of epochs of unequal numbers of batches counts each of them", async () => {
    const numBatches = [3, 5, 4, 6];
    const { optimisation } = recipeNamed("pretrain/visual-parsing");
    const duration = { unit: "epochs", length: 4 } as const;
    const recipe = { optimisation: { ...optimisation, duration, milestones: [1, 3] } };
    const schedule = await scheduleOf(recipe, (epoch) =>
      Promise.resolve(numBatches.slice(0, epoch).reduce((sum, count) => sum + count, 0)),
    );
    expect(schedule).toMatchObject({ totalSteps: 18, milestones: [3, 12] });
  });

  it("of a recipe in steps has milestones in steps", async () => {
    const recipe = recipeNamed("demo");
    const schedule = await scheduleOf(recipe, () => Promise.reject(new Error("epochs")));
    expect(schedule.totalSteps).toBe(recipe.optimisation.duration.length);
  });
});
