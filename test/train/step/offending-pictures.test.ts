import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { offendingPictures } from "../../../src/train/step/offending-pictures.ts";
import { StepProgram } from "../../../src/train/step/step-program.ts";
import { disposeState } from "../../../src/train/step/training-state.ts";
import { systemOf } from "../../../src/train/systems/system-of-recipe.ts";
import { TrainedRuns } from "../run/trained-runs.ts";
import { tinyRecipe } from "../tiny-run.ts";

let runs: TrainedRuns;
beforeAll(async () => {
  runs = await TrainedRuns.open();
});
afterAll(() => runs[Symbol.asyncDispose]());

const place = {
  seed: 1,
  step: 1,
  firstRow: 0,
  countsOfSlices: [],
  loss: "whole-batch",
} as const;

describe("the pictures whose numbers are not finite", () => {
  it("T-13: are those that are not alone either; sound ones are not named", async () => {
    const system = systemOf(tinyRecipe, runs.vocabulary.size);
    using program = new StepProgram(tinyRecipe, system);
    const state = program.initialState();
    await runs.withBatch((batch) => {
      expect(offendingPictures(program, batch, { place, state })).toEqual([]);
      const [, second] = batch.keys;
      let asked = 0;
      const isFinite = (): boolean => (asked += 1) !== 2;
      expect(offendingPictures({ system, isFinite }, batch, { place, state })).toEqual([second]);
      expect(asked).toBe(batch.keys.length);
    });
    disposeState(state);
  });
});
