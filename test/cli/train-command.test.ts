import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { paceText } from "../../src/cli/runs/pace-text.ts";
import { drawTinyWorld, run, trainArguments, type TinyWorld } from "./hardship/tiny-world.ts";

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

describe("the pace of a run", () => {
  it("is told without digits that nobody needs", () => {
    const pace = {
      seconds: 192.7,
      picturesPerSecond: 98.76,
      longestWaitMs: 7.26,
      firstBatchMs: 312.4,
    };
    expect(paceText({ ...pace, dataWaitShare: 0.0006 })).toContain("; less than 0.1 % of the");
    expect(paceText({ ...pace, dataWaitShare: 0.00449 })).toBe(
      "3 min 13 s, 98.8 pictures/s; 0.4 % of the training waited for batches (7.3 ms at most; the first batch took 312 ms)",
    );
  });
});
