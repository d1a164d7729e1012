// What the loader's order, batching, start and resume cost at size: `node bench/loader-order.ts [scenes] [folder [--no-compose]]`.
// A set of so many scenes (1,000,000 unless given) is written to the folder first, unless one is there.
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

import sharp from "sharp";

import { RandomStream } from "../src/core/random.ts";
import type { Scene } from "../src/core/records.ts";
import { BatchLoader } from "../src/loader/batch-loader.ts";
import { BatchComposer } from "../src/loader/batching/batch-composer.ts";
import type { StreamPosition } from "../src/loader/batching/epoch-cursor.ts";
import { serializeLoaderState } from "../src/loader/batching/loader-state.ts";
import { emptyTable } from "../src/loader/batching/scene-table.ts";
import type { LoaderOptions } from "../src/loader/options.ts";
import { epochOrder, permutation } from "../src/loader/order.ts";
import { SplitWriter } from "../src/shards/split-writer.ts";
import { captionLength, composing } from "../test/loader/batching/composing.ts";
import {
  commitSplit,
  caption,
  storedPicture,
  temporaryFolder,
} from "../test/loader/shard-set-fixture.ts";
import { realData } from "../test/real-data.ts";
import { demand } from "./shard-reading/measures.ts";

const NUM_RUNS = 7;
const numScenes = Number(process.argv[2] ?? 1e6);
await using made = await temporaryFolder();
const set = process.argv[3] ?? join(made.path, "set");
process.env["CROSSWEAVE_CACHE"] = join(made.path, "cache");

orderAtSize(1e8);
if (process.argv[4] !== "--no-compose") await composeAtSize();
if (!existsSync(join(set, "index.json"))) await writeLargeSet();
await startAndResume();

/** Several runs' median and extremes of time, and the processor's time of all threads for one. */
async function timed(run: () => unknown, numRuns: number = NUM_RUNS): Promise<string> {
  const times: number[] = [];
  const cpu = process.cpuUsage();
  for (let time = 0; time < numRuns; time += 1) {
    const startMs = performance.now();
    await run();
    times.push(performance.now() - startMs);
  }
  const { system, user } = process.cpuUsage(cpu);
  const sorted = times.toSorted((a, b) => a - b);
  const [least = 0, median = 0, most = 0] = [0, sorted.length >> 1, -1].map((at) => sorted.at(at));
  const span = `${least.toFixed(2)} to ${most.toFixed(2)}`;
  return `${median.toFixed(2)} ms (${span}; processor ${((user + system) / 1000 / numRuns).toFixed(2)})`;
}

function orderAtSize(size: number): void {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const startMs = performance.now();
  const at = permutation(epochOrder(size, { seed: 7, epoch: 3 }));
  for (let position = 0; position < 256; position += 1) at(position);
  const milliseconds = performance.now() - startMs;
  const after = process.memoryUsage();
  const bytes = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
  demand(`order of ${size} samples and its first 256, cold`, milliseconds, {
    atMost: 5,
    unit: "ms",
  });
  demand("  its memory", bytes / 2 ** 20, { atMost: 8, unit: "MB" });
  const warmMs = performance.now();
  for (let position = 0; position < 1e6; position += 1) at(position);
  console.log(`one index, warm: ${(performance.now() - warmMs).toFixed(0)} ns`);
}

async function composeAtSize(): Promise<void> {
  const sets = [{ numScenes: 1e6, weight: undefined }];
  const draws = new RandomStream(1);
  const table = {
    ...emptyTable,
    textCounts: new Uint16Array(1e6).fill(5),
    textLengths: Uint16Array.from({ length: 5e6 }, () => captionLength(draws)),
  };
  const batching = { kind: "tokens", maxTokens: 10_240, multipleOf: 8, bucketSize: 8192 } as const;
  const options = composing({ batching });
  console.log(
    `token batches, 5,000,000 texts: composer ${await timed(() => new BatchComposer({ options, sets, table }), 3)}`,
  );
  const composer = new BatchComposer({ options, sets, table });
  console.log(`  plan of an epoch ${await timed(() => composer.epochPlan(1), 3)}`);
  const plan = await composer.epochPlan(1);
  for (const share of [0.01, 0.5, 0.99]) {
    const batchIndex = Math.floor(plan.numBatches * share);
    const fresh = new BatchComposer({ options, sets, table });
    const once = await timed(() => fresh.compose(1, batchIndex, plan.place(batchIndex)), 1);
    console.log(`  first batch at ${share * 100} %: ${once}`);
  }
  const startMs = performance.now();
  for (let batchIndex = 0; batchIndex < 1000; batchIndex += 1) {
    composer.compose(1, batchIndex, plan.place(batchIndex));
  }
  console.log(
    `  a batch, one after the other: ${((performance.now() - startMs) / 1000).toFixed(3)} ms`,
  );
}

