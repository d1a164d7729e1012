import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import type { NamedTensors } from "../../../src/models/pair-model.ts";
import { tensorFlowBackend } from "../../../src/tensor/backend.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import type { SohoRecipe } from "../../../src/train/recipes/soho-recipe.ts";
import { StepProgram, type StepReading } from "../../../src/train/step/step-program.ts";
import { sohoSystem } from "../../../src/train/systems/soho.ts";
import { disposeState, type TrainingState } from "../../../src/train/step/training-state.ts";
import { tinySohoRecipe, VOCABULARY_SIZE } from "./tiny-soho.ts";

beforeAll(loadTensorFlow);

const NUM_PICTURES = 8;
const NUM_PAIRS = 32;
const NUM_TOKENS = 5;
const MASK = 10;
const SIDE = 64;

const recipe: SohoRecipe = {
  ...tinySohoRecipe,
  name: "fit",
  model: {
    ...tinySohoRecipe.model,
    resnet: { block: "basic", depths: [1, 1], width: 8 },
    dictionary: { codes: 12, momentum: 0.9, restartAfterSteps: 0 },
    transformer: {
      ...tinySohoRecipe.model.transformer,
      hiddenSize: 64,
      intermediateSize: 128,
      layers: 2,
      heads: 4,
    },
  },
  optimisation: {
    ...tinySohoRecipe.optimisation,
    transformerLearningRate: 2e-3,
    // Features that stand still: what is fitted is the Transformer.
    frozenVisualEpochs: 1,
    warmupSteps: 1,
  },
};

/** 4 x 4 patches of one colour each. */
function pictures(): Int32Array {
  const random = new RandomStream(3);
  const colours = Array.from({ length: NUM_PICTURES * 16 * 3 }, () => random.nextInt(2) * 255);
  return Int32Array.from({ length: NUM_PICTURES * SIDE * SIDE * 3 }, (_, place) => {
    const pixel = Math.floor(place / 3);
    const row = Math.floor(pixel / SIDE) % SIDE;
    const patch = Math.floor(row / 16) * 4 + Math.floor((pixel % SIDE) / 16);
    const picture = Math.floor(pixel / SIDE / SIDE);
    return colours[(picture * 16 + patch) * 3 + (place % 3)] ?? 0;
  });
}

const pairs = Array.from({ length: NUM_PAIRS }, (_, pair) => pair);
const isMatched = (pair: number): boolean => pair % 4 < 2;
const pictureOf = (pair: number): number => Math.floor(pair / 4);
/** Which of a text's three words is predicted. */
const predicted = (pair: number): number => pair % 3;
/** Three words say in binary whose text it is: the picture's own, or one that differs in every bit. */
const wordOf = (pair: number, bit: number): number => {
  const text = isMatched(pair) ? pictureOf(pair) : NUM_PICTURES - 1 - pictureOf(pair);
  return 4 + 2 * bit + ((text >> bit) & 1);
};

/** In each text one word is masked, which only the picture tells. */
function batchOf(step: number, pixels: Int32Array): NamedTensors {
  const draws = new RandomStream(4, step);
  const ids = pairs.flatMap((pair) => {
    const words = [0, 1, 2].map((bit) => (bit === predicted(pair) ? MASK : wordOf(pair, bit)));
    return [2, ...words, 3];
  });
  const ofPairs = (valueOf: (pair: number) => number): tf.Tensor =>
    tf.tensor(pairs.map(valueOf), undefined, "int32");
  const matched = pairs.filter(isMatched);
  const sides = Array.from({ length: NUM_PICTURES }, () => SIDE);
  return {
    pixels: tf.tensor(pixels.slice(), [NUM_PICTURES, SIDE, SIDE, 3], "int32"),
    validHeights: tf.tensor(sides, undefined, "int32"),
    validWidths: tf.tensor(sides, undefined, "int32"),
    pictureOfPair: ofPairs(pictureOf),
    tokenIds: tf.tensor(ids, [NUM_PAIRS, NUM_TOKENS], "int32"),
    tokenMask: tf.ones([NUM_PAIRS, NUM_TOKENS], "int32"),
    matched: ofPairs((pair) => Number(isMatched(pair))),
    maskedRows: tf.tensor(
      matched.map((pair) => pair * NUM_TOKENS + 1 + predicted(pair)),
      undefined,
      "int32",
    ),
    maskedLabels: tf.tensor(
      matched.map((pair) => wordOf(pair, predicted(pair))),
      undefined,
      "int32",
    ),
    maskedWeights: tf.ones([matched.length]),
    mvmUniforms: tf.tensor1d(pairs.map(() => draws.nextFloat() * 0.999)),
    mvmLocation: tf.tensor1d([0.5]),
    shares: tf.ones([3]),
  };
}

interface Fit {
  readonly readings: readonly StepReading[];
  /** Tensors of tfjs's and of TensorFlow's after each step. */
  readonly numTensors: readonly number[];
}

async function fit(numSteps: number): Promise<Fit> {
  const system = sohoSystem(recipe, VOCABULARY_SIZE);
  using program = new StepProgram(recipe, system);
  let state: TrainingState = program.initialState();
  const readings: StepReading[] = [];
  const numTensors: number[] = [];
  const pixels = pictures();
  for (let step = 1; step <= numSteps; step += 1) {
    const tensors = batchOf(step, pixels);
    const batch = { variant: "frozen-backbone", tensors };
    const done = await program.run({
      state,
      batch,
      step,
      rateFactor: 1 - step / numSteps,
      freezesVisual: true,
    });
    tf.dispose(Object.values(tensors));
    disposeState(state);
    ({ state } = done);
    readings.push(done.reading);
    numTensors.push(tf.memory().numTensors + tensorFlowBackend().binding.getNumOfTensors());
  }
  disposeState(state);
  return { readings, numTensors };
}

describe("a tiny SOHO", () => {
  it("T-16: fits 32 pairs: MVM over 95 % by the dot product, ITM 100 %, MLM under 0.1; T-12: with as many tensors at its end", async () => {
    const { numTensors, readings } = await fit(350);
    expect(new Set(numTensors.slice(10)).size).toBe(1);
    const last = readings.slice(-20);
    const mean = (part: string): number =>
      last.reduce((sum, { parts }) => sum + (parts[part] ?? 0), 0) / last.length;
    expect(mean("mlm")).toBeLessThan(0.1);
    expect(mean("mvmAccuracy")).toBeGreaterThan(0.95);
    expect(mean("itmAccuracy")).toBe(1);
  });
});
