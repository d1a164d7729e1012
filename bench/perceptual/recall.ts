// Recall of the 27-transform suite and false pairs, for any folder of pictures, beside imagededup on the same files:
//
//   node bench/perceptual/recall.ts [folder] [most pictures] [rounds of random crops] [alone: without imagededup]
//
// The peer's Python is made at its first run (requirements.txt), which takes some minutes. The windows of the bank were
// chosen by a formula (choose_windows.py), on no photograph; crops are drawn anew in each round, off the bank's grid.
//
// Without a folder, the real photographs. A copy counts as found by PDQ, by PDQ with its eight symmetries, or with the
// window bank within a distance of 31, or by the bank within 48, with windows of the original alone ("one way") or of
// both; "verified" are those of the last whose pixels agree. A false pair is one of two different pictures of the folder.
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAX_PDQ_DISTANCE, PdqHasher } from "../../src/audit/perceptual/pdq.ts";
import { nearness, see, type SeenPicture, verified } from "../../test/audit/perceptual/recall.ts";
import {
  decodedFile,
  type Transform,
  transformedFile,
  transforms,
} from "../../test/audit/perceptual/transforms.ts";
import { pythonEnvironment } from "../../test/python-environment.ts";
import { realData } from "../../test/real-data.ts";

const BANK_DISTANCE = 48;
const PICTURE = /\.(jpe?g|png|webp)$/i;
const folder = process.argv[2] ?? realData("images/coco");
const mostPictures = Number(process.argv[3] ?? 1000);
const numRounds = Number(process.argv[4] ?? 1);
const isAlone = process.argv[5] === "alone";

interface Counts {
  readonly tried: number;
  readonly pdq: number;
  readonly symmetries: number;
  readonly bank: number;
  readonly oneWayFar: number;
  readonly bankFar: number;
  readonly verified: number;
}

const hasher = new PdqHasher();
const paths = (await readdir(folder, { recursive: true }))
  .filter((name) => PICTURE.test(name))
  .toSorted()
  .slice(0, mostPictures)
  .map((name) => join(folder, name));
const copies = await mkdtemp(join(tmpdir(), "crossweave-recall-"));
try {
  await main();
} finally {
  await rm(copies, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const originals: SeenPicture[] = [];
  for (const path of paths) originals.push(see(hasher, await decodedFile(path)));
  const rows: (readonly number[])[] = [];
  const strangers = { numPairs: 0, candidates: 0, verified: 0 };
  print("transform", ["PDQ", "+ 8", "+ bank", "one way 48", "bank 48", "verified"]);
  for (const transform of transforms) {
    const row = percents(await countFound(transform, originals, strangers));
    rows.push(row);
    print(transform.name, row.map(oneDigit));
  }
  const [first = []] = rows;
  const means = first.map(
    (_, column) => rows.reduce((sum, row) => sum + (row[column] ?? 0), 0) / rows.length,
  );
  print("mean", means.map(oneDigit));
  const { numPairs, candidates, verified: numVerified } = strangers;
  process.stdout.write(
    `\n${numPairs} pairs of a copy and another picture: ${candidates} within ${BANK_DISTANCE}, ${numVerified} verified\n`,
  );
  falsePairs(originals);
  if (!isAlone) await peer();
}

async function countFound(
  transform: Transform,
  originals: readonly SeenPicture[],
  strangers: Strangers,
): Promise<Counts> {
  const to = join(copies, String(transforms.indexOf(transform)));
  await mkdir(to);
  const rounds = transform.name.startsWith("random") ? numRounds : 1;
  const counts = { tried: rounds * originals.length, pdq: 0, symmetries: 0, bank: 0 };
  const far = { oneWayFar: 0, bankFar: 0, verified: 0 };
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, original] of originals.entries()) {
      const seed = 1 + at + round * originals.length;
      const file = await transformedFile(await decodedFile(paths[at] ?? ""), transform, seed);
      if (round === 0) await writeFile(join(to, `${at}.jpg`), file);
      const copy = see(hasher, await decodedFile(file));
      compareWithOthers(copy, originals.toSpliced(at, 1), strangers);
      const near = nearness(original, copy);
      counts.pdq += Number(near.whole <= MAX_PDQ_DISTANCE);
      counts.symmetries += Number(near.symmetries <= MAX_PDQ_DISTANCE);
      counts.bank += Number(near.bothWays <= MAX_PDQ_DISTANCE);
      far.oneWayFar += Number(near.oneWay <= BANK_DISTANCE);
      if (near.bothWays > BANK_DISTANCE) continue;
      far.bankFar += 1;
      far.verified += Number(verified(original, copy).verdict === "verified");
    }
  }
  return { ...counts, ...far };
}

/** Counts of pairs of a copy and the original of another. */
interface Strangers {
  numPairs: number;
  candidates: number;
  verified: number;
}

function compareWithOthers(
  copy: SeenPicture,
  others: readonly SeenPicture[],
  strangers: Strangers,
): void {
  for (const other of others) {
    strangers.numPairs += 1;
    if (nearness(other, copy).bothWays > BANK_DISTANCE) continue;
    strangers.candidates += 1;
    strangers.verified += Number(verified(other, copy).verdict === "verified");
  }
}

function falsePairs(originals: readonly SeenPicture[]): void {
  let [numPairs, nearest, candidates, best, numVerified] = [0, Infinity, 0, -1, 0];
  for (const [at, one] of originals.entries()) {
    for (const other of originals.slice(at + 1)) {
      numPairs += 1;
      const near = Math.min(nearness(one, other).bothWays, nearness(other, one).bothWays);
      nearest = Math.min(nearest, near);
      candidates += Number(near <= BANK_DISTANCE);
      const { score, verdict } = verified(one, other);
      best = Math.max(best, score);
      numVerified += Number(verdict === "verified");
    }
  }
  process.stdout.write(
    `\n${numPairs} pairs of different pictures: nearest at distance ${nearest}, ${candidates} within ` +
      `${BANK_DISTANCE}, ${numVerified} verified, highest score ${best.toFixed(2)}\n`,
  );
}

/** imagededup's recall by the same files; it compares 64-bit hashes. */
async function peer(): Promise<void> {
  const originals = join(copies, "originals");
  await mkdir(originals);
  for (const [at, path] of paths.entries()) {
    const file = await transformedFile(await decodedFile(path), asIs(), 0);
    await writeFile(join(originals, `${at}.jpg`), file);
  }
  const names = transforms.map(({ name }) => name);
  const python = await pythonEnvironment("requirements.txt", import.meta.dirname);
  const table = await python.run("imagededup_recall.py", [copies, ...names]);
  process.stdout.write(`\n${table}`);
}

function asIs(): Transform {
  const [first] = transforms;
  if (first === undefined) throw new Error("a first transform");
  return { ...first, quality: 100 };
}

function percents(counts: Counts): readonly number[] {
  const { pdq, symmetries, bank, oneWayFar, bankFar, tried } = counts;
  return [pdq, symmetries, bank, oneWayFar, bankFar, counts.verified].map(
    (count) => (100 * count) / tried,
  );
}

function oneDigit(value: number): string {
  return value.toFixed(1);
}

function print(name: string, columns: readonly string[]): void {
  process.stdout.write(`${name.padEnd(22)}${columns.map((text) => text.padStart(12)).join("")}\n`);
}
