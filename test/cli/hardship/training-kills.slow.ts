import { afterAll, beforeAll, expect, it } from "vitest";
import { drawTinyWorld, type TinyWorld } from "./tiny-world.ts";
import { killTrainings } from "./training-kills.ts";

let world: TinyWorld;
beforeAll(async () => {
  world = await drawTinyWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

it("T-9, T-10: training that is killed 100 times comes to the weights and samples of one that is not", async () => {
  const kills = await killTrainings(world, { numKills: 100, seed: 1 });
  expect(kills.numKills).toBe(100);
  expect(kills.numMidWrite).toBeGreaterThan(0);
  expect(kills.numBehindSteps).toBeGreaterThan(0);
  const { numBehindSteps, numMidWrite, numRuns } = kills;
  process.stdout.write(
    `100 kills, ${numBehindSteps} behind a checkpoint, ${numMidWrite} in the middle of one: ${numRuns} runs with the undisturbed run's weights, moments and samples\n`,
  );
});
