import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  choice,
  entailment,
  fineTuned,
  reasoning,
  referring,
  retrieval,
  vqa,
} from "../../../src/train/finetuning/fine-tuned.ts";
import { type FineTuningTask, taskName } from "../../../src/train/finetuning/task.ts";
import type { TrainingRecipe } from "../../../src/train/recipe.ts";
import { tinyTuning, type TuningFixture, tuningFixture } from "./tuning-fixture.ts";

let fixture: TuningFixture;
beforeAll(async () => {
  fixture = await tuningFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const answers = { ...vqa, answers: ["no", "yes"] };

/** One step, whose batch is built where the model is trained. */
function oneStep(system: TrainingRecipe["system"], task: FineTuningTask): TrainingRecipe {
  const data = { numWorkers: 0 };
  return fineTuned(tinyTuning(system, task, 1), { name: "one step", task, data, optimisation: {} });
}

const ofAll: readonly FineTuningTask[] = [
  answers,
  entailment,
  { ...entailment, premise: "read", layers: 2, loss: "soft-targets" },
  reasoning,
  { ...reasoning, head: "triplet" },
  { ...reasoning, head: "pair-biattn" },
  choice,
  { ...retrieval, texts: 3, loss: "binary" },
  { ...retrieval, texts: 3, loss: "cross-entropy" },
  { ...retrieval, texts: 3, loss: "triplet" },
];

const systems = ["visual-parsing", "soho", "uniter"] as const;

describe("fine-tuning", () => {
  it.each(
    systems.flatMap((system) => ofAll.map((task) => ({ system, task, name: taskName(task) }))),
  )("trains $name on $system", async ({ system, task }) => {
    const { last } = await fixture.train(oneStep(system, task));
    expect(last?.loss).toBeGreaterThan(0);
    expect(last?.gradientNorm).toBeGreaterThan(0);
    expect(last?.parts["accuracy"]).toBeGreaterThanOrEqual(0);
    expect(last?.parts["accuracy"]).toBeLessThanOrEqual(1);
  });

  it.each(["mean", "sum"] as const)(
    "trains referring expressions on UNITER (%s)",
    async (scale) => {
      const task = { ...referring, scale };
      const { last } = await fixture.train(oneStep("uniter", task));
      // Three regions: ln 3 of each of four expressions at chance.
      const expected = scale === "mean" ? Math.log(3) : 4 * Math.log(3);
      expect(last?.loss).toBeGreaterThan(expected / 3);
      expect(last?.loss).toBeLessThan(expected * 3);
    },
  );

  it("learns what a region's features say", async () => {
    const recipe = tinyTuning("uniter", referring, 60);
    const { optimisation } = recipe;
    const rates = { visualLearningRate: 3e-3, transformerLearningRate: 3e-3 };
    const { last } = await fixture.train({
      ...recipe,
      execution: "captured",
      optimisation: { ...optimisation, ...rates },
    });
    expect(last?.parts["accuracy"]).toBe(1);
  });
});
