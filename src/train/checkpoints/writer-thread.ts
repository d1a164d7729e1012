// The thread that writes checkpoints while the run goes on: see checkpoint-writer.ts.
import { strict as assert } from "node:assert";
import { parentPort } from "node:worker_threads";
import { faultOf } from "../../loader/workers/thread-faults.ts";
import type { WriterReply, WriterRequest } from "./checkpoint-writer.ts";
import { writeCheckpoint } from "./write-checkpoint.ts";

assert(parentPort !== null, "writer-thread runs as a worker thread");
const port = parentPort;

port.on("message", (request: WriterRequest) => void answer(request));

async function answer({ folder, options, parts }: WriterRequest): Promise<void> {
  port.postMessage(await replyTo({ folder, options, parts }));
}

async function replyTo({ folder, options, parts }: WriterRequest): Promise<WriterReply> {
  try {
    const { sizeBytes } = await writeCheckpoint(folder, parts, options);
    return { kind: "written", sizeBytes };
  } catch (error) {
    return { kind: "failed", fault: faultOf(error) };
  }
}
