import { expect, it } from "vitest";
import { runLoaderTrials } from "./loader-trials.ts";

it.each([
  ["the calling thread", 0, 48],
  ["threads of its own", 2, 4],
])(
  "case 36: the loader on %s delivers no damaged sample and never hangs",
  async (_, numWorkers, numTrials) => {
    const tally = await runLoaderTrials(numTrials, numWorkers);
    expect(tally.wrong).toEqual([]);
    expect(tally.numStopped + tally.numUntouched).toBe(numTrials);
    expect(tally.numStopped).toBeGreaterThan(numTrials / 4);
    expect(tally.slowestMs).toBeLessThan(10_000);
  },
);
