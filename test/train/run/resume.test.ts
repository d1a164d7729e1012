import { cp, readdir, rm } from "node:fs/promises";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StateError } from "../../../src/core/errors.ts";
import type { RunEvent } from "../../../src/train/run/run-events.ts";
import { readMetrics, readRunRecord } from "../../../src/train/run/run-folder.ts";
import { TrainedRuns } from "./trained-runs.ts";

let runs: TrainedRuns;
beforeAll(async () => {
  runs = await TrainedRuns.open();
});
afterAll(() => runs[Symbol.asyncDispose]());

/** Rates that make all numbers infinite behind the first step. */
const exploding = [
  "optimisation.visualLearningRate=1e30",
  "optimisation.transformerLearningRate=1e30",
  "optimisation.warmupSteps=0",
];
const skipping = [...exploding, "optimisation.nonFinite=skip"];

const accumulated = ["optimisation.microBatches=2", "optimisation.emaDecay=0.9"];

/** Trains straight with one worker, and with a stop in the middle of the second epoch: before it with 4 workers, then with 1. */
async function bothOutcomes(name: string, settings: readonly string[]) {
  const straight = `straight ${name}`;
  await runs.train(straight, { settings });
  await runs.trainUntil(name, 3, { settings: [...settings, "data.numWorkers=4"] });
  const { resumedFrom } = await runs.train(name, { settings });
  const [whole, resumed] = [await runs.outcomeOf(straight), await runs.outcomeOf(name)];
  return { resumedFrom, whole, resumed };
}

describe("a run that was stopped in the middle of an epoch", () => {
  it("T-9: comes to the weights, moments, average and samples of one that was not, in slices that are accumulated", async () => {
    const { resumed, resumedFrom, whole } = await bothOutcomes("accumulated", accumulated);
    expect(resumedFrom).toBe(3);
    expect(resumed).toEqual(whole);
    expect(whole["step"]).toBe("6");
    expect(whole["metrics"]?.match(/"samples":"[0-9a-f]{16}"/g)).toHaveLength(6);
    expect(whole["average.safetensors"]).not.toBe("none");
  });

  it("T-9: comes to them with steps that are left out because their numbers were not finite", async () => {
    const { resumed, whole } = await bothOutcomes("with skips", skipping);
    expect(whole["metrics"]).toContain('"isSkipped":true');
    expect(resumed).toEqual(whole);
  });
});

describe("a run whose numbers are not finite", () => {
  it("T-13: names the pictures and stops, with nothing kept of that step", async () => {
    const before = tf.memory().numTensors;
    const events: RunEvent[] = [];
    const stopped = runs.train("exploded", {
      settings: exploding,
      observers: [(event) => void events.push(event)],
    });
    await expect(stopped).rejects.toThrow(
      /step 2: the loss is (NaN|-?Infinity), the gradient's norm \S+; pictures: coco:\d/,
    );
    expect(tf.memory().numTensors).toBe(before);
    expect(events.at(-1)).toMatchObject({ kind: "end", step: 1, outcome: "failed" });
  });

  it("T-13: goes on without such steps where the recipe says so, counts them and says which pictures", async () => {
    const said: string[] = [];
    const events: RunEvent[] = [];
    const summary = await runs.train("skipping", {
      settings: skipping,
      observers: [(event) => void events.push(event)],
      say: (message) => void said.push(message),
    });
    expect(summary).toMatchObject({ numSkipped: 5, totalSteps: 6 });
    const skips = events.filter(({ kind }) => kind === "skip");
    expect(skips).toHaveLength(5);
    expect(skips[0]).toMatchObject({
      step: 2,
      pictures: expect.arrayContaining([expect.stringMatching(/^coco:/)]),
    });
    expect(said.filter((line) => line.includes("its update is left out"))).toHaveLength(5);
    const lines = await readMetrics(runs.pathOf("skipping"));
    expect(lines.map(({ isSkipped }) => isSkipped === true)).toEqual([
      false,
      ...Array.from({ length: 5 }, () => true),
    ]);
    // The record tells of them after a resume, too.
    expect(await runs.train("skipping", { settings: skipping })).toMatchObject({ numSkipped: 5 });
  });
});

