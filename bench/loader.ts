// Batches per second of the loader on the real photographs: `node bench/loader.ts [seconds per row]`.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

import { BatchLoader } from "../src/loader/batch-loader.ts";
import { type AugmentOptions, noAugmentation } from "../src/loader/pictures/augment.ts";
import { photographScenes, temporaryFolder, writeSet } from "../test/loader/shard-set-fixture.ts";
import { realData } from "../test/real-data.ts";

const PICTURES_PER_BATCH = 16;
const WARM_UP_BATCHES = 5;
const secondsPerRow = Number(process.argv[2] ?? 5);
const cropped: AugmentOptions = {
  crop: { scale: [0.25, 1], ratio: [3 / 4, 4 / 3] },
  flip: "if-text-has-no-side-words",
  randAugment: null,
};

await using folder = await temporaryFolder();
const set = join(folder.path, "set");
await writeSet(set, await photographScenes());
console.log(`51 photographs, ${PICTURES_PER_BATCH} a batch, ${availableParallelism()} cores`);
console.log("whole: each picture is decoded once a thread and kept; crop: decoded anew each time");
console.log("view   px  workers  batches/s  pictures/s  CPU s/s  first ms  main thread busy");
for (const imageSize of [64, 112]) {
  for (const [view, augment] of [
    ["whole", noAugmentation],
    ["crop", cropped],
  ] as const) {
    for (const numWorkers of [0, 1, 2]) await measure({ view, augment, imageSize, numWorkers });
  }
}

interface Row {
  readonly view: string;
  readonly augment: AugmentOptions;
  readonly imageSize: number;
  readonly numWorkers: number;
}

async function measure({ view, augment, imageSize, numWorkers }: Row): Promise<void> {
  await using loader = await BatchLoader.open({
    sets: [{ folder: set, splits: ["train"] }],
    vocabulary: realData("bert/vocab.txt"),
    seed: 1,
    batching: { kind: "pictures", picturesPerBatch: PICTURES_PER_BATCH },
    grouping: "none",
    pairing: { kind: "matched-unmatched", matched: 2, unmatched: 2 },
    text: { maxTokens: 24, longer: "cut" },
    pictures: { kind: "square", size: imageSize },
    augment,
    onDamage: "stop",
    mlmProbability: 0.15,
    rank: 0,
    worldSize: 1,
    numWorkers,
    prefetchBatches: 3,
  });
  let numBatches = -WARM_UP_BATCHES;
  let startMs = 0;
  let cpu = process.cpuUsage();
  let loop = performance.eventLoopUtilization();
  for await (const _ of loader.batches({ epoch: 0, step: 0 })) {
    numBatches += 1;
    if (numBatches === 0) {
      startMs = performance.now();
      cpu = process.cpuUsage();
      loop = performance.eventLoopUtilization();
    }
    if (numBatches > 0 && performance.now() - startMs > secondsPerRow * 1000) break;
  }
  const seconds = (performance.now() - startMs) / 1000;
  const used = process.cpuUsage(cpu);
  const busy = performance.eventLoopUtilization(loop).utilization;
  const rate = numBatches / seconds;
  console.log(
    [
      view.padEnd(5),
      String(imageSize).padStart(3),
      String(numWorkers).padStart(8),
      rate.toFixed(1).padStart(10),
      (rate * PICTURES_PER_BATCH).toFixed(0).padStart(11),
      ((used.user + used.system) / 1e6 / seconds).toFixed(2).padStart(8),
      loader.statistics.firstBatchMs.toFixed(0).padStart(9),
      `${(busy * 100).toFixed(1)} %`.padStart(17),
    ].join(" "),
  );
}
