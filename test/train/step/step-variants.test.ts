import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import type { VisualParsingRecipe } from "../../../src/train/recipes/visual-parsing-recipe.ts";
import { StepProgram, type StepReading } from "../../../src/train/step/step-program.ts";
import { disposeState } from "../../../src/train/step/training-state.ts";
import { relativeL2 } from "../../models/parity-fixture.ts";
import { tinyRecipe, tinyStepBatch, tinySystem } from "../tiny-run.ts";

beforeAll(loadTensorFlow);

const { model } = tinyRecipe;
const dropping = { ...model.transformer, layers: 2, dropout: 0.3 };
const withTransformer = (transformer: typeof dropping): VisualParsingRecipe => ({
  ...tinyRecipe,
  model: { ...model, transformer },
});
const withDepth = (stochasticDepth: number): VisualParsingRecipe => ({
  ...tinyRecipe,
  model: {
    ...model,
    swin: { ...model.swin, stochasticDepth },
    transformer: { ...model.transformer, dropout: 0 },
  },
});

interface Trained {
  readonly readings: readonly StepReading[];
  readonly weights: Float32Array;
}

/** Two steps from the recipe's initial state on the same batch. */
async function trained(recipe: VisualParsingRecipe): Promise<Trained> {
  using program = new StepProgram(recipe, tinySystem(recipe));
  let state = program.initialState();
  const readings: StepReading[] = [];
  for (const step of [1, 2]) {
    const result = await program.run({ state, batch: tinyStepBatch(), step, rateFactor: 1 });
    disposeState(state);
    ({ state } = result);
    readings.push(result.reading);
  }
  return { readings, weights: Float32Array.from(state.weights.dataSync()) };
}

describe("a step whose layers are computed again in the backward pass", () => {
  it("B-7: has the loss of one that keeps them exactly, and its gradients, also with dropout", async () => {
    const kept = await trained(withTransformer({ ...dropping, recompute: false }));
    const again = await trained(withTransformer({ ...dropping, recompute: true }));
    expect(again.readings[0]?.loss).toBe(kept.readings[0]?.loss);
    const norms = [again, kept].map(({ readings }) => readings[0]?.gradientNorm ?? Number.NaN);
    expect(Math.abs((norms[0] ?? 0) / (norms[1] ?? 0) - 1)).toBeLessThan(1e-6);
    expect(relativeL2(again.weights, kept.weights)).toBeLessThan(1e-5);
  });

  it("T-12: keeps the number of tensors constant", async () => {
    const recipe = withTransformer({ ...dropping, recompute: true });
    using program = new StepProgram(recipe, tinySystem(recipe));
    const state = program.initialState();
    const counts: number[] = [];
    for (let step = 1; step <= 10; step += 1) {
      const batch = tinyStepBatch();
      const result = await program.run({ state, batch, step, rateFactor: 1 });
      disposeState(result.state);
      tf.dispose(Object.values(batch.tensors));
      counts.push(tf.memory().numTensors);
    }
    expect(new Set(counts).size).toBe(1);
  });
});

describe("a step with stochastic depth", () => {
  it("S-10: is drawn by seed and step, and is not the step without it", async () => {
    const plain = await trained(withDepth(0));
    const dropped = await trained(withDepth(0.9));
    expect(dropped).toEqual(await trained(withDepth(0.9)));
    expect(dropped.readings[0]?.loss).not.toBe(plain.readings[0]?.loss);
  });
});

describe("a step with Visual Parsing's other objectives", () => {
  it("tells the alignment's distance where it has a weight", async () => {
    const { objectives } = tinyRecipe;
    const { readings } = await trained({
      ...tinyRecipe,
      objectives: { ...objectives, vlaWeight: 0.1 },
    });
    for (const { parts } of readings) {
      expect(parts["vla"]).toBeGreaterThan(0);
      expect(parts["vla"]).toBeLessThan(2);
    }
    const [plain] = (await trained(tinyRecipe)).readings;
    expect(Object.keys(plain?.parts ?? {})).not.toContain("vla");
  });

  it.each(["cosine", "none"] as const)("masks features by %s", async (mfrMask) => {
    const { objectives } = tinyRecipe;
    const { readings } = await trained({ ...tinyRecipe, objectives: { ...objectives, mfrMask } });
    for (const { loss, parts } of readings) {
      expect(Number.isFinite(loss)).toBe(true);
      expect((parts["mfr"] ?? 0) > 0).toBe(mfrMask === "cosine");
    }
  });
});
