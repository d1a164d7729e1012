import { expect, it } from "vitest";
import { runLoaderTrials } from "./loader-trials.ts";

it("the loader delivers none of 1,000 random damages and never hangs", async () => {
  const tally = await runLoaderTrials(1000, 0);
  process.stdout.write(`${JSON.stringify({ ...tally, slowestMs: Math.round(tally.slowestMs) })}\n`);
  expect(tally.wrong).toEqual([]);
  expect(tally.slowestMs).toBeLessThan(10_000);
});
