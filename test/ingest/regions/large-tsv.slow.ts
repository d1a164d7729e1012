import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { z } from "zod";
import { writeLargeTsv } from "./large-tsv.ts";

const run = promisify(execFile);
const script = join(import.meta.dirname, "fixtures/read-large-tsv.ts");
const measured = z.object({
  numReads: z.int(),
  numRegions: z.int(),
  indexPeakBytes: z.number(),
  peakBytes: z.number(),
});

async function measure(sizeBytes: number): Promise<z.infer<typeof measured>> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-large-tsv-"));
  try {
    const numPictures = await writeLargeTsv(join(folder, "large.tsv"), sizeBytes);
    const { stdout } = await run(process.execPath, [script, folder, String(numPictures)]);
    return measured.parse(JSON.parse(stdout));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

it("indexes 1.2 GB of region features in the memory of 0.15 GB, below 250 MB", async () => {
  const small = await measure(150e6);
  const large = await measure(1.2e9);
  for (const { numReads, numRegions } of [small, large]) expect(numRegions).toBe(36 * numReads);
  expect(large.indexPeakBytes).toBeLessThan(small.indexPeakBytes + 30e6);
  expect(large.peakBytes).toBeLessThan(250e6);
});
