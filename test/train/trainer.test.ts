import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NumericError, StateError } from "../../src/core/errors.ts";
import { silentProgress, type Progress } from "../../src/core/progress.ts";
import { parseLoaderState } from "../../src/loader/batching/loader-state.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { overrideRecipe } from "../../src/train/recipe-parser.ts";
import { loadRunModel } from "../../src/train/run/load-model.ts";
import { readMetrics, RunFolder } from "../../src/train/run/run-folder.ts";
import type { TrainSummary } from "../../src/train/run/train-options.ts";
import { train } from "../../src/train/trainer.ts";
import {
  drawnScenes,
  temporaryFolder,
  writeSet,
  writeVocabulary,
} from "../loader/shard-set-fixture.ts";
import { tinyRecipe } from "./tiny-run.ts";

const NUM_SCENES = 10; // two batches of 4 an epoch, so that six steps are three epochs
const NUM_STEPS = 6;

let temporary: Awaited<ReturnType<typeof temporaryFolder>> | undefined;
let vocabulary = { path: "", size: 0, text: "" };

beforeAll(async () => {
  await loadTensorFlow();
  temporary = await temporaryFolder();
  await writeSet(pathOf("set"), await drawnScenes(NUM_SCENES));
  const path = await writeVocabulary(temporary.path);
  const { size } = await WordPieceTokenizer.fromFile(path);
  vocabulary = { path, size, text: await readFile(path, "utf8") };
});
afterAll(async () => await temporary?.[Symbol.asyncDispose]());

const pathOf = (...names: string[]): string => join(temporary?.path ?? "", ...names);

