import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { z } from "zod";

const MILLION = 1_000_000;
// What the list of hostile inputs allows each case, on a machine that does nothing else.
const MAX_CPU_SECONDS = 5;
const MAX_PEAK_MIB = 512;
const fixture = join(import.meta.dirname, "fixtures/equal-pictures.ts");
const ended = z.object({
  found: z.record(z.string(), z.number()),
  cpuSeconds: z.number(),
  peakMiB: z.number(),
});

async function audited(mode: string): Promise<z.infer<typeof ended>> {
  const { stdout } = await promisify(execFile)(process.execPath, [fixture, mode, String(MILLION)]);
  const measured = ended.parse(JSON.parse(stdout));
  process.stdout.write(`${mode}: ${measured.cpuSeconds} s of processor, ${measured.peakMiB} MiB\n`);
  return measured;
}

it("counts the pairs of a million pictures with the same bytes, lists a few and excludes all (case 56)", async () => {
  const { cpuSeconds, found, peakMiB } = await audited("names");
  expect(found).toEqual({
    numPairs: (MILLION / 2) ** 2,
    numListed: 100,
    numExclusions: MILLION / 2,
  });
  expect(cpuSeconds).toBeLessThan(MAX_CPU_SECONDS);
  expect(peakMiB).toBeLessThan(MAX_PEAK_MIB);
});

it("makes one candidate of a million pictures with equal pixels (case 56)", async () => {
  const { cpuSeconds, found, peakMiB } = await audited("equal-pixels");
  expect(found).toEqual({ numCandidates: 1, numUncompared: 0 });
  expect(cpuSeconds).toBeLessThan(MAX_CPU_SECONDS);
  expect(peakMiB).toBeLessThan(MAX_PEAK_MIB);
});

it("compares a million pictures with one hash but other pixels once each and counts the rest (case 56)", async () => {
  const { cpuSeconds, found, peakMiB } = await audited("other-pixels");
  expect(found).toEqual({ numCandidates: MILLION, numUncompared: 29 * MILLION });
  expect(cpuSeconds).toBeLessThan(MAX_CPU_SECONDS);
  expect(peakMiB).toBeLessThan(MAX_PEAK_MIB);
});
