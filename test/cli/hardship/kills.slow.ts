import { describe, expect, it } from "vitest";
import { killAtRandomMoments, preparedPhotographs, preparedSmallWorld } from "./kills.ts";

const worlds = [
  { name: "the real photographs", prepared: preparedPhotographs },
  { name: "all datasets of the small world", prepared: preparedSmallWorld },
];

describe("case 54: prepare, killed at 50 random moments", () => {
  it.each(worlds)("ends with the undisturbed set of $name", async ({ name, prepared }) => {
    await using undisturbed = await prepared();
    for (const numWorkers of [1, 2, 4]) {
      const kills = await killAtRandomMoments(undisturbed, { numKills: 50, numWorkers, seed: 1 });
      expect(kills.numKills).toBe(50);
      expect(kills.numWithFiles).toBeGreaterThan(0);
      const { numSets, numWithFiles } = kills;
      process.stdout.write(
        `${name}, ${numWorkers} workers: ${numSets} sets in spite of 50 kills, ${numWithFiles} of them among finished shards; all with digest ${undisturbed.digest}\n`,
      );
    }
  });
});