interface RunCall {
  readonly settings?: readonly string[];
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** Trains the tiny recipe into the folder called `name`, as one process of it. */
async function trainInto(name: string, call: RunCall = {}): Promise<TrainSummary> {
  const { settings = [], progress = silentProgress, signal } = call;
  const recipe = overrideRecipe(tinyRecipe, settings);
  using run = await RunFolder.open(
    pathOf(name),
    {
      recipe,
      vocabularySha256: "of the fixture",
      setDigests: ["of the fixture"],
      audit: { digest: "of the fixture", clean: true },
    },
    { fresh: false, vocabulary: vocabulary.text },
  );
  const sets = [{ folder: pathOf("set"), splits: ["train"] }];
  const runDigest = run.record.digest;
  return await train({ recipe, sets, vocabulary, run, runDigest, progress, signal });
}

/** Trains until step `lastStep` is done, then stops as Ctrl-C does. */
async function trainUntil(name: string, lastStep: number): Promise<unknown> {
  const controller = new AbortController();
  const progress: Progress = {
    say: () => {},
    report: ({ done }) => {
      if (done === lastStep) controller.abort(new Error("stopped by the test"));
    },
  };
  return await trainInto(name, { progress, signal: controller.signal }).catch(
    (error: unknown) => error,
  );
}

interface Outcome {
  readonly metrics: string;
  /** Hexadecimal, of the last checkpoint. */
  readonly model: string;
  readonly optimizer: string;
}

async function outcomeOf(name: string): Promise<Outcome> {
  const checkpoint = pathOf(name, "checkpoints", `step-0000000${NUM_STEPS}`);
  return {
    metrics: await readFile(pathOf(name, "metrics.jsonl"), "utf8"),
    model: await readFile(join(checkpoint, "model.safetensors"), "hex"),
    optimizer: await readFile(join(checkpoint, "optimizer.safetensors"), "hex"),
  };
}

const lossesOf = async (name: string): Promise<number[]> =>
  (await readMetrics(pathOf(name))).map(({ loss }) => loss);

describe("training", () => {
  beforeAll(async () => {
    await trainInto("straight");
  });

  it("measures every step once and keeps the last weights", async () => {
    const metrics = await readMetrics(pathOf("straight"));
    expect(metrics.map(({ step, epoch }) => [step, epoch])).toEqual([
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 1],
      [5, 2],
      [6, 2],
    ]);
    expect(metrics.map(({ learningRateFactor }) => learningRateFactor)).toEqual([
      0.5, 1, 0.75, 0.5, 0.25, 0,
    ]);
    expect(await readdir(pathOf("straight", "checkpoints"))).toEqual(["step-00000006"]);
  });

  it("gives the same digits for the same seed, whatever the number of workers (T-9)", async () => {
    await trainInto("again", { settings: ["data.numWorkers=2", "data.prefetchBatches=1"] });
    expect(await outcomeOf("again")).toEqual(await outcomeOf("straight"));
  });

  it("gives other digits for another seed", async () => {
    await trainInto("other seed", { settings: ["seed=2"] });
    const [own, other] = [await lossesOf("straight"), await lossesOf("other seed")];
    expect(other.filter((loss) => own.includes(loss))).toEqual([]);
  });

  it("goes on after a stop in the middle of an epoch to the very same end (T-9)", async () => {
    const reason = await trainUntil("stopped", 3);
    expect(String(reason)).toContain("stopped by the test");
    expect(await readdir(pathOf("stopped", "checkpoints"))).toEqual(["step-00000003"]);
    const summary = await trainInto("stopped", { settings: ["data.numWorkers=2"] });
    expect(summary).toMatchObject({ resumedFrom: 3, totalSteps: NUM_STEPS });
    expect(await outcomeOf("stopped")).toEqual(await outcomeOf("straight"));
  });

  it("goes on after a kill from the checkpoint before it, metrics rewound (T-9, T-10)", async () => {
    const settings = ["checkpoints.everySteps=2"];
    await trainInto("killed", { settings });
    const whole = await outcomeOf("killed");
    expect(await readdir(pathOf("killed", "checkpoints"))).toEqual([
      "step-00000004",
      "step-00000006",
    ]);
    await rm(pathOf("killed", "checkpoints", "step-00000006"), { recursive: true });
    await writeFile(pathOf("killed", "metrics.jsonl"), whole.metrics.slice(0, -20));
    expect(await trainInto("killed", { settings })).toMatchObject({ resumedFrom: 4 });
    expect(await outcomeOf("killed")).toEqual(whole);
    expect(whole).toEqual(await outcomeOf("straight"));
  });

  it("tells how long it waited for batches, and when the first came", async () => {
    const { dataWaitShare, firstBatchMs, longestWaitMs, seconds } = await trainInto("timed");
    expect(firstBatchMs).toBeGreaterThan(0);
    expect(dataWaitShare).toBeGreaterThan(0);
    // Five waits behind the first one's, none longer than the longest.
    expect(dataWaitShare * (1000 * seconds - firstBatchMs)).toBeLessThan(5 * longestWaitMs + 1);
    const lines = await readFile(pathOf("timed", "metrics.jsonl"), "utf8");
    expect(lines).not.toMatch(/wait|ms"|seconds/i);
  });

  it("keeps in each checkpoint where the stream of batches stands", async () => {
    await trainInto("standing", { settings: ["optimisation.duration.length=3"] });
    const path = pathOf("standing", "checkpoints", "step-00000003", "loader.json");
    expect(parseLoaderState(await readFile(path, "utf8"))).toMatchObject({ epoch: 1, step: 1 });
  });

  it("does nothing when it is finished", async () => {
    const before = await outcomeOf("straight");
    const summary = await trainInto("straight");
    expect(summary).toMatchObject({ resumedFrom: NUM_STEPS, last: undefined });
    expect(await outcomeOf("straight")).toEqual(before);
  });

  it("leaves no tensor behind (T-12)", async () => {
    const before = tf.memory().numTensors;
    await trainInto("tensors", { settings: ["optimisation.duration.length=1"] });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("a run that is damaged or was stopped at once", () => {
  it("is refused with a StateError while its newest checkpoint is damaged", async () => {
    await trainUntil("damaged", 2);
    const model = pathOf("damaged", "checkpoints", "step-00000002", "model.safetensors");
    await writeFile(model, "damaged");
    await expect(trainInto("damaged")).rejects.toBeInstanceOf(StateError);
    await expect(loadRunModel(pathOf("damaged"))).rejects.toBeInstanceOf(StateError);
  });

  it("has no checkpoint when it was stopped before the first step, and starts from there", async () => {
    const signal = AbortSignal.abort(new Error("at once"));
    await expect(trainInto("stopped at once", { signal })).rejects.toThrow("at once");
    await expect(loadRunModel(pathOf("stopped at once"))).rejects.toThrow("no checkpoint yet");
    expect(await trainInto("stopped at once")).toMatchObject({ resumedFrom: 0 });
  });
});

describe("a loss that is not finite (T-13)", () => {
  it("stops the run and names the pictures; nothing of that step is kept", async () => {
    const settings = [
      "optimisation.visualLearningRate=1e30",
      "optimisation.transformerLearningRate=1e30",
      "optimisation.warmupSteps=0",
    ];
    const before = tf.memory().numTensors;
    const fault: unknown = await trainInto("exploded", { settings }).catch(
      (error: unknown) => error,
    );
    expect(fault).toBeInstanceOf(NumericError);
    expect(String(fault)).toMatch(/step \d: the loss is .* pictures: coco:\d/);
    expect(tf.memory().numTensors).toBe(before);
    const losses = await lossesOf("exploded");
    expect(losses.length).toBeLessThan(NUM_STEPS);
    expect(losses.every(Number.isFinite)).toBe(true);
  });
});

describe("the model of a run", () => {
  it("is its last checkpoint's, ready to be evaluated", async () => {
    const model = await loadRunModel(pathOf("straight"));
    expect(model.step).toBe(NUM_STEPS);
    expect(model.record.recipe.name).toBe("tiny");
    const words = model.weights["embeddings.word_embeddings.weight"];
    expect(words?.shape[0]).toBe(vocabulary.size);
    expect(model.tokenizer.size).toBe(vocabulary.size);
    expect(model.weights["itm_head.weight"]?.shape).toEqual([2, 16]);
    tf.dispose(Object.values(model.weights));
  });
});
