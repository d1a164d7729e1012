// Recall of the 27-transform suite and false pairs, for any folder of pictures, beside imagededup on the same files:
//
//   node bench/perceptual/recall.ts [folder] [most pictures] [python that has imagededup]
//   (python3 -m venv /tmp/peer && /tmp/peer/bin/pip install torch==2.13.0 && /tmp/peer/bin/pip install imagededup==0.3.3.post2)
//
// Without a folder, the real photographs. A copy counts as found by PDQ, by PDQ with its eight symmetries, or with the
// window bank within a distance of 31, or by the bank within 48, with windows of the original alone ("one way") or of
// both; "verified" are those of the last whose pixels agree. A false pair is one of two different pictures of the folder.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MAX_PDQ_DISTANCE, PdqHasher } from "../../src/audit/perceptual/pdq.ts";
import { nearness, see, type SeenPicture, verified } from "../../test/audit/perceptual/recall.ts";
import {
  decodedFile,
  type Transform,
  transformedFile,
  transforms,
} from "../../test/audit/perceptual/transforms.ts";
import { realData } from "../../test/real-data.ts";

const BANK_DISTANCE = 48;
const PICTURE = /\.(jpe?g|png|webp)$/i;
const folder = process.argv[2] ?? realData("images/coco");
const mostPictures = Number(process.argv[3] ?? 1000);
const python = process.argv[4];

interface Counts {
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
  const rows = new Map<string, Counts>();
  print("transform", ["PDQ", "+ 8", "+ bank", "one way 48", "bank 48", "verified"]);
  for (const transform of transforms) {
    const counts = await countFound(transform, originals);
    rows.set(transform.name, counts);
    print(transform.name, percents(counts));
  }
  const all = [...rows.values()];
  const mean = (of: (counts: Counts) => number): number =>
    all.reduce((sum, counts) => sum + of(counts), 0) / all.length;
  print(
    "mean",
    percents({
      pdq: mean(({ pdq }) => pdq),
      symmetries: mean(({ symmetries }) => symmetries),
      bank: mean(({ bank }) => bank),
      oneWayFar: mean(({ oneWayFar }) => oneWayFar),
      bankFar: mean(({ bankFar }) => bankFar),
      verified: mean((counts) => counts.verified),
    }),
  );
  falsePairs(originals);
  if (python !== undefined) await peer(python);
}

async function countFound(
  transform: Transform,
  originals: readonly SeenPicture[],
): Promise<Counts> {
  const counts = { pdq: 0, symmetries: 0, bank: 0, oneWayFar: 0, bankFar: 0, verified: 0 };
  const to = join(copies, String(transforms.indexOf(transform)));
  await mkdir(to);
  for (const [at, original] of originals.entries()) {
    const file = await transformedFile(await decodedFile(paths[at] ?? ""), transform, at + 1);
    await writeFile(join(to, `${at}.jpg`), file);
    const copy = see(hasher, await decodedFile(file));
    const near = nearness(original, copy);
    counts.pdq += Number(near.whole <= MAX_PDQ_DISTANCE);
    counts.symmetries += Number(near.symmetries <= MAX_PDQ_DISTANCE);
    counts.bank += Number(near.bothWays <= MAX_PDQ_DISTANCE);
    counts.oneWayFar += Number(near.oneWay <= BANK_DISTANCE);
    if (near.bothWays > BANK_DISTANCE) continue;
    counts.bankFar += 1;
    counts.verified += Number(verified(original, copy).verdict === "verified");
  }
  return counts;
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
async function peer(interpreter: string): Promise<void> {
  const originals = join(copies, "originals");
  await mkdir(originals);
  for (const [at, path] of paths.entries()) {
    const file = await transformedFile(await decodedFile(path), asIs(), 0);
    await writeFile(join(originals, `${at}.jpg`), file);
  }
  const script = join(import.meta.dirname, "imagededup_recall.py");
  const names = transforms.map(({ name }) => name);
  const run = promisify(execFile);
  const { stdout } = await run(interpreter, [script, copies, ...names], { maxBuffer: 2 ** 26 });
  process.stdout.write(`\n${stdout}`);
}

function asIs(): Transform {
  const [first] = transforms;
  if (first === undefined) throw new Error("a first transform");
  return { ...first, quality: 100 };
}

function percents(counts: Counts): readonly string[] {
  const { pdq, symmetries, bank, oneWayFar, bankFar } = counts;
  return [pdq, symmetries, bank, oneWayFar, bankFar, counts.verified].map((count) =>
    ((100 * count) / paths.length).toFixed(1),
  );
}

function print(name: string, columns: readonly string[]): void {
  process.stdout.write(`${name.padEnd(22)}${columns.map((text) => text.padStart(12)).join("")}\n`);
}
