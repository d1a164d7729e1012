// Seconds, processor seconds and memory of the search for near pairs of random hashes, among which near ones are planted;
// all of those must be found:
//
//   node bench/hamming/near-pairs.ts [rows] [distance] [threads]                all pairs, in memory
//   node bench/hamming/near-pairs.ts [rows] [distance] [threads] [protected]    so many protected ones against the rows
//   node bench/hamming/near-pairs.ts [rows] [distance] [threads] file [part]    all pairs of a file, in parts of so many rows
//
// Goals on two cores: 1 M rows 5 s, 10 M rows 420 s in 1.2 GB, 2.8 M protected (50,000 pictures) against 10 M 600 s.
import { randomFillSync } from "node:crypto";
import { open, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNearPairsInFile } from "../../src/audit/hamming/file-search.ts";
import {
  findNearPairs,
  findNearPairsBetween,
  type HashRows,
} from "../../src/audit/hamming/near-pairs.ts";
import type { NearPairs } from "../../src/audit/hamming/pair-list.ts";
import { HASH_BYTES } from "../../src/audit/perceptual/hash.ts";
import { plant, randomWords } from "../../test/audit/hamming/made-up-hashes.ts";

const CHUNK_BYTES = 2 ** 24;
const NUM_PLANTED = 1000;

const numRows = Number(process.argv[2] ?? 1_000_000);
const maxDistance = Number(process.argv[3] ?? 31);
const numThreads = Number(process.argv[4] ?? 2);
const mode = process.argv[5];
const numPlanted = Math.min(NUM_PLANTED, Math.floor(numRows / 4));

/** Random rows; with `of`, some rows are near to rows of that, else to others of their own. */
function randomRows(rows: number, of?: Uint8Array): HashRows {
  return { numRows: rows, read: (into) => fill(into, of) };
}

function fill(into: Uint8Array, of?: Uint8Array): void {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let at = 0; at < into.length; at += CHUNK_BYTES) {
    into.set(randomFillSync(chunk).subarray(0, Math.min(CHUNK_BYTES, into.length - at)), at);
  }
  const next = randomWords(1);
  const step = Math.floor(into.length / HASH_BYTES / numPlanted);
  for (let at = 0; at < numPlanted; at += 1) {
    const row = at * step;
    const distance = at % (maxDistance + 1);
    if (of === undefined) plant(into, { row, of: row + 1, distance: Math.max(1, distance) }, next);
    else {
      into.set(of.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES), row * HASH_BYTES);
      plant(into, { row, of: row, distance }, next);
    }
  }
}

async function search(): Promise<NearPairs> {
  if (mode === "file") return searchFile();
  const options = { maxDistance, numThreads };
  if (mode === undefined) return (await findNearPairs(randomRows(numRows), options)).pairs;
  let first = new Uint8Array();
  const left: HashRows = {
    numRows: Number(mode),
    read: (into) => {
      fill(into);
      first = into.slice(0, numPlanted * HASH_BYTES);
    },
  };
  const right: HashRows = { numRows, read: (into) => fill(into, first) };
  return (await findNearPairsBetween(left, right, options)).pairs;
}

async function searchFile(): Promise<NearPairs> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-hashes-"));
  try {
    const path = join(folder, "hashes");
    await using file = await open(path, "w");
    const part = Math.min(numRows, 1_000_000);
    for (let row = 0; row < numRows; row += part) {
      const rows = new Uint8Array(Math.min(part, numRows - row) * HASH_BYTES);
      fill(rows);
      await file.write(rows);
    }
    const partitionRows = Number(process.argv[6] ?? 8_000_000);
    const stateFolder = join(folder, "state");
    const started = performance.now();
    const options = { maxDistance, numThreads, stateFolder, partitionRows };
    const { pairs } = await findNearPairsInFile(path, options);
    process.stdout.write(`the search alone: ${seconds(performance.now() - started)} s\n`);
    return pairs;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}

const started = performance.now();
const pairs = await search();
const elapsed = performance.now() - started;
const { user, system } = process.cpuUsage();
const peak = process.resourceUsage().maxRSS / 1e6;
process.stdout.write(
  `${numRows} rows${mode === undefined ? "" : `, ${mode}`}, distance ${maxDistance}, ${numThreads} threads: ` +
    `${seconds(elapsed)} s, ${seconds((user + system) / 1000)} s of processor, ${peak.toFixed(2)} GB at most, ` +
    `${pairs.left.length} pairs\n`,
);
if (pairs.left.length < numPlanted) throw new Error(`fewer pairs than the ${numPlanted} planted`);
