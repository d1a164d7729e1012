import { beforeAll, describe, expect, it } from "vitest";
import { annotationCases } from "./annotation-cases.ts";
import { changingCases } from "./changing-cases.ts";
import {
  expectedLedger,
  isOfPictures,
  numRecords,
  pathOf,
  prepareCase,
  type PrepareOutcome,
  storedOf,
  together,
} from "./hostile-source.ts";
import { pictureCases } from "./picture-cases.ts";

const cases = [...pictureCases, ...changingCases, ...annotationCases];
const shared = cases.filter(isOfPictures);

// How long each takes, and each of pictures by itself, is for hostile-cases.slow.ts, which has the machine to itself.
it.each(
  cases.filter((hostile) => !shared.includes(hostile)).map((hostile) => ({ ...hostile, hostile })),
)(
  "case $number: prepare on $name ends with $exitCode and accounts for every record",
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

describe("prepare on a source with the pictures of all cases", () => {
  const all = together(shared);
  let outcome: PrepareOutcome | undefined;
  beforeAll(async () => {
    outcome = await prepareCase(all);
  });

  it("ends with 0 and accounts for every record", () => {
    const { balance, exitCode, ledger, peakMiB, stdout = "" } = outcome ?? {};
    expect([exitCode, exitCode === 0 ? "" : stdout]).toEqual([0, ""]);
    expect(peakMiB ?? 0).toBeLessThan(512);
    expect(balance).toEqual([numRecords(all), numRecords(all)]);
    expect(ledger).toEqual(expectedLedger(all));
  });

  it.each(shared.map((hostile) => ({ ...hostile, hostile })))(
    "case $number: stores of $name what is sound",
    ({ hostile }) => {
      const found = storedOf(hostile, shared, outcome?.pictures ?? []);
      const { pictures = [] } = hostile;
      expect(found.map((picture) => picture !== undefined)).toEqual(
        pictures.map(({ fault }) => fault === undefined),
      );
      for (const [index, { stored = {} }] of pictures.entries()) {
        expect(found[index] ?? {}).toMatchObject(stored);
      }
      hostile.check?.(found.filter((picture) => picture !== undefined));
    },
  );
});
