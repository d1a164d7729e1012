import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { RunningProgram } from "../../cli/running-program.ts";
import { makeZip } from "./hostile-zip.ts";
import { UnpackedFolder } from "./unpacked-folder.ts";

const NUM_MEMBERS = 100_000;
const unpacker = join(import.meta.dirname, "fixtures/measured-unpacker.ts");
const output = z.object({ numFiles: z.int(), rssBytes: z.array(z.number()) });

describe("a zip file of many tiny members", () => {
  it("case 27: is unpacked in constant memory, with progress", async () => {
    await using folder = await UnpackedFolder.create();
    const members = Array.from({ length: NUM_MEMBERS }, (_, index) => ({
      name: `${index % 200}/${index}.txt`,
      content: String(index),
      method: 0,
    }));
    const archive = join(folder.root, "archive.zip");
    await writeFile(archive, makeZip(members).all);
    const startMs = performance.now();
    const { stdout } = await new RunningProgram(unpacker, [archive, folder.out]).ended;
    const seconds = (performance.now() - startMs) / 1000;
    const { numFiles, rssBytes } = output.parse(JSON.parse(stdout));
    const peakBytes = Math.max(...rssBytes);
    const grownBytes = peakBytes - (rssBytes[Math.floor(rssBytes.length / 2)] ?? 0);
    process.stderr.write(
      `${NUM_MEMBERS} members in ${seconds.toFixed(1)} s, peak RSS ${(peakBytes / 1e6).toFixed(0)} MB, +${(grownBytes / 1e6).toFixed(0)} MB in the second half\n`,
    );
    expect(numFiles).toBe(NUM_MEMBERS);
    expect(rssBytes.length).toBeGreaterThan(NUM_MEMBERS / 1000);
    expect(await readdir(join(folder.out, "7"))).toHaveLength(NUM_MEMBERS / 200);
    expect(grownBytes).toBeLessThan(50e6);
  });
});
