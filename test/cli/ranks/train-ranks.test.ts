import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { readMetrics } from "../../../src/train/run/run-folder.ts";
import { traceDistance } from "../../train/compare-runs.ts";
import {
  drawTinyWorld,
  run,
  start,
  trainArguments,
  type TinyWorld,
} from "../hardship/tiny-world.ts";
import { killRank, rankProcesses } from "./rank-processes.ts";

let world: TinyWorld;
beforeAll(async () => {
  world = await drawTinyWorld();
  await run(trainArguments(world, pathOf("alone")));
});
afterAll(() => world[Symbol.asyncDispose]());

const pathOf = (name: string): string => join(world.folder, name);
const document = z.object({ summary: z.object({ totalSteps: z.int(), resumedFrom: z.int() }) });
const fault = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
// Every step is a checkpoint, at which the ranks compare their weights.
const eachStep = ["--set", "checkpoints.everySteps=1"];

async function distanceToAlone(name: string): Promise<number> {
  return traceDistance(await readMetrics(pathOf("alone")), await readMetrics(pathOf(name)));
}

describe("crossweave train --ranks", () => {
  it("trains with two processes as with one, and prints one result", async () => {
    const { exitCode, stderr, stdout } = await run(
      trainArguments(world, pathOf("two"), [...eachStep, "--ranks", "2", "--json"]),
    );
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(document.parse(JSON.parse(stdout)).summary).toMatchObject({ totalSteps: 12 });
    expect(stderr).toContain("\nrank 1: crossweave train: training demo");
    expect(await distanceToAlone("two")).toBeLessThan(1e-5);
  });

  it("ends with 24 when a rank is killed; three ranks go on from there", async () => {
    const out = pathOf("killed");
    const settings = [...eachStep, "--set", "optimisation.duration.length=12"];
    const program = start(trainArguments(world, out, [...settings, "--ranks", "2", "--json"]));
    await killRank(program, 1, { folder: out, afterSteps: 3 });
    const { exitCode, stderr, stdout } = await program.ended;
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 24 });
    expect(fault.parse(JSON.parse(stdout)).error).toEqual({
      code: "INCOMPLETE",
      message: "rank 1 was ended by SIGKILL",
    });
    expect(stderr).toMatch(/rank 1 \(127\.0\.0\.1:\d+\) is lost/);
    const again = await run(trainArguments(world, out, [...settings, "--ranks", "3", "--json"]));
    expect(document.parse(JSON.parse(again.stdout)).summary.resumedFrom).toBeGreaterThanOrEqual(3);
    expect(await distanceToAlone("killed")).toBeLessThan(1e-5);
  });

  it("stops by one signal at one step, and leaves no process behind", async () => {
    const out = pathOf("stopped");
    const program = start(trainArguments(world, out, ["--ranks", "2"]));
    await program.says("compiled gradient");
    const ranks = await rankProcesses(program);
    expect(ranks).toHaveLength(2);
    program.child.kill("SIGTERM");
    const { exitCode, stderr } = await program.ended;
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 130 });
    for (const { pid } of ranks) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    const checkpoints = await readMetrics(out);
    expect((await run(trainArguments(world, out))).exitCode).toBe(0);
    expect(checkpoints.length).toBeLessThan(12);
    expect(await distanceToAlone("stopped")).toBeLessThan(1e-5);
  });

  it("tells a rank's own fault rather than that the others lost it", async () => {
    const { exitCode, stdout } = await run(
      trainArguments(world, pathOf("nowhere"), ["--ranks", "2", "--json", "--exclude", "missing"]),
    );
    expect(exitCode).toBe(23);
    expect(fault.parse(JSON.parse(stdout)).error.message).toContain("missing");
  });

  it("is refused where a batch has fewer pictures, and where TF_CONFIG is wrong", async () => {
    const many = await run(trainArguments(world, pathOf("many"), ["--ranks", "9"]));
    expect(many.exitCode).toBe(2);
    expect(many.stderr).toContain("9 ranks cannot share a batch of 8 pictures");
    const wrong = await run(trainArguments(world, pathOf("wrong")), { TF_CONFIG: "{" });
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain("TF_CONFIG");
  });
});
