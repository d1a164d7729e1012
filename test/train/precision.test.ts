import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noDropout, wholeDepth } from "../../src/models/dropout.ts";
import { vector } from "../../src/models/ranks.ts";
import { compile } from "../../src/tensor/compiled/compiled-step.ts";
import type { Precision } from "../../src/tensor/compiled/options.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { overrideRecipe } from "../../src/train/recipe-parser.ts";
import { unflatten } from "../../src/train/step/flat-weights.ts";
import { pretrainingLosses } from "../../src/train/visual-parsing/losses.ts";
import { StepProgram } from "../../src/train/step/step-program.ts";
import { largestLossDifference, longRun } from "./long-run.ts";
import { tinyBatch, tinyModel, tinyRecipe, tinyStepBatch, tinySystem } from "./tiny-run.ts";

beforeAll(loadTensorFlow);

/** Loss and gradient of the tiny model's first step. */
function gradientIn(precision: Precision): { readonly loss: number; readonly gradient: number[] } {
  using program = new StepProgram(tinyRecipe, tinySystem());
  const { layout } = program;
  using step = compile(
    ([weights]) => {
      if (weights === undefined) return [];
      const { grad, value } = tf.valueAndGrad((flat: tf.Tensor) => {
        const options = {
          model: tinyModel,
          objectives: tinyRecipe.objectives,
          dropout: noDropout,
          depth: wholeDepth,
        };
        return pretrainingLosses(unflatten(layout, vector(flat)), tinyBatch(), options).total;
      })(weights);
      return [grad, value];
    },
    { precision },
  );
  const [gradient, loss] = step.run([program.initialState().weights]);
  return { loss: loss?.dataSync()[0] ?? Number.NaN, gradient: [...(gradient?.dataSync() ?? [])] };
}

const norm = (values: readonly number[]): number => Math.hypot(...values);

/** Whether a number has bits that bfloat16 lacks. */
const isFiner = (value: number): boolean =>
  (new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0) % 2 ** 16 !== 0;

describe("a step in bfloat16", () => {
  it("has float32's loss within 1 % and its gradient within 5 %, and is not the same", () => {
    const [fine, coarse] = [gradientIn("fp32"), gradientIn("bf16")];
    const lossApart = Math.abs(coarse.loss - fine.loss) / fine.loss;
    const apart = norm(fine.gradient.map((value, index) => value - (coarse.gradient[index] ?? 0)));
    expect(lossApart).toBeLessThan(0.01);
    expect(apart / norm(fine.gradient)).toBeLessThan(0.05);
    expect(apart).toBeGreaterThan(0);
  });

  it("keeps weights and moments in float32", async () => {
    using program = new StepProgram({ ...tinyRecipe, precision: "bf16" }, tinySystem());
    const state = program.initialState();
    const stepped = await program.run({ state, batch: tinyStepBatch(), step: 1, rateFactor: 1 });
    const { weights, firstMoment, secondMoment } = stepped.state;
    for (const tensor of [weights, firstMoment, secondMoment]) {
      const finer = [...tensor.dataSync()].filter(isFiner).length;
      expect(finer / tensor.size).toBeGreaterThan(0.5);
    }
  });

  it("learns as float32 does over some steps", async () => {
    const fine = await longRun({ execution: "captured", numSteps: 12 });
    const coarse = await longRun({ execution: "captured", numSteps: 12, precision: "bf16" });
    expect(largestLossDifference(fine, coarse)).toBeLessThan(0.02);
    expect(coarse.losses.at(-1)).toBeLessThan(coarse.losses[0] ?? 0);
  });

  it("is chosen by the recipe", () => {
    expect(overrideRecipe(tinyRecipe, ["precision=bf16"]).precision).toBe("bf16");
    expect(() => overrideRecipe(tinyRecipe, ["precision=fp8"])).toThrow("precision");
    expect(overrideRecipe(tinyRecipe, ["execution=xla"]).execution).toBe("xla");
  });
});
