import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeZip } from "./hostile-zip.ts";
import { UnpackedFolder } from "./unpacked-folder.ts";

const NUM_MEMBERS = 100_000;

describe("a zip file of many tiny members", () => {
  it("case 27: is unpacked in constant memory", async () => {
    await using folder = await UnpackedFolder.create();
    const members = Array.from({ length: NUM_MEMBERS }, (_, index) => ({
      name: `${index % 200}/${index}.txt`,
      content: String(index),
      method: 0,
    }));
    const { all } = makeZip(members);
    const rss: number[] = [];
    const startMs = performance.now();
    const { numFiles } = await folder.unpack(all, {
      progress: { report: () => void rss.push(process.memoryUsage.rss()), say: () => {} },
    });
    const seconds = (performance.now() - startMs) / 1000;
    const grownBytes = Math.max(...rss) - (rss[Math.floor(rss.length / 2)] ?? 0);
    process.stderr.write(
      `${NUM_MEMBERS} members in ${seconds.toFixed(1)} s, RSS +${(grownBytes / 1e6).toFixed(0)} MB in the second half\n`,
    );
    expect(numFiles).toBe(NUM_MEMBERS);
    expect(rss.length).toBeGreaterThan(NUM_MEMBERS / 1000);
    expect(await readdir(join(folder.out, "7"))).toHaveLength(NUM_MEMBERS / 200);
    expect(grownBytes).toBeLessThan(50e6);
  }, 600_000);
});
