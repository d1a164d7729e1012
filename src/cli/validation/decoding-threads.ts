import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { PictureSize } from "../../pixels/resampler.ts";

export interface DecodeTask {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** The picture's size, or why it could not be decoded. */
export type DecodeReply =
  | { readonly id: number; readonly size: PictureSize }
  | { readonly id: number; readonly fault: string };

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const threadEntry = new URL(`./decoding-thread.${extension}`, import.meta.url);

/** Decodes whole pictures on a thread for each core; the threads begin with the first picture. */
export class DecodingThreads implements AsyncDisposable {
  readonly #numThreads: number;
  readonly #threads: Worker[] = [];
  readonly #waiting = new Map<number, PromiseWithResolvers<PictureSize>>();
  #numTasks = 0;

  constructor(numThreads: number = availableParallelism()) {
    this.#numThreads = numThreads;
  }

  /** Rejects when the picture is damaged. The bytes are copied before this returns. */
  decode(bytes: Uint8Array): Promise<PictureSize> {
    const id = this.#numTasks;
    this.#numTasks += 1;
    const waiting = Promise.withResolvers<PictureSize>();
    this.#waiting.set(id, waiting);
    // What is posted is copied with all the memory that it is a part of.
    const copy = new Uint8Array(bytes);
    this.#thread(id % this.#numThreads).postMessage({ id, bytes: copy } satisfies DecodeTask, [
      copy.buffer,
    ]);
    return waiting.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #thread(place: number): Worker {
    const known = this.#threads[place];
    if (known !== undefined) return known;
    // The process may have been started with flags that are not for modules in files.
    const thread = new Worker(threadEntry, { name: `decoding-${place}`, execArgv: [] });
    thread.on("message", (reply: DecodeReply) => this.#settle(reply));
    thread.on("error", (error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    this.#threads[place] = thread;
    return thread;
  }

  #settle(reply: DecodeReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("size" in reply) waiting?.resolve(reply.size);
    else waiting?.reject(new Error(reply.fault));
  }
}
