import { describe, expect, it } from "vitest";

import { emptyTable } from "../../src/loader/batching/scene-table.ts";
import { noChains } from "../../src/loader/pairing/picture-chains.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { BuilderThread } from "../../src/loader/workers/builder-thread.ts";
import type {
  BuildOutcome,
  SlotJob,
  WorkerStart,
} from "../../src/loader/workers/worker-messages.ts";

const start: WorkerStart = {
  chains: noChains,
  slots: [],
  listed: [],
  isBuilt: new Int32Array(),
  sets: [],
  table: emptyTable,
  options: {
    sets: [],
    vocabulary: "",
    seed: 1,
    batching: { kind: "pictures", picturesPerBatch: 1 },
    grouping: "none",
    pairing: { kind: "matched-unmatched", matched: 1, unmatched: 0 },
    text: { maxTokens: 8, longer: "cut" },
    pictures: { kind: "square", size: 8 },
    augment: noAugmentation,
    onDamage: "stop",
    mlmProbability: 0.15,
    rank: 0,
    worldSize: 1,
    numWorkers: 1,
    prefetchBatches: 1,
  },
};

function thread(program: string): BuilderThread {
  const builder = new BuilderThread(
    0,
    start.options,
    new URL(`data:text/javascript,${encodeURIComponent(program)}`),
  );
  builder.start(start);
  return builder;
}

function job(slot: number): SlotJob {
  return { slot, epoch: 0, batchIndex: slot, place: { pool: 0, bucket: 0, index: slot } };
}

function messageOf(outcome: BuildOutcome): string {
  return outcome.kind === "failed" ? outcome.fault.message : "built";
}

describe("a builder's thread", () => {
  it("whose batches leave much garbage keeps its heap below 60 MB, where V8's own limits let it grow", async () => {
    // What a batch leaves behind, thousands of times: small objects of which some live until the next batches.
    await using builder = thread(`
      import { parentPort } from "node:worker_threads";
      import { getHeapStatistics } from "node:v8";
      const kept = [];
      parentPort.on("message", ({ kind, job }) => {
        if (kind === "stop") parentPort.close();
        if (kind !== "build") return;
        let largest = 0;
        for (let batch = 0; batch < 4000; batch += 1) {
          kept[batch % 40] = Array.from({ length: 1000 }, (_, index) => ({ index, text: "text " + index }));
          largest = Math.max(largest, getHeapStatistics().total_physical_size);
        }
        const fault = { name: "Error", message: String(largest) };
        parentPort.postMessage({ slot: job.slot, outcome: { kind: "failed", fault } });
      });
    `);
    const megabytes = Number(messageOf(await builder.build(job(0)))) / 2 ** 20;
    expect(megabytes).toBeGreaterThan(5);
    expect(megabytes).toBeLessThan(60);
  });

  it("that ends without an answer fails the jobs in hand and all later ones", async () => {
    await using builder = thread("process.exit(3)");
    const outcomes = await Promise.all([builder.build(job(0)), builder.build(job(1))]);
    const message = "loader thread 0 ended unexpectedly with code 3";
    expect(outcomes.map(messageOf)).toEqual([message, message]);
    expect(messageOf(await builder.build(job(2)))).toBe(message);
  });

  it("that throws fails its jobs with that error", async () => {
    await using builder = thread(`
      import { parentPort } from "node:worker_threads";
      parentPort.on("message", () => { throw new RangeError("out of luck"); });
    `);
    expect(messageOf(await builder.build(job(0)))).toBe("out of luck");
  });

  it("that was not started yet is ended at once", async () => {
    const startMs = performance.now();
    await new BuilderThread(0, start.options)[Symbol.asyncDispose]();
    expect(performance.now() - startMs).toBeLessThan(1900);
  });

  it("that never answers is ended by disposal", async () => {
    const builder = thread(`
      import { parentPort } from "node:worker_threads";
      parentPort.on("message", () => {});
    `);
    const outcome = builder.build(job(0));
    await builder[Symbol.asyncDispose]();
    expect(messageOf(await outcome)).toMatch(/ended unexpectedly with code 1/);
  });
});
