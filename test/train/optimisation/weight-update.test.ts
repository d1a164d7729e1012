import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { WeightSpec } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { WeightUpdate } from "../../../src/train/optimisation/weight-update.ts";
import {
  type RecipeOptimisation,
  usualOptimisation,
} from "../../../src/train/recipes/recipe-base.ts";
import { flatLayout } from "../../../src/train/step/flat-weights.ts";

beforeAll(loadTensorFlow);

const specs: readonly WeightSpec[] = [
  { name: "visual.patch.weight", shape: [2, 2], initialisation: "zeros" },
  { name: "encoder.layer.0.weight", shape: [2, 2], initialisation: "zeros" },
  { name: "vqa_head.weight", shape: [2, 2], initialisation: "zeros" },
  { name: "vqa_head.norm.weight", shape: [2], initialisation: "zeros" },
];
const optimisation: RecipeOptimisation = {
  ...usualOptimisation,
  duration: { unit: "steps", length: 10 },
  visualLearningRate: 1e-3,
  transformerLearningRate: 1e-2,
  rateFactors: [{ weights: "vqa_head.", factor: 10 }],
  warmupSteps: 0,
  decay: "linear",
  milestones: [],
  decayFactor: 1,
  beta1: 0,
  beta2: 0,
  epsilon: 1e-12,
  weightDecay: 0,
  clipNorm: 1e9,
};

/** How far each weight of each tensor moves in a step on a gradient of ones, in which AdamW moves by the rate. */
function movesOf(changes: Partial<RecipeOptimisation> = {}): ReadonlyMap<string, number[]> {
  const layout = flatLayout(specs);
  using update = new WeightUpdate({
    layout,
    optimisation: { ...optimisation, ...changes },
    isVisual: ({ name }) => name.startsWith("visual."),
    decays: () => false,
    compilation: { execution: "captured" },
  });
  const zeros = (): tf.Tensor1D => tf.zeros([layout.length]);
  const { state } = update.run({
    state: { weights: zeros(), firstMoment: zeros(), secondMoment: zeros() },
    gradient: tf.ones([layout.length]),
    step: 1,
    rateFactor: 1,
  });
  const moved = [...state.weights.dataSync()].map((value) => -value);
  return new Map(
    specs.map(({ name }, index) => {
      const start = layout.sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
      return [name, moved.slice(start, start + (layout.sizes[index] ?? 0))];
    }),
  );
}

describe("the parameter groups (T-7)", () => {
  it("T-7: give each weight exactly one rate, ten times the Transformer's to VQA's head", () => {
    const moves = movesOf();
    expect([...moves.keys()]).toEqual(specs.map(({ name }) => name));
    const rates = { visual: 1e-3, encoder: 1e-2, vqa_head: 1e-1 };
    for (const [name, values] of moves) {
      const group = Object.entries(rates).filter(([prefix]) => name.startsWith(prefix));
      expect(group).toHaveLength(1);
      for (const value of values) expect(value / (group[0]?.[1] ?? 0)).toBeCloseTo(1, 5);
    }
  });

  it("T-7: give a weight that two factors fit the first one's rate", () => {
    const rateFactors = [
      { weights: "vqa_head.norm.", factor: 3 },
      { weights: "vqa_head.", factor: 10 },
    ];
    const moves = movesOf({ rateFactors });
    expect(moves.get("vqa_head.norm.weight")?.[0]).toBeCloseTo(3e-2, 6);
    expect(moves.get("vqa_head.weight")?.[0]).toBeCloseTo(1e-1, 6);
  });
});
