import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noDropout } from "../../../src/models/dropout.ts";
import { tensorNamed } from "../../../src/models/pair-model.ts";
import { matrix, tensor3 } from "../../../src/models/ranks.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { unflatten } from "../../../src/train/step/flat-weights.ts";
import type { UniterTask } from "../../../src/train/recipes/uniter-recipe.ts";
import { StepProgram, type StepReading } from "../../../src/train/step/step-program.ts";
import { uniterCounts } from "../../../src/train/uniter/batch.ts";
import { uniterSystem } from "../../../src/train/systems/uniter.ts";
import { disposeState, type TrainingState } from "../../../src/train/step/training-state.ts";
import {
  type TinyPair,
  tinyLoaderBatch,
  tinyUniterRecipe,
  VOCABULARY_SIZE,
} from "./tiny-uniter.ts";

beforeAll(loadTensorFlow);

const NUM_PAIRS = 32;
const numbers = Array.from({ length: NUM_PAIRS }, (_, number) => number);
const ownPairs = numbers.map((number) => ({ text: number, picture: number }));

// Word-region alignment is not what is learned by heart here.
const { objectives } = tinyUniterRecipe;
const recipe = { ...tinyUniterRecipe, objectives: { ...objectives, wraWeight: 0 } };
const system = uniterSystem(recipe, VOCABULARY_SIZE);

async function runStep(
  program: StepProgram,
  state: TrainingState,
  request: {
    readonly step: number;
    readonly task: UniterTask;
    readonly pairs: readonly TinyPair[];
  },
): Promise<{ readonly state: TrainingState; readonly reading: StepReading }> {
  const loaded = tinyLoaderBatch(request.task, request.pairs);
  const { step } = request;
  const context = { seed: 1, step, epoch: 0, firstPair: 0, totals: uniterCounts(loaded) };
  const batch = system.deviceBatch(loaded, context);
  const result = await program.run({ state, batch, step, rateFactor: 1 });
  tf.dispose({ ...batch.tensors });
  disposeState(state);
  return result;
}

/** Trains on one batch a step; the readings of the last step. */
async function train(
  numSteps: number,
  taskOf: (step: number) => { readonly task: UniterTask; readonly pairs: readonly TinyPair[] },
) {
  const program = new StepProgram(recipe, system);
  let state = program.initialState();
  let reading: StepReading | undefined;
  for (let step = 1; step <= numSteps; step += 1) {
    ({ reading, state } = await runStep(program, state, { step, ...taskOf(step) }));
  }
  return { program, state, parts: reading?.parts ?? {} };
}

/** Every text with the picture that is `shift` further on. */
const shifted = (shift: number): TinyPair[] =>
  numbers.map((number) => ({ text: number, picture: (number + shift) % NUM_PAIRS }));

/** Scores of all texts [T] with all pictures [P]: [T, P]. */
function scoresOf(program: StepProgram, state: TrainingState): number[][] {
  return tf.tidy(() => {
    const weights = unflatten(program.layout, state.weights);
    const pictures = system.model.pictureTensors(tinyLoaderBatch("itm", ownPairs));
    const { mask, tokens } = system.model.embed(weights, pictures);
    return numbers.map((text) => {
      const loaded = tinyLoaderBatch("itm", numbers.map((picture) => ({ text, picture }))); // prettier-ignore
      const { tensors } = system.deviceBatch(loaded, { seed: 1, step: 1, epoch: 0, firstPair: 0, totals: [1, 1, 1] }); // prettier-ignore
      const output = system.model.fuse(weights, {
        tokenIds: matrix(tensorNamed(tensors, "tokenIds")),
        tokenMask: matrix(tensorNamed(tensors, "tokenMask")),
        visual: { tokens: tensor3(tokens), mask },
        dropout: noDropout,
      });
      const shares = tf.softmax(system.model.matchingLogits(weights, output));
      return [...tf.slice(shares, [0, 1], [NUM_PAIRS, 1]).dataSync()];
    });
  });
}

describe("32 pairs", () => {
  it("T-16: are learned by heart: masked words to a loss below 0.1", async () => {
    const { parts, program, state } = await train(150, () => ({ task: "mlm", pairs: ownPairs }));
    using _ = program;
    disposeState(state);
    expect(parts["mlm"]).toBeLessThan(0.1);
  });

  it("T-16: are learned by heart: matching to 100 %, and all are found at rank 1 both ways", async () => {
    const { parts, program, state } = await train(400, (step) => ({
      task: "itm",
      pairs: [...ownPairs, ...shifted(1 + (step % (NUM_PAIRS - 1)))],
    }));
    using _ = program;
    expect(parts["itmAccuracy"]).toBe(1);
    const scores = scoresOf(program, state);
    disposeState(state);
    const byText = scores.map((row) => row.indexOf(Math.max(...row)));
    const byPicture = numbers.map((picture) => {
      const column = scores.map((row) => row[picture] ?? 0);
      return column.indexOf(Math.max(...column));
    });
    expect(byText).toEqual(numbers);
    expect(byPicture).toEqual(numbers);
  });
});

describe("the memory of UNITER's steps", () => {
  it("T-12: is flat over 200 steps of all tasks", async () => {
    const tasks = ["itm", "mlm", "mrfr", "mrc", "mrc-kl"] as const;
    const whole = uniterSystem(tinyUniterRecipe, VOCABULARY_SIZE);
    using program = new StepProgram(tinyUniterRecipe, whole);
    let state = program.initialState();
    const counts: string[] = [];
    const pairs = ownPairs.slice(0, 4);
    for (let step = 1; step <= 210; step += 1) {
      const task = tasks[step % tasks.length] ?? "itm";
      ({ state } = await runStep(program, state, { step, task, pairs }));
      if (step > 10) {
        const { numBytes, numTensors } = tf.memory();
        counts.push(`${numTensors} tensors, ${numBytes} bytes`);
      }
    }
    disposeState(state);
    expect([...new Set(counts)]).toHaveLength(1);
  });
});
