import { execFileSync } from "node:child_process";
import { cp, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ShardError, SourceError } from "../../../src/core/errors.ts";
import { readLedger } from "../../../src/shards/ledger.ts";
import { readIndex } from "../../../src/shards/shard-set-index.ts";
import { FIRST, hostileSet, placesOfFaults, readTraining } from "./hostile-set.ts";

const hostile = hostileSet();

/** What may stand where a file belongs. A named pipe keeps whoever opens it waiting for ever. */
const oddities: readonly (readonly [string, (path: string) => Promise<unknown> | void])[] = [
  ["a folder", (path) => mkdir(path)],
  ["a named pipe", (path) => void execFileSync("mkfifo", [path])],
  ["a link to itself", (path) => symlink(path, path)],
  ["a link to nothing", (path) => symlink(join(path, "nothing"), path)],
  ["a device", (path) => symlink("/dev/zero", path)],
];

async function replace(file: string, place: (path: string) => Promise<unknown> | void) {
  await rm(join(hostile.set, file), { recursive: true });
  await place(join(hostile.set, file));
}

describe("a set with something else where a file belongs", () => {
  it.each(oddities)("names the shard that is %s, and gives the others", async (_, place) => {
    await replace(FIRST, place);
    const places = await placesOfFaults(hostile);
    expect(places.length).toBeGreaterThan(0);
    for (const one of places) expect(one).toMatch(/^train\/00000\.arrow\/null\/null /);
    const { numRead, faults } = await readTraining(hostile);
    expect([numRead, faults.length]).toEqual([20, 10]);
  });

  it.each(oddities)("names the ledger that is %s", async (_, place) => {
    await replace("ledger.arrow", place);
    const places = await placesOfFaults(hostile);
    expect(places).toEqual([expect.stringMatching(/^ledger\.arrow\/null\/null /)]);
    await expect(Array.fromAsync(readLedger(hostile.set))).rejects.toThrow(ShardError);
  });

  it.each(oddities)("names croissant.json that is %s", async (_, place) => {
    await replace("croissant.json", place);
    expect(await placesOfFaults(hostile)).toEqual([expect.stringMatching(/^croissant\.json\//)]);
  });

  it.each(oddities)("is no finished set when its index is %s", async (_, place) => {
    await replace("index.json", place);
    await expect(readIndex(hostile.set)).rejects.toThrow(SourceError);
  });

  it("names every shard of a split whose folder is a file", async () => {
    await replace("val", (path) => writeFile(path, ""));
    expect(await placesOfFaults(hostile)).toContainEqual(
      expect.stringMatching(/^val\/00000\.arrow\/null\/null the file is missing/),
    );
  });
});

describe("a split whose folder is a link to another disk", () => {
  it("may hold no more than another one", async () => {
    const disk = `${hostile.set}-disk`;
    await rename(join(hostile.set, "train"), disk);
    await symlink(disk, join(hostile.set, "train"));
    expect(await placesOfFaults(hostile)).toEqual([]);
    await mkdir(join(disk, "deep"));
    await cp(join(disk, "00000.arrow"), join(disk, "deep/00009.arrow"));
    await writeFile(join(disk, "notes.txt"), "");
    const places = await placesOfFaults(hostile);
    expect(places.toSorted()).toEqual([
      expect.stringMatching(/^train\/deep\/00009\.arrow\/.* does not list/),
      expect.stringMatching(/^train\/notes\.txt\/.* does not list/),
    ]);
  });
});
