import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { readSafetensors } from "../../../src/tensor/safetensors.ts";
import { latestCheckpoint } from "../../../src/train/checkpoints/read-checkpoint.ts";
import { readMetrics } from "../../../src/train/run/run-folder.ts";
import { traceDistance, weightDistance } from "../../train/compare-runs.ts";
import {
  drawTinyWorld,
  run,
  start,
  trainArguments,
  type TinyWorld,
} from "../hardship/tiny-world.ts";
import { rankProcesses } from "./rank-processes.ts";

let world: TinyWorld;
beforeAll(async () => {
  world = await drawTinyWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const pathOf = (name: string): string => join(world.folder, name);

async function weightsOf(name: string): Promise<ReadonlyMap<string, ArrayLike<number>>> {
  const latest = await latestCheckpoint(join(pathOf(name), "checkpoints"));
  const named = await readSafetensors(join(latest?.folder ?? "", "model.safetensors"));
  return new Map([...named].map(([weight, { data }]) => [weight, data]));
}

async function distanceTo(name: string, other: string): Promise<number> {
  return traceDistance(await readMetrics(pathOf(name)), await readMetrics(pathOf(other)));
}

describe("a hundred steps", () => {
  const settings = ["optimisation.duration.length=100", "model.transformer.dropout=0.1"];
  // A checkpoint at every step, at which the ranks compare their weights.
  const train = async (name: string, numRanks: number): Promise<number | null> => {
    const set = [...settings, "checkpoints.everySteps=1"].flatMap((each) => ["--set", each]);
    const ranks = ["--ranks", String(numRanks)];
    return (await run(trainArguments(world, pathOf(name), [...set, ...ranks]))).exitCode;
  };
  beforeAll(() => train("alone 100", 1));

  it.each([2, 3])("of %i processes end within 1e-5 of one process's weights", async (numRanks) => {
    const name = `of ${numRanks}`;
    expect(await train(name, numRanks)).toBe(0);
    const distance = weightDistance(await weightsOf("alone 100"), await weightsOf(name));
    const trace = await distanceTo("alone 100", name);
    expect(distance.relativeL2).toBeLessThan(1e-5);
    expect(distance.largest).toBeLessThan(1e-5);
    expect(trace).toBeLessThan(1e-5);
  });
});

const killedCall = (name: string, numRanks: number): string[] =>
  trainArguments(world, pathOf(name), [
    "--set",
    "checkpoints.everySteps=3",
    "--rank-timeout",
    "20",
    "--ranks",
    String(numRanks),
  ]);

describe("a run of which ranks are killed", () => {
  const NUM_KILLS = 20;

  it("ends each time by itself and goes on with 1, 2 or 3 ranks to the same trace", async () => {
    const began = performance.now();
    expect((await run(killedCall("whole", 2))).exitCode).toBe(0);
    const wholeMs = performance.now() - began;
    let numKills = 0;
    for (let trial = 0; numKills < NUM_KILLS; trial += 1) {
      const random = new RandomStream(7, trial);
      const [numRanks, rank] = [2 + random.nextInt(2), random.nextInt(2)];
      const name = `killed ${trial}`;
      const program = start(killedCall(name, numRanks));
      await sleep(random.nextFloat() * wholeMs);
      const lost = (await rankProcesses(program)).find((each) => each.rank === rank);
      if (lost !== undefined) process.kill(lost.pid, "SIGKILL");
      const { exitCode, stderr } = await program.ended;
      if (exitCode === 0) continue; // it was done before
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 24 });
      numKills += 1;
      const nextRanks = 1 + (numKills % 3);
      expect(await run(killedCall(name, nextRanks))).toMatchObject({ exitCode: 0 });
      expect(await distanceTo("whole", name)).toBeLessThan(1e-5);
    }
  });
});
