import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { paceText } from "../../src/cli/runs/pace-text.ts";
import { latestCheckpoint } from "../../src/train/checkpoints/read-checkpoint.ts";
import { readMetrics } from "../../src/train/run/run-folder.ts";
import {
  drawTinyWorld,
  run,
  start,
  trainArguments,
  type TinyWorld,
} from "./hardship/tiny-world.ts";

const paceSchema = z.object({
  seconds: z.number().positive(),
  dataWaitShare: z.number().min(0).max(1),
  longestWaitMs: z.number().positive(),
  firstBatchMs: z.number().positive(),
});
const document = z.object({ summary: z.object({ resumedFrom: z.int() }), pace: paceSchema });

let world: TinyWorld;
beforeAll(async () => {
  world = await drawTinyWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("crossweave train", () => {
  it("tells how long the run waited for batches, at once and when it is asked again", async () => {
    const out = join(world.folder, "run");
    const { exitCode, stdout } = await run(trainArguments(world, out));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /\n\d+ s, [\d.]+ pictures\/s; (less than 0\.1|\d+\.\d) % of the training waited for batches \([\d.]+ ms at most; the first batch took \d+ ms\)\n/,
    );
    const kept = paceSchema.parse(JSON.parse(await readFile(join(out, "summary.json"), "utf8")));
    const again = await run(trainArguments(world, out, ["--json"]));
    const { pace, summary } = document.parse(JSON.parse(again.stdout));
    expect(summary.resumedFrom).toBe(12);
    expect(pace).toEqual(kept);
  });
});

const eventLine = z.looseObject({ time: z.iso.datetime(), event: z.string(), step: z.int() });

async function eventsOf(out: string): Promise<string[]> {
  const lines = (await readFile(join(out, "run.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => eventLine.parse(JSON.parse(line))).map(({ event }) => event);
}

describe("a training that is looked at", () => {
  it("keeps a page in a file, writes for TensorBoard, and logs what happened", async () => {
    const out = join(world.folder, "watched");
    const [page, events] = [join(out, "page.html"), join(out, "events")];
    const flags = ["--page", page, "--tensorboard", events];
    const { exitCode, stderr } = await run(trainArguments(world, out, flags));
    expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
    expect(await readFile(page, "utf8")).toContain("step 12 of 12, complete");
    expect((await readdir(events)).join()).toContain(".tfevents.");
    expect(await eventsOf(out)).toEqual(["start", "checkpoint", "checkpoint", "checkpoint", "end"]);
  });

  it("stops by SIGTERM with its step saved and 130, and the same command goes on", async () => {
    const out = join(world.folder, "terminated");
    const call = trainArguments(world, out, ["--set", "optimisation.duration.length=4000"]);
    const program = start(call);
    while ((await readMetrics(out)).length < 3) await sleep(20);
    program.child.kill("SIGTERM");
    const { exitCode } = await program.ended;
    expect(exitCode).toBe(130);
    const latest = await latestCheckpoint(join(out, "checkpoints"));
    expect(latest?.step).toBeGreaterThanOrEqual(3);
    expect(latest?.step).toBe((await readMetrics(out)).at(-1)?.step);
    expect((await eventsOf(out)).at(-1)).toBe("end");
    const again = start(call);
    await again.says(`goes on after step ${latest?.step}`);
    again.child.kill("SIGKILL");
    await again.ended;
  });
});

describe("a recipe of one's own", () => {
  it("is trained like one of ours, and refused beside one or without any", async () => {
    const file = join(world.folder, "mine.json");
    await writeFile(file, JSON.stringify({ extends: "demo", seed: 9 }));
    const out = join(world.folder, "mine");
    const [, , ...flags] = trainArguments(world, out, ["--dry-run", "--json"]);
    const { exitCode, stdout } = await run(["train", "--recipe", file, ...flags]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ recipe: { name: "mine", seed: 9 } });
    const both = await run(["train", "demo", "--recipe", file, ...flags]);
    const none = await run(["train", ...flags]);
    expect([both.exitCode, none.exitCode]).toEqual([2, 2]);
  });
});

describe("the pace of a run", () => {
  it("is told without digits that nobody needs", () => {
    const pace = {
      seconds: 192.7,
      picturesPerSecond: 98.76,
      longestWaitMs: 7.26,
      firstBatchMs: 312.4,
      numSkipped: 0,
    };
    expect(paceText({ ...pace, dataWaitShare: 0.0006 })).toContain("; less than 0.1 % of the");
    expect(paceText({ ...pace, dataWaitShare: 0.00449 })).toBe(
      "3 min 13 s, 98.8 pictures/s; 0.4 % of the training waited for batches (7.3 ms at most; the first batch took 312 ms)",
    );
  });
});
