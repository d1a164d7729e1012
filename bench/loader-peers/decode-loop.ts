// The decode floor as a contestant of bench/loader-peers: our decoder on so many threads and nothing else. The pictures'
// bytes lie in memory, and what was decoded is dropped. `node decode-loop.ts <JSON: the order>`.
import { on } from "node:events";
import { Worker } from "node:worker_threads";

import { photographScenes } from "../../test/loader/shard-set-fixture.ts";
import { ourVersions, type PlacedOrder } from "./ours.ts";
import { type Delivery, serve } from "./serve.ts";

/** What a thread is given. */
export interface LoopStart {
  readonly order: PlacedOrder;
  readonly pictures: readonly {
    readonly bytes: Uint8Array;
    readonly width: number;
    readonly height: number;
  }[];
  readonly threadIndex: number;
}

// A thread is told to go on while it still has as much to do.
const ORDERS_AT_ONCE = 2;

const order: PlacedOrder = JSON.parse(process.argv[2] ?? "");
const scenes = await photographScenes();
const pictures = scenes.flatMap(({ pictures: [picture] }) => {
  if (picture === undefined) return [];
  const { bytes, height, width } = picture;
  return [{ bytes, height, width }];
});
await serve(decode, await ourVersions());

async function* decode(numThreads: number): AsyncGenerator<Delivery> {
  const entry = new URL("decode-loop-thread.ts", import.meta.url);
  const ready = new EventTarget();
  const threads = Array.from({ length: numThreads }, (_, threadIndex) => {
    const start: LoopStart = { order, pictures, threadIndex };
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
