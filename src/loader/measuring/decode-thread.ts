// A worker thread's entry: decodes the same pictures again and again, and nothing else.
import { strict as assert } from "node:assert";
import { parentPort, workerData } from "node:worker_threads";

import { decodeView } from "../pictures/picture.ts";
import { faultOf } from "../workers/thread-faults.ts";
import type { DecodeReply, DecodeRequest, DecodeStart } from "./decode-messages.ts";
import type { PictureToDecode } from "./read-pictures.ts";

assert(parentPort !== null, "decode-thread runs as a worker thread");
const port = parentPort;
const { pictures }: DecodeStart = workerData;
let turn = 0;
let room = new Uint8Array();

port.on("message", ({ seconds }: DecodeRequest) => void answer(seconds));

async function answer(seconds: number): Promise<void> {
  const reply = await decodeFor(seconds).then(
    (picturesPerSecond): DecodeReply => ({ kind: "decoded", picturesPerSecond }),
    (error: unknown): DecodeReply => ({ kind: "failed", fault: faultOf(error) }),
  );
  port.postMessage(reply);
}

async function decodeFor(seconds: number): Promise<number> {
  const startMs = performance.now();
  let elapsedMs = 0;
  let numPictures = 0;
  while (elapsedMs < 1000 * seconds) {
    const picture = pictures[turn % pictures.length];
    assert(picture !== undefined, "no pictures to decode");
    turn += 1;
    await decodeView(picture.bytes, { ...picture.options, into: roomFor(picture) });
    numPictures += 1;
    elapsedMs = performance.now() - startMs;
  }
  return (1000 * numPictures) / elapsedMs;
}

/** The same memory for each picture, so that nothing but decoding takes time. */
function roomFor({ options: { shown } }: PictureToDecode): Uint8Array {
  const numBytes = shown.width * shown.height * 3;
  if (room.length < numBytes) room = new Uint8Array(numBytes);
  return room.subarray(0, numBytes);
}
