// A thread of decode-loop.ts: for each message it decodes as many pictures as a batch has, every other one mirrored.
import { parentPort, workerData } from "node:worker_threads";

import { decodeView } from "../../src/loader/pictures/picture.ts";
import type { LoopStart } from "./decode-loop.ts";
import { touch } from "./serve.ts";

const { order, pictures, threadIndex }: LoopStart = workerData;
const { batch, decoding, kernel, size } = order;
const shown = { width: size, height: size };
const into = new Uint8Array(size * size * 3);
let place = threadIndex * Math.floor(pictures.length / 2);
let last: Promise<unknown> = Promise.resolve();

parentPort?.on("message", () => {
  last = last.then(decodeBatch);
});

async function decodeBatch(): Promise<void> {
  let levels = 0;
  for (let count = 0; count < batch; count += 1) {
    const next = pictures[place % pictures.length];
    if (next === undefined) throw new RangeError("no pictures");
    const pixels = await decodeView(next.bytes, {
      picture: { width: next.width, height: next.height, orientation: 1 },
      view: { crop: null, mirrored: place % 2 === 1 },
      shown,
      sampling: { kernel, decoding },
      into,
    });
    levels += touch(pixels);
    place += 1;
  }
  parentPort?.postMessage(levels / batch, []);
}
