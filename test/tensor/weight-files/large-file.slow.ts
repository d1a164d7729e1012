import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

// Files of more than a gigabyte, in processes whose heap may not grow beyond 64 MB.

const run = promisify(execFile);
const program = join(import.meta.dirname, "fixtures", "large-file.ts");
const HEAP_MEGABYTES = 64;
const MEGABYTE = 2 ** 20;
/** The program adds up every so many values. */
const STRIDE = 4096;
/** Of 50 tensors of 6 Mi values, the first all 1, the last all 50. */
const SUM_OF_FIFTY = (50 * 51 * 3 * MEGABYTE) / STRIDE;
const usage = z.object({
  sum: z.number(),
  count: z.int(),
  heapMegabytes: z.number(),
  residentMegabytes: z.number(),
  seconds: z.number(),
});

async function call(...words: string[]): Promise<z.infer<typeof usage>> {
  const options = [`--max-old-space-size=${HEAP_MEGABYTES}`, program, ...words];
  const { stdout } = await run(process.execPath, options);
  process.stdout.write(`large-file ${words.join(" ")}: ${stdout}`);
  return usage.parse(JSON.parse(stdout));
}

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-large-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a file of 1.2 GB", () => {
  it("is written, read and renamed with one tensor in memory at a time", async () => {
    const path = join(folder, "large.safetensors");
    // 50 tensors of 24 MB.
    await call("write", path, "50", String(6 * MEGABYTE));
    expect((await stat(path)).size).toBeGreaterThan(1.2e9);
    const read = await call("read", path);
    expect(read).toMatchObject({ count: 50, sum: SUM_OF_FIFTY });
    const renamed = await call("convert", path, join(folder, "renamed.safetensors"));
    for (const { heapMegabytes, residentMegabytes } of [read, renamed]) {
      expect(heapMegabytes).toBeLessThan(HEAP_MEGABYTES);
      expect(residentMegabytes).toBeLessThan(600);
    }
  });

  it("is written to several files with an index, and read as one", async () => {
    const path = join(folder, "model.safetensors.index.json");
    await call("convert", join(folder, "large.safetensors"), path, "500000000");
    expect(await call("read", path)).toMatchObject({ count: 50, sum: SUM_OF_FIFTY });
  });
});

describe("a tensor of more than 2 GiB", () => {
  it("is written and read", async () => {
    const path = join(folder, "single.safetensors");
    const length = 600 * MEGABYTE;
    await call("write", path, "1", String(length));
    expect((await stat(path)).size).toBeGreaterThan(2 ** 31);
    expect(await call("read", path)).toMatchObject({ count: 1, sum: length / STRIDE });
  });
});
