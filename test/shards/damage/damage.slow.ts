import { expect, it } from "vitest";
import { DamagedSet } from "./damaged-set.ts";
import { runTrials } from "./trials.ts";

const NUM_TRIALS = 5000;
const LONGEST_MS = 5000;

it("finds and locates 5,000 random damages, delivers none of them and never hangs", async () => {
  await using set = await DamagedSet.create();
  const tallies = await runTrials(set, NUM_TRIALS, 2026);
  for (const { misses: _misses, slowestMs, ...tally } of tallies) {
    const figures = { ...tally, slowestMs: Math.round(slowestMs) };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  }
  expect(tallies.flatMap(({ misses }) => misses)).toEqual([]);
  const sum = (count: "numTrials" | "numFound" | "numLocated"): number =>
    tallies.reduce((total, tally) => total + tally[count], 0);
  expect([sum("numTrials"), sum("numFound"), sum("numLocated")]).toEqual(
    Array.from({ length: 3 }, () => NUM_TRIALS),
  );
  expect(Math.max(...tallies.map(({ slowestMs }) => slowestMs))).toBeLessThan(LONGEST_MS);
});
