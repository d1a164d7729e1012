import { afterAll, beforeAll, expect, it } from "vitest";
import { drawTinyWorld, type TinyWorld } from "./tiny-world.ts";
import { killTrainings } from "./training-kills.ts";

let world: TinyWorld;
beforeAll(async () => {
  world = await drawTinyWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

// training-kills.slow.ts does this 100 times.
it("T-9, T-10: training that is killed at random moments comes to the weights and samples of one that is not", async () => {
  const kills = await killTrainings(world, { numKills: 3, seed: 1 });
  expect(kills.numKills).toBe(3);
});
