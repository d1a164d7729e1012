// A worker thread's entry: builds the batches it is asked for until it is told to stop.
import { strict as assert } from "node:assert";
import { parentPort, workerData } from "node:worker_threads";

import { BatchBuilder, vocabularyOf } from "./batch-builder.ts";
import { type Fault, faultOf } from "./thread-faults.ts";
import type { BuildOutcome, ThreadData, WorkerReply, WorkerRequest } from "./worker-messages.ts";

assert(parentPort !== null, "batch-worker runs as a worker thread");
const port = parentPort;
const threadData: ThreadData = workerData;
const tokenizer = vocabularyOf(threadData);
// Whoever opens a builder is told of the fault.
tokenizer.catch(() => {});

type Opened =
  | { readonly value: BatchBuilder; readonly fault?: never }
  | { readonly value?: never; readonly fault: Fault };
let builder: Promise<Opened> | undefined;

port.on("message", (request: WorkerRequest) => {
  switch (request.kind) {
    case "start":
      // Opening starts at once; if it fails, each job is answered with that fault.
      builder = BatchBuilder.open(request.start, tokenizer).then(
        (value) => ({ value }),
        (error: unknown) => ({ fault: faultOf(error) }),
      );
      break;
    case "build":
      void answer(request.job);
      break;
    case "stop":
      void stop();
      break;
  }
});

async function answer(job: Parameters<BatchBuilder["build"]>[0]): Promise<void> {
  assert(builder !== undefined, "a thread is started before it is asked for a batch");
  const { value, fault } = await builder;
  const outcome: BuildOutcome =
    value === undefined ? { kind: "failed", fault } : await value.build(job);
  const reply: WorkerReply = { slot: job.slot, outcome };
  port.postMessage(reply);
}

async function stop(): Promise<void> {
  const opened = await builder;
  await opened?.value?.[Symbol.asyncDispose]();
  port.close();
}
