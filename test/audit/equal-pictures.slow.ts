import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { z } from "zod";

const MILLION = 1_000_000;
/** Some 500 were seen on a busy machine, 400 where V8 was held to a young generation of three times 16 MiB. */
const MAX_NAMES_MIB = 540;
const MAX_SEARCH_MIB = 512;
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
  const { found, peakMiB } = await audited("names");
  expect(found).toEqual({
    numPairs: (MILLION / 2) ** 2,
    numListed: 100,
    numExclusions: MILLION / 2,
  });
  expect(peakMiB).toBeLessThan(MAX_NAMES_MIB);
});

it("makes one candidate of a million pictures with equal pixels (case 56)", async () => {
  const { cpuSeconds, found, peakMiB } = await audited("equal-pixels");
  expect(found).toEqual({ numCandidates: 1, numUncompared: 0 });
  expect(cpuSeconds).toBeLessThan(5);
  expect(peakMiB).toBeLessThan(MAX_SEARCH_MIB);
});

it("compares a million pictures with one hash but other pixels once each and counts the rest (case 56)", async () => {
  const { cpuSeconds, found, peakMiB } = await audited("other-pixels");
  expect(found).toEqual({ numCandidates: MILLION, numUncompared: 29 * MILLION });
  expect(cpuSeconds).toBeLessThan(5);
  expect(peakMiB).toBeLessThan(MAX_SEARCH_MIB);
});
