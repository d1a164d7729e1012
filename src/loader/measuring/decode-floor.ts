import { Worker } from "node:worker_threads";

import { errorOf } from "../workers/thread-faults.ts";
import type { DecodeReply, DecodeRequest, DecodeStart } from "./decode-messages.ts";
import type { PictureToDecode } from "./read-pictures.ts";

// Sources run as they are (.ts) and compiled (.js).
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const threadEntry = new URL(`./decode-thread.${extension}`, import.meta.url);

// Code is compiled and caches are filled after this.
const WARM_UP_SECONDS = 0.3;

/** Threads that decode pictures that lie in memory: what no loader of as many threads can pass. */
export class DecodeFloor implements AsyncDisposable {
  readonly #threads: readonly DecodeThread[];

  private constructor(threads: readonly DecodeThread[]) {
    this.#threads = threads;
  }

  static async open(
    pictures: readonly PictureToDecode[],
    { numThreads, signal }: { readonly numThreads: number; readonly signal: AbortSignal },
  ): Promise<DecodeFloor> {
    await using opened = new AsyncDisposableStack();
    const threads = Array.from({ length: numThreads }, () =>
      opened.use(new DecodeThread({ pictures }, signal)),
    );
    const floor = new DecodeFloor(threads);
    await floor.picturesPerSecond(WARM_UP_SECONDS);
    opened.move();
    return floor;
  }

  /** All threads together, each decoding for so long. Throws a thread's error, and the signal's reason. */
  async picturesPerSecond(seconds: number): Promise<number> {
    const rates = await Promise.all(this.#threads.map((thread) => thread.decode(seconds)));
    return rates.reduce((sum, rate) => sum + rate, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()));
  }
}

class DecodeThread implements AsyncDisposable {
  readonly #worker: Worker;
  /** Rejects when the thread ends or the signal is aborted. */
  readonly #failure: Promise<never>;
  readonly #stopListening: () => void;

  constructor(start: DecodeStart, signal: AbortSignal) {
    // The process may have been started with flags that are not for modules in files.
    this.#worker = new Worker(threadEntry, {
      workerData: start,
      name: "decode-floor",
      execArgv: [],
    });
    const { promise, reject } = Promise.withResolvers<never>();
    this.#failure = promise;
    promise.catch(() => {}); // told where a rate is waited for
    this.#worker.once("error", reject);
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#stopListening = () => signal.removeEventListener("abort", onAbort);
    this.#worker.once("exit", (code) => reject(new Error(`a decoding thread ended with ${code}`)));
  }

  async decode(seconds: number): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<DecodeReply>();
    this.#worker.once("message", resolve);
    const request: DecodeRequest = { seconds };
    this.#worker.postMessage(request, []);
    const reply = await Promise.race([promise, this.#failure]);
    if (reply.kind === "failed") throw errorOf(reply.fault);
    return reply.picturesPerSecond;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    await this.#worker.terminate();
  }
}
