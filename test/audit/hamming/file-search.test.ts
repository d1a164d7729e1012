import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  findNearPairsInFile,
  findNearPairsOfFiles,
} from "../../../src/audit/hamming/file-search.ts";
import {
  findNearPairs,
  findNearPairsBetween,
  hashRows,
} from "../../../src/audit/hamming/near-pairs.ts";
import { RefusedError, SourceError, StateError } from "../../../src/core/errors.ts";
import { listed } from "./brute-force.ts";
import { plant, randomHashes, randomWords } from "./made-up-hashes.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-hashes-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Hashes with near and equal ones across all parts. */
function crossingHashes(numRows: number, seed: number): Uint8Array {
  const hashes = randomHashes(numRows, seed);
  const next = randomWords(seed + 1);
  for (let at = 0; at < numRows / 3; at += 1) {
    const pair = { row: next() % numRows, of: next() % numRows, distance: (at % 12) * 3 };
    plant(hashes, pair, next);
  }
  return hashes;
}

async function fileOf(name: string, hashes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, hashes);
  return path;
}

const maxDistance = 31;

describe("the search of a file", () => {
  it.each([1000, 250, 97])(
    "finds in parts of %i rows what is found in memory",
    async (partitionRows) => {
      const hashes = crossingHashes(1000, 1);
      const path = await fileOf("hashes", hashes);
      const stateFolder = join(folder, "state");
      const expected = await findNearPairs(hashRows(hashes), { maxDistance });
      expect(expected.rows.equal.length).toBeGreaterThan(10);
      const options = { maxDistance, stateFolder, partitionRows };
      expect(await findNearPairsInFile(path, options)).toEqual(expected);
    },
  );

  it("goes on after having been killed, and gives the same", async () => {
    const hashes = crossingHashes(2000, 3);
    const path = await fileOf("hashes", hashes);
    const stateFolder = join(folder, "state");
    const args = [join(import.meta.dirname, "fixtures/file-search.ts"), path, stateFolder, "250"];
    const numBlocks = await killedAfterSomeBlocks(args, stateFolder);
    expect(numBlocks).toBeGreaterThan(2);
    expect(numBlocks).toBeLessThan(36);
    const written = await finishedBlocks(stateFolder);
    const options = { maxDistance, stateFolder, partitionRows: 250 };
    expect(await findNearPairsInFile(path, options)).toEqual(
      await findNearPairs(hashRows(hashes), { maxDistance }),
    );
    expect(await finishedBlocks(stateFolder)).toMatchObject(written);
  });

  it("does a damaged block again", async () => {
    const hashes = crossingHashes(500, 4);
    const path = await fileOf("hashes", hashes);
    const stateFolder = join(folder, "state");
    const options = { maxDistance, stateFolder, partitionRows: 200 };
    const expected = await findNearPairsInFile(path, options);
    const damaged = join(stateFolder, "0-1.block");
    const bytes = await readFile(damaged);
    bytes[9] = (bytes[9] ?? 0) ^ 4;
    await writeFile(damaged, bytes);
    expect(await findNearPairsInFile(path, options)).toEqual(expected);
    expect(await readFile(damaged)).not.toEqual(bytes);
  });

  it("refuses the folder of another search, and of one that is running", async () => {
    const path = await fileOf("hashes", crossingHashes(300, 5));
    const stateFolder = join(folder, "state");
    const options = { maxDistance, stateFolder };
    const running = findNearPairsInFile(path, { ...options, partitionRows: 50 });
    const again = findNearPairsInFile(path, { ...options, partitionRows: 50 });
    await expect(Promise.all([running, again])).rejects.toThrow(RefusedError);
    await Promise.allSettled([running, again]);
    await expect(findNearPairsInFile(path, { ...options, maxDistance: 30 })).rejects.toThrow(
      StateError,
    );
    await writeFile(path, randomHashes(300, 6));
    await expect(findNearPairsInFile(path, options)).rejects.toThrow(StateError);
  });

  it("refuses a file that is not whole rows", async () => {
    const path = await fileOf("hashes", new Uint8Array(33));
    const search = findNearPairsInFile(path, { maxDistance, stateFolder: join(folder, "state") });
    await expect(search).rejects.toThrow(SourceError);
  });

  it("of no hashes finds nothing", async () => {
    const path = await fileOf("hashes", new Uint8Array(0));
    const options = { maxDistance, stateFolder: join(folder, "state") };
    const { rows, pairs } = await findNearPairsInFile(path, options);
    expect(rows).toEqual({ numRows: 0, numDistinct: 0, equal: [] });
    expect(pairs.left.length).toBe(0);
  });
});

describe("the search of a protected and a passing file", () => {
  it.each([2000, 300])(
    "finds in parts of %i rows what is found in memory",
    async (partitionRows) => {
      const both = crossingHashes(1400, 7);
      const [left, right] = [both.slice(0, 500 * 32), both.slice(500 * 32)];
      const paths = [await fileOf("left", left), await fileOf("right", right)] as const;
      const options = { maxDistance, stateFolder: join(folder, "state"), partitionRows };
      const found = await findNearPairsOfFiles(...paths, options);
      const expected = await findNearPairsBetween(hashRows(left), hashRows(right), { maxDistance });
      expect(listed(found.pairs).length).toBeGreaterThan(50);
      expect(found.pairs).toEqual(expected.pairs);
      expect(found.left).toEqual(expected.left);
      const paired = new Set(expected.pairs.right);
      expect(found.equalRight).toEqual(
        expected.right.equal.filter(([first = 0]) => paired.has(first)),
      );
      expect(await findNearPairsOfFiles(...paths, options)).toEqual(found);
    },
  );
});

/** Runs the search and kills it when it has written some blocks; gives how many there are. */
async function killedAfterSomeBlocks(
  args: readonly string[],
  stateFolder: string,
): Promise<number> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let numBlocks = 0;
  while (numBlocks < 5 && child.exitCode === null) {
    numBlocks = Object.keys(await finishedBlocks(stateFolder)).length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  child.kill("SIGKILL");
  await ended;
  return Object.keys(await finishedBlocks(stateFolder)).length;
}

/** The finished blocks and their contents. */
async function finishedBlocks(stateFolder: string): Promise<Record<string, string>> {
  const names = await readdir(stateFolder).catch(() => []);
  const blocks = names.filter((name) => name.endsWith(".block"));
  const contents = blocks.map(
    async (name) => [name, (await readFile(join(stateFolder, name))).toString("hex")] as const,
  );
  return Object.fromEntries(await Promise.all(contents));
}
