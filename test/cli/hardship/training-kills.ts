import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { latestCheckpoint } from "../../../src/train/checkpoints/read-checkpoint.ts";
import { run, start, trainArguments, type TinyWorld } from "./tiny-world.ts";

/** Each step is a checkpoint, so that many kills meet one that is being written. */
const SETTINGS = ["checkpoints.everySteps=1", "optimisation.duration.length=24"];
const ENDED_FILES = ["model.safetensors", "optimizer.safetensors", "loader.json"];

/** What became of trainings that were killed again and again. */
export interface TrainingKills {
  /** Kills that met the program before it was done. */
  readonly numKills: number;
  /** Of them, those that left a checkpoint half-written. */
  readonly numMidWrite: number;
  /** Of them, those behind at least one whole checkpoint. */
  readonly numBehindSteps: number;
  readonly numRuns: number;
}

/**
 * Kills `crossweave train` with SIGKILL at random moments and runs the same command again, until it is done; then in the next
 * folder, until there were `numKills` kills. Expects the weights, the moments and the samples of an undisturbed run each time.
 */
export async function killTrainings(
  world: TinyWorld,
  { numKills, seed }: { readonly numKills: number; readonly seed: number },
): Promise<TrainingKills> {
  const random = new RandomStream(seed);
  const straight = join(world.folder, "straight");
  await finish(world, straight);
  // Of the whole command, on a machine that may become faster or slower.
  let durationMs = await durationOf(() => finish(world, join(world.folder, "timed-0")));
  const expected = await outcomeOf(straight);
  const kills = { numKills: 0, numMidWrite: 0, numBehindSteps: 0, numRuns: 0 };
  while (kills.numKills < numKills) {
    const out = join(world.folder, `killed-${kills.numRuns}`);
    while (kills.numKills < numKills) {
      // Most of a short run is its start, in which there is little to lose.
      const delayMs = durationMs * (0.4 + 0.65 * random.nextFloat());
      if (!(await isKilled(commandOf(world, out), delayMs))) break;
      kills.numKills += 1;
      const checkpoints = join(out, "checkpoints");
      const names = existsSync(checkpoints) ? await readdir(checkpoints) : [];
      if (names.some((name) => name.endsWith(".part"))) kills.numMidWrite += 1;
      if ((await latestCheckpoint(checkpoints)) !== undefined) kills.numBehindSteps += 1;
    }
    const timed = join(world.folder, `timed-${kills.numRuns + 1}`);
    durationMs = await durationOf(() => finish(world, timed));
    await rm(timed, { recursive: true });
    await finish(world, out);
    expect(await outcomeOf(out)).toEqual(expected);
    await rm(out, { recursive: true });
    kills.numRuns += 1;
  }
  return kills;
}

async function durationOf(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

function commandOf(world: TinyWorld, out: string): string[] {
  const more = [...SETTINGS, "data.numWorkers=2"].flatMap((setting) => ["--set", setting]);
  return trainArguments(world, out, [...more, "--no-near"]);
}

/** Whether the kill came before the program's own end. */
async function isKilled(command: readonly string[], delayMs: number): Promise<boolean> {
  const program = start(command);
  await Promise.race([sleep(delayMs), program.ended]);
  program.child.kill("SIGKILL");
  return (await program.ended).exitCode === null;
}

async function finish(world: TinyWorld, out: string): Promise<void> {
  const { exitCode, stderr } = await run(commandOf(world, out));
  if (exitCode !== 0) throw new Error(stderr);
}

/** Metrics, which name each step's samples, and the last weights and moments; the log's times are its own. */
async function outcomeOf(out: string): Promise<readonly string[]> {
  const latest = await latestCheckpoint(join(out, "checkpoints"));
  const files = ENDED_FILES.map((file) => join(latest?.folder ?? "", file));
  const texts = [join(out, "metrics.jsonl"), ...files].map((path) => readFile(path, "latin1"));
  return [String(latest?.step), ...(await Promise.all(texts))];
}
