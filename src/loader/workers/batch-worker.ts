// A worker thread's entry: builds the batches it is asked for until it is told to stop.
import { strict as assert } from "node:assert";
import { parentPort, workerData } from "node:worker_threads";

import { BatchBuilder } from "./batch-builder.ts";
import { faultOf } from "./thread-faults.ts";
import type { BuildOutcome, WorkerReply, WorkerRequest, WorkerStart } from "./worker-messages.ts";

assert(parentPort !== null, "batch-worker runs as a worker thread");
const port = parentPort;
const start: WorkerStart = workerData;

// Opening starts at once; if it fails, each job is answered with that fault.
const builder = BatchBuilder.open(start).then(
  (value) => ({ value, fault: undefined }),
  (error: unknown) => ({ value: undefined, fault: faultOf(error) }),
);

port.on("message", (request: WorkerRequest) => {
  void (request.kind === "build" ? answer(request.job) : stop());
});

async function answer(job: Parameters<BatchBuilder["build"]>[0]): Promise<void> {
  const { value, fault } = await builder;
  const outcome: BuildOutcome =
    value === undefined ? { kind: "failed", fault } : await value.build(job);
  const reply: WorkerReply = { slot: job.slot, outcome };
  port.postMessage(reply);
}

async function stop(): Promise<void> {
  const { value } = await builder;
  await value?.[Symbol.asyncDispose]();
  port.close();
}
