// What the loader costs beside decoding, on the real photographs: `node bench/loader.ts [seconds per row]`.
// Batches of several sizes, each picture with four texts; `crossweave bench-loader` measures a set of one's own.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

import { imageKey } from "../src/core/keys.ts";
import type { Scene } from "../src/core/records.ts";
import { BatchLoader } from "../src/loader/batch-loader.ts";
import { percentile } from "../src/loader/measuring/percentile.ts";
import type { LoaderOptions } from "../src/loader/options.ts";
import { photographScenes, temporaryFolder, writeSet } from "../test/loader/shard-set-fixture.ts";
import { realData } from "../test/real-data.ts";

// So that a batch of 256 is one of 306 scenes.
const NUM_COPIES = 6;
const MIN_BATCHES = 12;
const secondsPerRow = Number(process.argv[2] ?? 5);

await using folder = await temporaryFolder();
const set = join(folder.path, "set");
const scenes = await photographScenes();
await writeSet(
  set,
  Array.from({ length: NUM_COPIES }, (_, copy) =>
    scenes.map((scene) => copyOf(scene, copy)),
  ).flat(),
);
console.log(`51 photographs, ${NUM_COPIES} times; ${availableParallelism()} cores`);
console.log("main thread: milliseconds for each batch, by the processor and by the clock");
console.log("view   px  batch  workers  pictures/s  CPU s/s  first ms   CPU   p50   p99  longest");
for (const [view, size] of [
  ["whole", 384],
  ["crop", 224],
] as const) {
  for (const batch of [16, 64, 256]) {
    for (const numWorkers of [1, 2]) await measure({ view, size, batch, numWorkers });
  }
}

interface Row {
  readonly view: "whole" | "crop";
  readonly size: number;
  readonly batch: number;
  readonly numWorkers: number;
}

function copyOf(scene: Scene, copy: number): Scene {
  const pictures = scene.pictures.map((picture) => ({
    ...picture,
    key: imageKey("coco", `${picture.key.slice("coco:".length)}${copy}`),
  }));
  return { ...scene, sceneKey: `${scene.sceneKey}${copy}`, pictures };
}

function optionsOf({ batch, numWorkers, size, view }: Row): LoaderOptions {
  return {
    sets: [{ folder: set, splits: ["train"] }],
    vocabulary: realData("bert/vocab.txt"),
    seed: 1,
    batching: { kind: "pictures", picturesPerBatch: batch },
    grouping: "none",
    pairing: { kind: "matched-unmatched", matched: 2, unmatched: 2 },
    text: { maxTokens: 40, longer: "cut" },
    pictures: { kind: "square", size },
    augment: {
      crop: view === "whole" ? "none" : { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
      flip: "if-text-has-no-side-words",
      randAugment: null,
    },
    onDamage: "stop",
    mlmProbability: 0.15,
    rank: 0,
    worldSize: 1,
    numWorkers,
    prefetchBatches: 3,
    keptPixelBytes: 0,
  };
}

async function measure(row: Row): Promise<void> {
  const options = optionsOf(row);
  await using loader = await BatchLoader.open(options);
  const busyMs: number[] = [];
  // The ring's batches are not counted: they were built while nobody looked.
  let numBatches = -options.prefetchBatches;
  let startMs = 0;
  let ofProcess = process.cpuUsage();
  let ofThread = process.threadCpuUsage();
  let loop = performance.eventLoopUtilization();
  for await (const _ of loader.batches({ epoch: 0, step: 0 })) {
    const { active } = performance.eventLoopUtilization(loop);
    numBatches += 1;
    if (numBatches > 0) busyMs.push(active);
    if (numBatches === 0) {
      startMs = performance.now();
      ofProcess = process.cpuUsage();
      ofThread = process.threadCpuUsage();
    }
    const isLong = performance.now() - startMs > 1000 * secondsPerRow;
    if (isLong && numBatches >= MIN_BATCHES) break;
    loop = performance.eventLoopUtilization();
  }
  const seconds = (performance.now() - startMs) / 1000;
  const used = process.cpuUsage(ofProcess);
  const main = process.threadCpuUsage(ofThread);
  console.log(
    [
      row.view.padEnd(5),
      String(row.size).padStart(3),
      String(row.batch).padStart(6),
      String(row.numWorkers).padStart(8),
      ((numBatches * row.batch) / seconds).toFixed(0).padStart(11),
      ((used.user + used.system) / 1e6 / seconds).toFixed(2).padStart(8),
      loader.statistics.firstBatchMs.toFixed(0).padStart(9),
      ((main.user + main.system) / 1000 / numBatches).toFixed(2).padStart(5),
      percentile(busyMs, 0.5).toFixed(2).padStart(5),
      percentile(busyMs, 0.99).toFixed(2).padStart(5),
      percentile(busyMs, 1).toFixed(2).padStart(8),
    ].join(" "),
  );
}
