// Whether memory stays flat over 10,000 batches, after 5,000 in which heaps and caches grow to their size; pictures are
// cropped, and so decoded anew each time (issue 5, G19):
// `node bench/resident-memory.ts [--full]`, small drawn pictures unless --full asks for photographs at 384 px (about an hour).
import { cpus } from "node:os";
import { join } from "node:path";

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

const WARM_UP_BATCHES = 5000;
const NUM_BATCHES = 10_000;
const SAMPLED_EVERY = 500;
const MEGABYTE = 2 ** 20;
const isFull = process.argv.includes("--full");

interface Reading {
  readonly batch: number;
  readonly rss: number;
}

await using made = await temporaryFolder();
const set = join(made.path, "set");
await writeSet(set, isFull ? await photographScenes() : await drawnScenes(400));
report("machine", `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
const readings = await memoryOver(options());
judge(readings);

function options(): LoaderOptions {
  return largeSetOptions(set, {
    batching: { kind: "pictures", picturesPerBatch: 16 },
    pictures: { kind: "square", size: isFull ? 384 : 64 },
    augment: {
      crop: { scale: [0.25, 1], ratio: [3 / 4, 4 / 3] },
      flip: "if-text-has-no-side-words",
      randAugment: null,
    },
  });
}

async function memoryOver(given: LoaderOptions): Promise<Reading[]> {
  await using loader = await BatchLoader.open(given);
  const found: Reading[] = [];
  const startMs = performance.now();
  console.log("batch     RSS MB  external MB  array buffers MB  heap MB   batches/s");
  let batch = 0;
  for await (const _ of loader.batches({ epoch: 0, step: 0 })) {
    batch += 1;
    if (batch % SAMPLED_EVERY !== 0) continue;
    const { arrayBuffers, external, heapUsed, rss } = process.memoryUsage();
    found.push({ batch, rss });
    const rate = (batch / (performance.now() - startMs)) * 1000;
    const columns = [rss, external, arrayBuffers, heapUsed].map((bytes) =>
      (bytes / MEGABYTE).toFixed(1).padStart(10),
    );
    console.log(
      `${String(batch).padStart(5)} ${columns.join(" ")} ${rate.toFixed(0).padStart(10)}`,
    );
    if (batch === WARM_UP_BATCHES + NUM_BATCHES) break;
  }
  return found;
}

/** By the line through the readings behind the warm-up. */
function judge(all: readonly Reading[]): void {
  const late = all.filter(({ batch }) => batch >= WARM_UP_BATCHES);
  const [meanBatch, meanRss] = [
    mean(late.map(({ batch }) => batch)),
    mean(late.map(({ rss }) => rss)),
  ];
  const covariance = mean(late.map(({ batch, rss }) => (batch - meanBatch) * (rss - meanRss)));
  const slope = covariance / mean(late.map(({ batch }) => (batch - meanBatch) ** 2));
  report(
    "RSS, median after the warm-up",
    `${(median(late.map(({ rss }) => rss)) / MEGABYTE).toFixed(1)} MB`,
  );
  report("slope of RSS", `${((slope * 1000) / 1024).toFixed(1)} KB per 1,000 batches`);
  const drift = (slope * NUM_BATCHES * 100) / meanRss;
  demand("drift over 10,000 batches (G19)", drift, { atMost: 3, unit: "%" });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