async function writeLargeSet(): Promise<void> {
  await mkdir(set, { recursive: true });
  const raw = { width: 16, height: 16, channels: 3 } as const;
  const bytes = await sharp(new Uint8Array(768).fill(99), { raw }).jpeg().toBuffer();
  const layout = { targetBatchBytes: 2 ** 22, maxScenesPerBatch: 1000, targetShardBytes: 2 ** 28 };
  const startMs = performance.now();
  await using writer = await SplitWriter.create({
    folder: set,
    split: "train",
    role: "train",
    layout,
  });
  for (let index = 0; index < numScenes; index += 1) {
    const scene: Scene = {
      sceneKey: `coco:${index}`,
      pictures: [
        storedPicture(String(index), Buffer.concat([bytes, Buffer.from(String(index))]), {
          width: 16,
          height: 16,
        }),
      ],
      texts: [caption(`${index}-0`, `a red ball number ${index} beside a tree`)],
      regions: null,
    };
    await writer.append(scene);
  }
  const split = await writer.finish();
  await rm(join(set, "index.json"), { force: true });
  await commitSplit(set, split, "large");
  const seconds = (performance.now() - startMs) / 1000;
  console.log(`a set of ${numScenes} scenes written in ${seconds.toFixed(0)} s`);
}

function loaderOptions(changes: Partial<LoaderOptions> = {}): LoaderOptions {
  return composing({
    sets: [{ folder: set, splits: ["train"] }],
    vocabulary: realData("bert/vocab.txt"),
    batching: { kind: "pictures", picturesPerBatch: 16 },
    pairing: { kind: "matched-unmatched", matched: 1, unmatched: 1 },
    text: { maxTokens: 24, longer: "cut" },
    pictures: { kind: "square", size: 16 },
    ...changes,
  });
}

async function firstBatchAt(loader: BatchLoader, from: StreamPosition): Promise<void> {
  for await (const _ of loader.batches(from)) return;
}

async function startAndResume(): Promise<void> {
  for (const numWorkers of [0, 1, 2]) {
    const start = await timed(async () => {
      await using loader = await BatchLoader.open(loaderOptions({ numWorkers }));
      await firstBatchAt(loader, { epoch: 0, step: 0 });
    });
    console.log(`open to first batch, ${numScenes} samples, ${numWorkers} workers: ${start}`);
  }
  await using loader = await BatchLoader.open(loaderOptions());
  for (const share of [0.001, 0.01, 0.5, 0.99, 0.999, 0.01, 0.99]) {
    const step = Math.floor(loader.batchesPerEpoch * share);
    const once = await timed(() => firstBatchAt(loader, { epoch: 2, step }), 21);
    console.log(`resume at ${(share * 100).toFixed(1)} %: ${once}`);
  }
  const startMs = performance.now();
  for (let time = 0; time < 10_000; time += 1) serializeLoaderState(loader.state());
  const text = serializeLoaderState(loader.state());
  console.log(`state: ${text.length} bytes, ${((performance.now() - startMs) / 10).toFixed(2)} us`);
  await firstAndLaterStart("aspect groups", { grouping: "aspect" });
  await firstAndLaterStart("token batches", {
    batching: {
      kind: "tokens",
      maxTokens: 1024,
      multipleOf: 8,
      bucketSize: 8192,
      tokensPerPicture: 4,
    },
    pairing: { kind: "bernoulli", probability: 0.5, replace: "picture" },
  });
}

async function firstAndLaterStart(name: string, changes: Partial<LoaderOptions>): Promise<void> {
  for (const when of ["first", "second", "third"]) {
    const start = await timed(async () => {
      await using loader = await BatchLoader.open(loaderOptions(changes));
      await firstBatchAt(loader, { epoch: 0, step: 0 });
    }, 1);
    console.log(`${name}, ${when} start: ${start}`);
  }
}
