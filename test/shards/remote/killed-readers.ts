import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { sha256OfFile } from "../../../src/core/digest.ts";
import { errnoOf } from "../../../src/core/errors.ts";
import { RandomStream } from "../../../src/core/random.ts";
import { localDigest, RemoteSet } from "./remote-set.ts";

const program = join(import.meta.dirname, "fixtures", "remote-reader.ts");
const PIECE_BYTES = 20_000;

/** A process that reads a set through a cache; `ended` gives its exit code and all that it printed. */
export function startReader(
  set: RemoteSet,
  maxBytes: number,
): { child: ChildProcess; ended: Promise<{ exitCode: unknown; output: string }> } {
  const args = [program, set.server.url, set.cacheFolder, String(maxBytes)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  child.stderr.on("data", (chunk) => (output += String(chunk)));
  const ended = once(child, "close").then(([exitCode]: unknown[]) => ({ exitCode, output }));
  return { child, ended };
}

/** Every whole file has the digest that its name says, and all together keep the bound. */
export async function checkCache(set: RemoteSet, maxBytes: number): Promise<void> {
  const folder = join(set.cacheFolder, "files");
  for (const name of await readdir(folder).catch(emptyWhereMissing)) {
    if (/^[0-9a-f]{64}$/.test(name)) expect(await sha256OfFile(join(folder, name))).toBe(name);
  }
  expect(await usedBytes(set)).toBeLessThanOrEqual(maxBytes);
}

/** What the files of the cache take, without the entity tags beside unfinished ones, which are no part of the bound. */
export async function usedBytes(set: RemoteSet): Promise<number> {
  const folder = join(set.cacheFolder, "files");
  let used = 0;
  for (const name of await readdir(folder).catch(emptyWhereMissing)) {
    if (name.endsWith(".version")) continue;
    // It may have been removed or got another name since.
    used += (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0;
  }
  return used;
}

function emptyWhereMissing(error: unknown): string[] {
  if (errnoOf(error) === "ENOENT") return [];
  throw error;
}

/**
 * Kills a reading process with SIGKILL at random moments of its downloads, with room for all of the set in every
 * second cache and for two shards in the others; gives the digests that an undisturbed one found then, and the
 * folder's own.
 */
export async function killReaders(
  numKills: number,
): Promise<{ readonly found: string; readonly expected: string }> {
  await using set = await RemoteSet.create({ pictureBytes: 60_000, numScenes: 40 });
  const expected = await localDigest(set);
  const random = new RandomStream(11);
  for (let numKilled = 0; numKilled < numKills;) {
    const output = await killOne(set, numKilled, random);
    if (output === "") numKilled += 1;
    else expect(output).toBe(`${expected} ${expected}\n`); // it was done before its turn came
    await checkCache(set, 1e9);
    await removeOne(set, random);
  }
  set.server.behave = () => undefined;
  const last = await startReader(set, 1e9).ended;
  await checkCache(set, 1e9);
  const names = await readdir(join(set.cacheFolder, "files"));
  const shards = set.index.splits[0]?.shards ?? [];
  expect(names.toSorted()).toEqual(shards.map(({ sha256 }) => sha256).toSorted());
  expect(await readdir(join(set.cacheFolder, "readers"))).toEqual([]);
  return { found: last.output, expected: `${expected} ${expected}\n` };
}

/**
 * Lets three processes fill one cache with room for some of the shards, and kills one of them with SIGKILL at a random
 * moment, so many times. The others must read all of the set. Gives the bound, and the most that the cache took.
 */
export async function killAmongReaders(
  numKills: number,
  seed: number,
): Promise<{ readonly maxBytes: number; readonly largest: number }> {
  await using set = await RemoteSet.create({ pictureBytes: 60_000, numScenes: 40 });
  const expected = await localDigest(set);
  const random = new RandomStream(seed);
  const maxBytes = 2.5 * (set.index.splits[0]?.shards[0]?.sizeBytes ?? 0);
  let largest = 0;
  for (let kill = 0; kill < numKills; kill += 1) {
    const readers = [1, 2, 3].map(() => startReader(set, maxBytes));
    const victim = readers[random.nextInt(readers.length)];
    let numPieces = random.nextInt(100);
    set.server.behave = () => ({
      pieceBytes: PIECE_BYTES,
      beforePiece: async () => {
        if ((numPieces -= 1) < 0) victim?.child.kill("SIGKILL");
        largest = Math.max(largest, await usedBytes(set));
      },
    });
    for (const reader of readers) {
      const { exitCode, output } = await reader.ended;
      if (reader === victim && exitCode === null) continue; // killed before it was done
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: `${expected} ${expected}\n` });
    }
    await checkCache(set, maxBytes);
    await removeOne(set, random);
  }
  return { maxBytes, largest };
}

/** What a reader printed, nothing unless it was done before it could be killed. */
async function killOne(set: RemoteSet, kill: number, random: RandomStream): Promise<string> {
  const sizeBytes = set.index.splits[0]?.shards[0]?.sizeBytes ?? 0;
  const { child, ended } = startReader(set, kill % 2 === 0 ? 1e9 : 2.5 * sizeBytes);
  let numPieces = random.nextInt(60);
  set.server.behave = () => ({
    pieceBytes: PIECE_BYTES,
    beforePiece: () => {
      if ((numPieces -= 1) < 0) child.kill("SIGKILL");
      return Promise.resolve();
    },
  });
  const { exitCode, output } = await ended;
  expect([null, 0]).toContain(exitCode);
  return output;
}

/** So that the next reader finds something to download. */
async function removeOne(set: RemoteSet, random: RandomStream): Promise<void> {
  const folder = join(set.cacheFolder, "files");
  const whole = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  for (const name of random.sampleDistinct(Math.min(3, whole.length), whole.length))
    await rm(join(folder, whole[name] ?? ""));
}
