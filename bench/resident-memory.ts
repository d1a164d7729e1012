// Whether memory stays flat over 10,000 batches, after 3,000 in which threads start and caches fill; pictures are
// cropped, and so decoded anew each time (issue 5, G19):
// `node bench/resident-memory.ts [--full]`, small drawn pictures in half a minute unless --full asks for photographs
// of 384 px (five to ten minutes). Prints what of it lies in the heaps of which thread, so that what grows has a name.
import { cpus } from "node:os";
import { join } from "node:path";
import { getHeapStatistics, type HeapInfo } from "node:v8";
import type { Worker } from "node:worker_threads";

import { BatchLoader } from "../src/loader/batch-loader.ts";
import type { LoaderOptions } from "../src/loader/options.ts";
import {
  drawnScenes,
  photographScenes,
  temporaryFolder,
  writeSet,
} from "../test/loader/shard-set-fixture.ts";
import { largeSetOptions } from "./loader-start/large-set.ts";
import { demand, median, report } from "./shard-reading/measures.ts";

const WARM_UP_BATCHES = 3000;
const NUM_BATCHES = 10_000;
const SAMPLED_EVERY = 500;
const MEGABYTE = 2 ** 20;
const isFull = process.argv.includes("--full");

/** Where resident memory lies, in bytes. */
interface Reading {
  readonly batch: number;
  readonly rss: number;
  /** What V8 holds for objects of the consumer's thread, the dead ones included. */
  readonly mainHeap: number;
  readonly workerHeaps: number;
  /** Buffers of all threads: pictures, small columns; the ring's slots are not among them. */
  readonly buffers: number;
  /** All else: the ring, code, WebAssembly's memory, and what native libraries took. */
  readonly rest: number;
}

const columns = ["rss", "mainHeap", "workerHeaps", "buffers", "rest"] as const;

const workers: Worker[] = [];
process.on("worker", (worker) => workers.push(worker));

await using made = await temporaryFolder();
const set = join(made.path, "set");
await writeSet(set, isFull ? await photographScenes() : await drawnScenes(400));
report("machine", `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
judge(await memoryOver(options()));

function options(): LoaderOptions {
  return largeSetOptions(set, {
    batching: { kind: "pictures", picturesPerBatch: isFull ? 8 : 16 },
    pictures: { kind: "square", size: isFull ? 384 : 64 },
    augment: {
      crop: { scale: [0.25, 1], ratio: [3 / 4, 4 / 3] },
      flip: "if-text-has-no-side-words",
      randAugment: null,
    },
  });
}

async function memoryOver(given: LoaderOptions): Promise<Reading[]> {
  // A thread that has nothing to do does not keep the process alive while it is asked for its statistics.
  const alive = setInterval(() => {}, 60_000);
  await using loader = await BatchLoader.open(given);
  const found: Reading[] = [];
  const startMs = performance.now();
  console.log("MB, with V8's dead objects");
  console.log("batch       RSS  main heap  worker heaps   buffers      rest  batches/s");
  let batch = 0;
  for await (const _ of loader.batches({ epoch: 0, step: 0 })) {
    batch += 1;
    if (batch % SAMPLED_EVERY !== 0) continue;
    const reading = await readMemory(batch);
    found.push(reading);
    const widths = [9, 10, 13, 9, 9];
    const cells = columns.map((name, index) =>
      megabytes(reading[name]).padStart(widths[index] ?? 0),
    );
    const rate = ((batch / (performance.now() - startMs)) * 1000).toFixed(0).padStart(10);
    console.log(`${String(batch).padStart(5)} ${cells.join(" ")} ${rate}`);
    if (batch === WARM_UP_BATCHES + NUM_BATCHES) break;
  }
  clearInterval(alive);
  return found;
}

async function readMemory(batch: number): Promise<Reading> {
  const ofWorkers = await Promise.all(workers.map((worker) => worker.getHeapStatistics()));
  const main = getHeapStatistics();
  const rss = process.memoryUsage.rss();
  const mainHeap = main.total_physical_size;
  const workerHeaps = sum(ofWorkers.map((heap) => heap.total_physical_size));
  const buffers = sum([main, ...ofWorkers].map((heap: HeapInfo) => heap.external_memory));
  return {
    batch,
    rss,
    mainHeap,
    workerHeaps,
    buffers,
    rest: rss - mainHeap - workerHeaps - buffers,
  };
}

/** By the line through the readings behind the warm-up. */
function judge(all: readonly Reading[]): void {
  const late = all.filter(({ batch }) => batch >= WARM_UP_BATCHES);
  const middle = median(late.map(({ rss }) => rss));
  report("RSS, median after the warm-up", `${megabytes(middle)} MB`);
  for (const name of columns) {
    const values = late.map((reading) => reading[name]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const perThousand = (slopeOf(late, name) * 1000) / 1024;
    report(
      `${name}: slope; least to most`,
      `${perThousand.toFixed(1)} KB per 1,000 batches; ${megabytes(low)} to ${megabytes(high)} MB`,
    );
  }
  const drift = (slopeOf(late, "rss") * NUM_BATCHES * 100) / middle;
  demand("drift over 10,000 batches (G19)", drift, { atMost: 3, unit: "%" });
  const range = Math.max(...late.map(({ rss }) => Math.abs(rss - middle)));
  demand("farthest from the median", (range * 100) / middle, { atMost: 5, unit: "%" });
}

/** Of the line through a column, in bytes for each batch. */
function slopeOf(readings: readonly Reading[], name: (typeof columns)[number]): number {
  const meanBatch = mean(readings.map(({ batch }) => batch));
  const meanValue = mean(readings.map((reading) => reading[name]));
  const covariance = mean(
    readings.map((reading) => (reading.batch - meanBatch) * (reading[name] - meanValue)),
  );
  return covariance / mean(readings.map(({ batch }) => (batch - meanBatch) ** 2));
}

function megabytes(bytes: number): string {
  return (bytes / MEGABYTE).toFixed(1);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