describe("checkpoints in the background", () => {
  it("are told of when they are whole, and a kill before that loses only the newest", async () => {
    const settings = ["checkpoints.everySteps=1", "checkpoints.keepLast=3"];
    const written: number[] = [];
    await runs.train("background", {
      settings,
      observers: [(event) => void (event.kind === "checkpoint" && written.push(event.step))],
    });
    expect(written).toEqual([1, 2, 3, 4, 5, 6]);
    const folder = runs.pathOf("background", "checkpoints");
    expect(await readdir(folder)).toEqual(["step-00000004", "step-00000005", "step-00000006"]);
    const whole = await runs.outcomeOf("background");
    await cp(`${folder}/step-00000006`, `${folder}/step-00000006.part`, { recursive: true });
    await rm(`${folder}/step-00000006`, { recursive: true });
    expect(await runs.train("background", { settings })).toMatchObject({ resumedFrom: 5 });
    expect(await runs.outcomeOf("background")).toEqual(whole);
  });

  it("keep the best one by a reading, and end a run that no longer becomes better, also after a resume", async () => {
    const best = 'checkpoints.best={"reading":"loss","wants":"highest"}';
    const settings = ["checkpoints.everySteps=1", "checkpoints.keepLast=1", best];
    const patient = [...settings, "checkpoints.patience=2", "optimisation.duration.length=40"];
    const summary = await runs.train("early", { settings: patient });
    expect(summary.isStoppedEarly).toBe(true);
    const losses = (await readMetrics(runs.pathOf("early"))).map(({ loss }) => loss);
    const highest = losses.indexOf(Math.max(...losses)) + 1;
    expect(losses.length).toBe(highest + 2);
    const names = [highest, losses.length].map((step) => `step-${String(step).padStart(8, "0")}`);
    expect(await readdir(runs.pathOf("early", "checkpoints"))).toEqual(names);
    const again = await runs.train("early", { settings: patient });
    expect(again).toMatchObject({ last: undefined, isStoppedEarly: true });
    await runs.trainUntil("early stopped", 1, { settings: patient });
    await runs.train("early stopped", { settings: patient });
    expect(await runs.outcomeOf("early stopped")).toEqual(await runs.outcomeOf("early"));
  });
});

describe("a run that goes on with other inputs", () => {
  it("T-11: is refused unless told, and its record tells of it for good", async () => {
    await runs.trainUntil("changed", 2);
    const settings = ["optimisation.clipNorm=0.5"];
    await expect(runs.train("changed", { settings })).rejects.toBeInstanceOf(StateError);
    const accepted = await runs.train("changed", { settings, open: { acceptChanges: true } });
    expect(accepted).toMatchObject({ resumedFrom: 2 });
    const { changes } = await readRunRecord(runs.pathOf("changed"));
    expect(changes).toMatchObject([
      { differences: [expect.stringMatching(/^optimisation.clipNorm: \d there, 0.5 now$/)] },
    ]);
    await runs.train("changed", { settings });
    expect((await readRunRecord(runs.pathOf("changed"))).changes).toEqual(changes);
  });

  it("T-11: is refused by another version of Crossweave unless told", async () => {
    await runs.trainUntil("version", 2, { open: { codeVersion: "0.1.0" } });
    const newer = runs.train("version", { open: { codeVersion: "0.2.0" } });
    await expect(newer).rejects.toThrow("Crossweave: 0.1.0 there, 0.2.0 now");
    const open = { codeVersion: "0.2.0", acceptChanges: true };
    expect(await runs.train("version", { open })).toMatchObject({ resumedFrom: 2 });
  });
});
