import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, stat } from "node:fs/promises";
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
  let used = 0;
  for (const name of await readdir(folder).catch(emptyWhereMissing)) {
    const { size } = await stat(join(folder, name));
    used += size;
    if (/^[0-9a-f]{64}$/.test(name)) expect(await sha256OfFile(join(folder, name))).toBe(name);
  }
  expect(used).toBeLessThanOrEqual(maxBytes + VERSION_FILES_BYTES);
}

/** Entity tags beside unfinished files are no part of the bound. */
const VERSION_FILES_BYTES = 1000;

function emptyWhereMissing(error: unknown): string[] {
  if (errnoOf(error) === "ENOENT") return [];
  throw error;
}

/**
 * Kills a reading process with SIGKILL at random moments of its downloads, with room for all of the set in every
 * second cache and for two shards in the others; then expects an undisturbed one to give what the folder gives.
 */
export async function killReaders(numKills: number): Promise<void> {
  await using set = await RemoteSet.create({ pictureBytes: 60_000, numScenes: 40 });
  const expected = await localDigest(set);
  const [{ sizeBytes = 0 } = {}] = set.index.splits[0]?.shards ?? [];
  const random = new RandomStream(11);
  for (let kill = 0; kill < numKills; kill += 1) {
    const maxBytes = kill % 2 === 0 ? 1e9 : 2.5 * sizeBytes;
    const { child, ended } = startReader(set, maxBytes);
    let numPieces = random.nextInt(120);
    set.server.behave = () => ({
      pieceBytes: PIECE_BYTES,
      beforePiece: () => {
        if ((numPieces -= 1) < 0) child.kill("SIGKILL");
        return Promise.resolve();
      },
    });
    const { exitCode, output } = await ended;
    if (exitCode === null) expect(output).toBe("");
    else expect(output).toBe(`${expected} ${expected}\n`);
    await checkCache(set, 1e9);
  }
  set.server.behave = () => undefined;
  const last = await startReader(set, 1e9).ended;
  expect(last).toEqual({ exitCode: 0, output: `${expected} ${expected}\n` });
  await checkCache(set, 1e9);
  const names = await readdir(join(set.cacheFolder, "files"));
  const shards = set.index.splits[0]?.shards ?? [];
  expect(names.toSorted()).toEqual(shards.map(({ sha256 }) => sha256).toSorted());
  expect(await readdir(join(set.cacheFolder, "readers"))).toEqual([]);
}
