// How fast shard sets are written, validated and read at random, on this machine, with made-up pictures
// of one size. Prints one line for each measure. Usage: node bench/shards.ts [numScenes] [pictureBytes]
import { createHash, hash } from "node:crypto";
import { mkdtemp, open, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { RandomStream } from "../src/core/random.ts";
import type { Scene } from "../src/core/records.ts";
import { writeLedger } from "../src/shards/ledger.ts";
import { commitIndex } from "../src/shards/shard-set-index.ts";
import { ShardSetReader } from "../src/shards/shard-set-reader.ts";
import { SplitWriter } from "../src/shards/split-writer.ts";
import { validateShardSet } from "../src/shards/validation/validate-shard-set.ts";
import { madeUpScene } from "../test/shards/scenes.ts";

const [numScenes = 3000, pictureBytes = 150_000] = process.argv.slice(2).map(Number);
const NUM_READS = 3000;
const MEGABYTE = 1e6;

const folder = await mkdtemp(join(tmpdir(), "crossweave-bench-"));
try {
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
  console.log(`${numScenes} scenes with pictures of ${pictureBytes} bytes`);
  await baselines();
  await write();
  await readAll();
  await validate();
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function baselines(): Promise<void> {
  const block = Buffer.alloc(32 * 2 ** 20, 7);
  const start = performance.now();
  for (let run = 0; run < 8; run += 1) createHash("sha256").update(block).digest();
  report("sha256, one core", `${rate(8 * block.length, start)} MB/s`);
  const path = join(folder, "plain");
  const begin = performance.now();
  {
    await using file = await open(path, "w");
    for (let run = 0; run < 8; run += 1) await file.write(block);
    await file.sync();
  }
  report("plain writing with fsync", `${rate(8 * block.length, begin)} MB/s`);
  await rm(path);
}

function* scenes(): Generator<Scene> {
  // Few different pictures, so that making them up does not count.
  const pictures = Array.from({ length: 64 }, (_, index) => madeUpScene(index, pictureBytes));
  for (let index = 0; index < numScenes; index += 1) {
    const scene = pictures[index % pictures.length] ?? madeUpScene(index, pictureBytes);
    yield { ...scene, sceneKey: `scene-${index}` };
  }
}

async function write(): Promise<void> {
  await using writer = await SplitWriter.create({ folder, split: "train", role: "train" });
  let numBytes = 0;
  let maxRss = 0;
  const source = scenes();
  const first = source.next();
  const start = performance.now();
  for (let item = first; item.done !== true; item = source.next()) {
    await writer.append(item.value);
    numBytes += item.value.pictures.reduce((sum, { bytes }) => sum + bytes.length, 0);
    maxRss = Math.max(maxRss, process.memoryUsage.rss());
  }
  const split = await writer.finish();
  report("writing", `${rate(numBytes, start)} MB/s, RSS at most ${megabytes(maxRss)} MB`);
  const ledger = await writeLedger(folder, []);
  await commitIndex(folder, {
    format: "crossweave-shards",
    version: 1,
    name: "bench",
    recipe: {},
    partial: false,
    splits: [split],
    counts: [],
    sources: [],
    ledger,
  });
}

async function readAll(): Promise<void> {
  const start = performance.now();
  await using reader = await ShardSetReader.open(folder);
  const split = reader.split("train");
  report("opening", `${(performance.now() - start).toFixed(1)} ms`);
  report("first scene", `${(await timed(() => split.head(0))).toFixed(0)} µs`);
  const random = new RandomStream(1);
  const anyScene = (): number => random.nextInt(split.numScenes);
  await quantiles("random head and picture, cold heads", async () => {
    const index = anyScene();
    await split.head(index);
    await split.pictureBytes(index, 0);
  });
  for await (const head of split.heads()) if (head.pictures.length === 0) return;
  await quantiles("random head, warm", () => split.head(anyScene()));
  await quantiles("random picture, verified, warm", () => split.pictureBytes(anyScene(), 0));
  const bytes = await split.pictureBytes(0, 0);
  await quantiles("  of which sha256", async () => hash("sha256", bytes));
  const begin = performance.now();
  let numHeads = 0;
  for await (const head of split.heads()) numHeads += Math.sign(head.pictures.length);
  report("heads in order", `${((numHeads / (performance.now() - begin)) * 1000).toFixed(0)} /s`);
}

async function validate(): Promise<void> {
  const start = performance.now();
  const { checked, isValid } = await validateShardSet(folder);
  report("validating", `${rate(checked.sizeBytes, start)} MB/s, valid: ${isValid}`);
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) * 1000;
}

async function quantiles(name: string, run: () => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  for (let read = 0; read < NUM_READS; read += 1) times.push(await timed(run));
  times.sort((a, b) => a - b);
  const at = (share: number): string => (times[Math.floor(share * times.length)] ?? 0).toFixed(0);
  report(name, `p50 ${at(0.5)} µs, p99 ${at(0.99)} µs`);
}

function rate(numBytes: number, start: number): string {
  return (numBytes / MEGABYTE / ((performance.now() - start) / 1000)).toFixed(0);
}

function megabytes(numBytes: number): string {
  return (numBytes / MEGABYTE).toFixed(0);
}

function report(name: string, value: string): void {
  console.log(`${name.padEnd(40)} ${value}`);
}
