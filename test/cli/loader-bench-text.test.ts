import { describe, expect, it } from "vitest";
import { loaderBenchText } from "../../src/cli/loader-bench/loader-bench-text.ts";
import type { LoaderBenchResult } from "../../src/cli/loader-bench/run-loader-bench.ts";
import { showStyles } from "../../src/cli/terminal/text-style.ts";

const reading = { numPictures: 256, sizeBytes: 43_000_000, p50Ms: 0.214, p99Ms: 12.4 };
const feed = {
  firstBatchMs: 312.4,
  eventLoopDelay: { p50Ms: 0.1, p99Ms: 1, longestMs: 3 },
  prefetchBatches: 2,
};
const mainThread = { p50Ms: 0.218, p99Ms: 0.871, longestMs: 1.52 };

/** What a machine of two cores might give. */
function result(stallShares: readonly [one: number, two: number]): LoaderBenchResult {
  const step = { stepMs: 40, numSteps: 75, longestWaitMs: 3.21 };
  return {
    sets: [{ folder: "shards/coco\u001B[2J", splits: ["train", "restval"] }],
    settings: {
      picturesPerBatch: 16,
      textsPerPicture: 4,
      pictures: { kind: "square", size: 384 },
      crop: true,
      seed: 1,
      vocabulary: null,
      secondsPerMeasurement: 3,
    },
    numCores: 2,
    numSamples: 113_287,
    reading: {
      first: { ...reading, bytesPerSecond: 41_300_000, picturesPerSecond: 245.7 },
      again: { ...reading, bytesPerSecond: 987_000_000, picturesPerSecond: 5874 },
    },
    floor: { oneThread: 231.4, allCores: 455.2, unit: "pictures/s", shareOfCores: 0.98 },
    loaders: [
      {
        ...feed,
        numWorkers: 1,
        mainThread,
        picturesPerSecond: 226.1,
        batchMs: 70.8,
        floorPicturesPerSecond: 231,
        shareOfFloor: 0.979,
        cpuShareOfFloor: 0.981,
        residentBytes: 312_400_000,
        steps: [{ ...step, stallShare: stallShares[0] }],
      },
      {
        ...feed,
        numWorkers: 2,
        mainThread,
        picturesPerSecond: 443.6,
        batchMs: 36.1,
        floorPicturesPerSecond: 455,
        shareOfFloor: 0.974,
        cpuShareOfFloor: 0.966,
        residentBytes: 402_000_000,
        steps: [{ ...step, stallShare: stallShares[1] }],
      },
    ],
    advice: { numWorkers: 2, batchMs: 36.1, shortestStepMs: 40 },
  };
}

describe("the measurements of a loader as text", () => {
  it("are tables that stand straight, and what follows from them", () => {
    expect(showStyles(loaderBenchText(result([0.437, 0.0041])))).toBe(
      String.raw`
shards/coco\x1b[2J (train, restval): 113,287 pictures; batches of 16, random crops at 384 x 384 px, 4 texts each
2 cores; 3 s for each measurement; what else runs now makes all of it slower

reading, 1 thread  pictures/s  a second  p50 ms  p99 ms
the first time            246   41.3 MB    0.21      12
again                   5,874  987.0 MB    0.21      12

decoding from memory  pictures/s
1 thread                     231
2 threads                    455

loading    pictures/s  of decoding  batch ms  first batch ms  main thread ms   p99  longest
1 worker          226         98 %        71             312            0.22  0.87     1.52
2 workers         444         97 %        36             312            0.22  0.87     1.52

feeding steps  of ms  waiting  longest wait ms  process memory
1 worker          40   43.7 %              3.2        312.4 MB
2 workers         40    0.4 %              3.2        402.0 MB

2 workers: a batch of 16 every 36 ms, for steps of 40 ms and longer
measured with steps of 40 ms: 2 workers will do, 0.4 % of the time waiting
one thread read 246 pictures/s the first time, fewer than are decoded: the first epoch may wait for the disk or the network

Beyond decoding, a batch has its order, its texts read, paired, tokenized and masked, its pictures read and checked.
The steps here only wait, as for a GPU: training on the CPU needs the workers' cores too.
Every picture is decoded anew, as with sets that do not fit into memory.
Texts were cut by a vocabulary of the set's own words; --vocabulary names yours.
`.trim(),
    );
  });

  it("say so when other work took the cores", () => {
    const measured = result([0.437, 0.004]);
    const disturbed = { ...measured, floor: { ...measured.floor, shareOfCores: 0.412 } };
    const words = "other work is running: decoding with all cores had 41 % of them";
    expect(loaderBenchText(disturbed)).toContain(words);
    const byCpu = "2 workers, by processor time, which that disturbs less: 97 % of decoding";
    expect(loaderBenchText(disturbed)).toContain(byCpu);
    expect(loaderBenchText(measured)).not.toContain("by processor time");
    expect(loaderBenchText(measured)).not.toContain("other work is running");
  });

  it("say so when no number of workers feeds the steps", () => {
    expect(loaderBenchText(result([0.437, 0.102]))).toContain(
      "measured with steps of 40 ms: none feeds them; at best 10.2 % of the time waiting",
    );
  });
});
