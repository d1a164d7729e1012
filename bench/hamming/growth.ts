// What the search of a file of hashes costs as the file grows, and what a file of 100 M would cost by that:
//
//   node bench/hamming/growth.ts [rows] [rows of a part] [threads]
//
// searches files of a quarter, half and all of the rows (20 M unless given) in parts (of half of the rows unless given; the
// larger, the sooner). The time of a file is that of its pairs of parts, so 100 M are projected by the processor seconds of a
// pair of parts, and of a part with itself, in the largest file, beside the power by which these grew: what else the machine
// does changes them little. By the clock it is a share for each thread. Memory depends on the size of a part alone; on disk
// are the hashes and what was found.
import { randomFillSync } from "node:crypto";
import { mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNearPairsInFile } from "../../src/audit/hamming/file-search.ts";
import { HASH_BYTES } from "../../src/audit/perceptual/hash.ts";
import { plant, randomWords } from "../../test/audit/hamming/made-up-hashes.ts";

const PROJECTED_ROWS = 100_000_000;
const MAX_DISTANCE = 31;
const CHUNK_ROWS = 500_000;
const PLANTED_PER_CHUNK = 100;

const numRows = Number(process.argv[2] ?? 20_000_000);
const partitionRows = Number(process.argv[3] ?? Math.ceil(numRows / 2));
const numThreads = Number(process.argv[4] ?? 2);

interface Measured {
  readonly numRows: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of what is kept for going on after a kill. */
  readonly stateBytes: number;
}

const folder = await mkdtemp(join(tmpdir(), "crossweave-growth-"));
try {
  const measured: Measured[] = [];
  for (const share of [4, 2, 1]) measured.push(await measure(Math.floor(numRows / share)));
  project(measured);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(rows: number): Promise<Measured> {
  const path = join(folder, `hashes-${rows}`);
  const numPlanted = await writeHashes(path, rows);
  const stateFolder = join(folder, `state-${rows}`);
  const [started, before] = [performance.now(), process.cpuUsage()];
  const options = { maxDistance: MAX_DISTANCE, numThreads, stateFolder, partitionRows };
  const { pairs } = await findNearPairsInFile(path, options);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  const stateBytes = await folderBytes(stateFolder);
  await rm(path);
  const memory = (process.resourceUsage().maxRSS / 1e6).toFixed(2);
  process.stdout.write(
    `${rows} rows in ${numParts(rows)} parts: ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of processor, ` +
      `${memory} GB at most, ${(stateBytes / 1e6).toFixed(1)} MB of state, ${pairs.left.length} pairs\n`,
  );
  if (pairs.left.length < numPlanted) throw new Error(`fewer pairs than the ${numPlanted} planted`);
  return { numRows: rows, seconds, cpuSeconds, stateBytes };
}

/** Random hashes with near ones among them; gives how many of these there are. */
async function writeHashes(path: string, rows: number): Promise<number> {
  await using file = await open(path, "w");
  const next = randomWords(1);
  let numPlanted = 0;
  for (let row = 0; row < rows; row += CHUNK_ROWS) {
    const hashes = randomFillSync(new Uint8Array(Math.min(CHUNK_ROWS, rows - row) * HASH_BYTES));
    const numPairs = Math.min(PLANTED_PER_CHUNK, Math.floor(hashes.length / HASH_BYTES / 2));
    for (let at = 0; at < numPairs; at += 1) {
      plant(hashes, { row: 2 * at, of: 2 * at + 1, distance: 1 + (at % MAX_DISTANCE) }, next);
      numPlanted += 1;
    }
    await file.write(hashes);
  }
  return numPlanted;
}

async function folderBytes(path: string): Promise<number> {
  const names = await readdir(path);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function numParts(rows: number): number {
  return Math.ceil(rows / partitionRows);
}

/** Searches of a part with itself, which looks at each pair once, count half. */
function numSearches(rows: number): number {
  return numParts(rows) ** 2 / 2;
}

function project(measured: readonly Measured[]): void {
  const [half, whole] = measured.slice(-2);
  if (half === undefined || whole === undefined) return;
  const exponent = Math.log2(whole.cpuSeconds / half.cpuSeconds);
  const perSearch = whole.cpuSeconds / numSearches(whole.numRows);
  const hours = (perSearch * numSearches(PROJECTED_ROWS)) / 3600;
  const bySize = (whole.cpuSeconds * (PROJECTED_ROWS / whole.numRows) ** exponent) / 3600;
  const state = (whole.stateBytes / whole.numRows) * PROJECTED_ROWS;
  const disk = (PROJECTED_ROWS * HASH_BYTES + state) / 1e9;
  const memory = (process.resourceUsage().maxRSS / 1e6).toFixed(2);
  process.stdout.write(
    `processor time grows by the power ${exponent.toFixed(2)} of the rows from ${half.numRows} to ${whole.numRows}\n` +
      `projected to ${PROJECTED_ROWS} rows in ${numParts(PROJECTED_ROWS)} parts of ${partitionRows}: ` +
      `${hours.toFixed(2)} h of processor by ${perSearch.toFixed(2)} s for two parts, ${bySize.toFixed(2)} h by the power, ` +
      `on ${numThreads} threads; ${memory} GB of memory, ${disk.toFixed(2)} GB of disk\n`,
  );
}
