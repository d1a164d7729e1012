import { afterAll, expect, it } from "vitest";
import { annotationCases } from "./annotation-cases.ts";
import { changingCases } from "./changing-cases.ts";
import { behindNumbers, type PrepareCase, prepareCase } from "./hostile-source.ts";
import { pictureCases } from "./picture-cases.ts";

// What the list of hostile inputs allows each case, on a machine that does nothing else.
const MAX_SECONDS = 5;
const MAX_PEAK_MIB = 512;
const rows: string[] = [];

// More than a string of V8 can hold; how long that takes grows with the file.
it("case 28: a file of 600 MB takes no more than 512 MiB", async () => {
  const { exitCode, peakMiB, seconds, stdout } = await prepareCase(behindNumbers(600));
  rows.push(`  28  ${exitCode}  ${seconds.toFixed(1)} s  ${(peakMiB ?? 0).toFixed(0)} MiB  600 MB`);
  expect([exitCode, exitCode === 0 ? "" : stdout]).toEqual([0, ""]);
  expect(peakMiB ?? 0).toBeLessThan(MAX_PEAK_MIB);
});

const ALL_CASES: readonly PrepareCase[] = [...pictureCases, ...changingCases, ...annotationCases];
afterAll(() => {
  process.stdout.write(`\ncase  exit  seconds   MiB  what\n${rows.join("\n")}\n`);
});

it.each(ALL_CASES.map((hostile) => ({ ...hostile, hostile })))(
  "case $number: $name takes no more than 5 s and 512 MiB",
  async ({ hostile, number, name }) => {
    const { exitCode, seconds, peakMiB } = await prepareCase(hostile);
    const columns = [
      String(number).padStart(4),
      String(exitCode).padStart(4),
      seconds.toFixed(1).padStart(7),
      (peakMiB ?? 0).toFixed(0).padStart(4),
      name,
    ];
    rows.push(columns.join("  "));
    expect(exitCode).toBe(hostile.exitCode);
    expect(seconds).toBeLessThan(MAX_SECONDS);
    expect(peakMiB ?? 0).toBeLessThan(MAX_PEAK_MIB);
  },
);
