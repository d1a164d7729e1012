import { expect, it } from "vitest";
import { annotationCases } from "./annotation-cases.ts";
import { changingCases } from "./changing-cases.ts";
import { expectedLedger, numRecords, pathOf, prepareCase } from "./hostile-source.ts";
import { pictureCases } from "./picture-cases.ts";

const cases = [...pictureCases, ...changingCases, ...annotationCases];

// How long each takes is for hostile-cases.slow.ts, which has the machine to itself.
it.each(
  cases.map((hostile) => {
    const { exitCode, why } = hostile;
    return { ...hostile, hostile, end: why === undefined ? `${exitCode}` : `${exitCode}, ${why},` };
  }),
)(
  "case $number: prepare on $name ends with $end and accounts for every record",
  async ({ hostile }) => {
    const { exitCode, stdout, ledger, balance, pictures, peakMiB } = await prepareCase(hostile);
    expect([exitCode, exitCode === hostile.exitCode ? "" : stdout]).toEqual([hostile.exitCode, ""]);
    expect(peakMiB ?? 0).toBeLessThan(512);
    for (const words of hostile.words ?? []) expect(stdout).toContain(words);
    if (exitCode !== 0) return;
    const numRead = numRecords(hostile);
    expect(balance).toEqual([numRead, numRead]);
    expect(ledger).toEqual(expectedLedger(hostile));
    hostile.check?.(pictures);
    for (const [index, { stored = {} }] of (hostile.pictures ?? []).entries()) {
      const picture = pictures.find(({ path }) => path === pathOf(index));
      expect(picture ?? {}).toMatchObject(stored);
    }
  },
);
