// The decode floor as a contestant of bench/loader-peers: our decoder on so many threads and nothing else. It decodes the
// pictures of the loader's own set, each as often as the loader does. Their bytes lie in memory; what was decoded is
// dropped, or put where a batch would have it. `node decode-loop.ts <JSON: the order>`.
import { on } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

import { SampleSource } from "../../src/loader/sample-source.ts";
import { ourVersions, type PlacedOrder } from "./ours.ts";
import { type Delivery, serve } from "./serve.ts";

/** A picture's bytes in memory that threads share. */
export interface PictureInMemory {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** What a thread is given. */
export interface LoopStart {
  readonly order: PlacedOrder;
  readonly pictures: readonly PictureInMemory[];
  readonly threadIndex: number;
  readonly numThreads: number;
}

// A thread is told to go on while it still has as much to do.
const ORDERS_AT_ONCE = 2;

const order: PlacedOrder = JSON.parse(process.argv[2] ?? "");
const pictures = await picturesInMemory();
await serve(decode, await ourVersions());

async function picturesInMemory(): Promise<PictureInMemory[]> {
  const sets = [{ folder: join(order.data, "set"), splits: ["train"] }];
  await using source = await SampleSource.open(sets);
  const found: PictureInMemory[] = [];
  for (let index = 0; index < source.numSamples; index += 1) {
    const [picture] = (await source.head(index)).pictures;
    if (picture === undefined) throw new RangeError(`sample ${index} has no picture`);
    const stored = await source.pictureBytes(index, 0);
    const bytes = new Uint8Array(new SharedArrayBuffer(stored.length));
    bytes.set(stored);
    found.push({ bytes, width: picture.width, height: picture.height });
  }
  return found;
}

async function* decode(numThreads: number): AsyncGenerator<Delivery> {
  const entry = new URL("decode-loop-thread.ts", import.meta.url);
  const ready = new EventTarget();
  const threads = Array.from({ length: numThreads }, (_, threadIndex) => {
    const start: LoopStart = { order, pictures, threadIndex, numThreads };
    const thread = new Worker(entry, { workerData: start });
    thread.on("message", (level: number) =>
      ready.dispatchEvent(new CustomEvent("decoded", { detail: { thread, level } })),
    );
    return thread;
  });
  try {
    const answers = on(ready, "decoded");
    for (const thread of threads) {
      for (let count = 0; count < ORDERS_AT_ONCE; count += 1) thread.postMessage("go", []);
    }
    for await (const [answer] of answers) {
      const { level, thread }: { level: number; thread: Worker } = answer.detail;
      thread.postMessage("go", []);
      yield { numPictures: order.batch, numPairs: 0, level, batch: "none" };
    }
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}
