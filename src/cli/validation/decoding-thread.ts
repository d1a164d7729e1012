// A thread that decodes pictures: see decoding-threads.ts.
import { strict as assert } from "node:assert";
import { parentPort } from "node:worker_threads";
import { decodedSize } from "../../ingest/pictures/decoded-size.ts";
import type { DecodeReply, DecodeTask } from "./decoding-threads.ts";

assert(parentPort !== null, "decoding-thread runs as a worker thread");
const port = parentPort;

function answer(reply: DecodeReply): void {
  port.postMessage(reply, []);
}

port.on("message", ({ id, bytes }: DecodeTask) => {
  void decodedSize(bytes).then(
    (size) => answer({ id, size }),
    (error: unknown) =>
      answer({ id, fault: error instanceof Error ? error.message : String(error) }),
  );
});
