import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EndedProgram, RunningProgram } from "../running-program.ts";
import {
  drawTinyWorld,
  outcomeOf,
  run,
  start,
  trainArguments,
  type TinyWorld,
} from "./tiny-world.ts";

let world: TinyWorld;
let undisturbed = "";
beforeAll(async () => {
  world = await drawTinyWorld();
  undisturbed = join(world.folder, "undisturbed");
  const { exitCode, stderr } = await run(trainArguments(world, undisturbed));
  if (exitCode !== 0) throw new Error(stderr);
});
afterAll(() => world[Symbol.asyncDispose]());

/** How many steps a run has measured. */
async function stepsOf(runFolder: string): Promise<number> {
  const text = await readFile(join(runFolder, "metrics.jsonl"), "utf8").catch(() => "");
  return text.split("\n").length - 1;
}

/** Sends a signal once `isTime` says so. */
async function stop(
  program: RunningProgram,
  signal: NodeJS.Signals,
  isTime: () => Promise<boolean> | boolean,
): Promise<EndedProgram> {
  while (!(await isTime()) && program.child.exitCode === null) await sleep(1);
  program.child.kill(signal);
  return program.ended;
}

const interrupted = {
  exitCode: 130,
  stdout: "",
  stderr: expect.stringContaining("interrupted; the same command goes on"),
};

describe("training", () => {
  it("saves a checkpoint on Ctrl-C and goes on to the same losses and weights", async () => {
    const out = join(world.folder, "interrupted");
    const train = trainArguments(world, out);
    const isPast = (step: number) => async () => (await stepsOf(out)) > step;
    expect(await stop(start(train), "SIGINT", () => existsSync(join(out, "run.json")))).toEqual(
      interrupted,
    );
    expect(await stop(start(train), "SIGINT", isPast(1))).toEqual(interrupted);
    const steps = await stepsOf(out);
    const newest = (await readdir(join(out, "checkpoints"))).at(-1);
    expect(newest).toBe(`step-${String(steps).padStart(8, "0")}`);
    const { exitCode, stderr } = await run(train);
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining(`goes on after step ${steps}`)]);
    expect(await outcomeOf(out)).toEqual(await outcomeOf(undisturbed));
  });

  it("goes on from its last checkpoint after SIGKILL, to the same losses and weights", async () => {
    const out = join(world.folder, "killed");
    const train = trainArguments(world, out);
    // It is written while the run goes on.
    const isWritten = (): boolean => existsSync(join(out, "checkpoints", "step-00000005"));
    const killed = await stop(start(train), "SIGKILL", isWritten);
    expect(killed.exitCode).toBe(null);
    const { exitCode, stderr } = await run(train);
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/goes on after step (5|10)\n/)]);
    expect(await outcomeOf(out)).toEqual(await outcomeOf(undisturbed));
  });

  it("keeps the times of the run when there is nothing left to train", async () => {
    const summary = await readFile(join(undisturbed, "summary.json"), "utf8");
    const { exitCode, stdout } = await run(trainArguments(world, undisturbed));
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("nothing was left to train")]);
    expect(await readFile(join(undisturbed, "summary.json"), "utf8")).toBe(summary);
  });
});

/** Sends Ctrl-C as soon as a command has said `words`. */
async function interrupt(call: readonly string[], words: string): Promise<EndedProgram> {
  const program = start(call);
  await program.says(words);
  program.child.kill("SIGINT");
  return program.ended;
}

describe("Ctrl-C", () => {
  it("ends eval and doctor with exit code 130 and no half result", async () => {
    const out = join(world.folder, "interrupted-eval");
    const flags = ["--checkpoint", undisturbed, "--data", world.fit, "--out", out];
    const evaluate = ["eval", "retrieval", ...flags];
    expect(await interrupt(evaluate, "crossweave eval: retrieval of")).toEqual(interrupted);
    expect(existsSync(join(out, "report.html"))).toBe(false);
    expect(await interrupt(["doctor"], "looking at this machine")).toEqual(interrupted);
  });

  it("ends demo with exit code 130, and the same command draws on", async () => {
    const demo = ["demo", "--out", join(world.folder, "interrupted-demo")];
    expect(await interrupt(demo, "drawing the small world")).toEqual(interrupted);
    expect(await interrupt(demo, "drawing the small world")).toEqual(interrupted);
  });
});
