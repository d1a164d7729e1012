import { expect, it } from "vitest";
import { killAtRandomMoments, preparedPhotographs } from "./kills.ts";

// kills.slow.ts does this 50 times with 1, 2 and 4 workers.
it("case 54: prepare, killed at random moments, ends with the undisturbed set", async () => {
  await using undisturbed = await preparedPhotographs();
  const kills = await killAtRandomMoments(undisturbed, { numKills: 3, numWorkers: 2, seed: 3 });
  expect(kills.numKills).toBe(3);
});
