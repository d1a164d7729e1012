// A thread of decode-loop.ts: for each message it decodes as many pictures as a batch has, every other one mirrored.
import { parentPort, workerData } from "node:worker_threads";

import { permuted } from "../../src/loader/order.ts";
import { decodeView } from "../../src/loader/pictures/picture.ts";
import type { LoopStart } from "./decode-loop.ts";
import { touch } from "./serve.ts";

// The loader's ring has five for two threads.
const KEPT_BATCHES = 3;

const { numThreads, order, pictures, threadIndex }: LoopStart = workerData;
const { batch, decoding, kernel, keepsBatches = false, size } = order;
const shown = { width: size, height: size };
const pictureBytes = size * size * 3;
const numRows = keepsBatches ? batch * KEPT_BATCHES : 1;
const room = new Uint8Array(new SharedArrayBuffer(numRows * pictureBytes));
let numDecoded = 0;
let last: Promise<unknown> = Promise.resolve();

parentPort?.on("message", () => {
  last = last.then(decodeBatch);
});

async function decodeBatch(): Promise<void> {
  let levels = 0;
  for (let count = 0; count < batch; count += 1) {
    const next = pictures[nextPicture()];
    if (next === undefined) throw new RangeError("no pictures");
    const row = numDecoded % numRows;
    const pixels = await decodeView(next.bytes, {
      picture: { width: next.width, height: next.height, orientation: 1 },
      view: { crop: null, mirrored: numDecoded % 2 === 1 },
      shown,
      sampling: { kernel, decoding },
      into: room.subarray(row * pictureBytes, (row + 1) * pictureBytes),
    });
    levels += touch(pixels);
    numDecoded += 1;
  }
  parentPort?.postMessage(levels / batch, []);
}

/** All pictures once an epoch, in a random order, shared among the threads; another order each time. */
function nextPicture(): number {
  const place = numDecoded * numThreads + threadIndex;
  const { length } = pictures;
  return permuted(place % length, { size: length, seed: Math.floor(place / length) });
}
