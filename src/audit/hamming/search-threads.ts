import { Worker } from "node:worker_threads";
import { CURSOR_BYTES, FOUND_CAPACITY, PAIR_WORDS, type SearchLayout } from "./search-memory.ts";

export interface SearchStart {
  readonly memory: WebAssembly.Memory;
}

/** The keys that threads share out among themselves, `tasksKeys` at a time, and where each keeps its state. */
export interface CompareTask {
  readonly control: number;
  readonly join: number;
  readonly cursor: number;
  readonly found: number;
  readonly numTasks: number;
  readonly tasksKeys: number;
  readonly blockKeys: number;
  /** Threads stop soon after they have found more. */
  readonly maxPairs: number;
}

export type SearchRequest =
  | { readonly kind: "loop"; readonly loop: string; readonly operands: readonly number[] }
  | { readonly kind: "compare"; readonly task: CompareTask }
  | { readonly kind: "stop" };

export interface SearchReply {
  readonly value?: number;
  readonly pairs?: Uint32Array<ArrayBuffer>;
}

// Sources run as they are (.ts) and compiled (.js).
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const workerEntry = new URL(`./search-worker.${extension}`, import.meta.url);

/** Threads that work on shared memory, step by step: a step is over when all of them have done their part. */
export class SearchThreads implements AsyncDisposable {
  readonly #threads: readonly SearchThread[];

  constructor(memory: WebAssembly.Memory, numThreads: number) {
    this.#threads = Array.from({ length: numThreads }, (_, at) => new SearchThread(memory, at));
  }

  get numThreads(): number {
    return this.#threads.length;
  }

  /** Runs a loop once, on one thread. */
  async runOnce(loop: string, ...operands: readonly number[]): Promise<number> {
    const [first] = this.#threads;
    return (await first?.ask({ kind: "loop", loop, operands }))?.value ?? 0;
  }

  /** Runs a loop on every thread, each over a part of `size`: from, to. */
  async runParts(
    loop: string,
    size: number,
    operandsOf: (from: number, to: number) => readonly number[],
  ): Promise<void> {
    const bound = (part: number): number => Math.floor((size * part) / this.numThreads);
    const asked = this.#threads.map((thread, part) =>
      thread.ask({ kind: "loop", loop, operands: operandsOf(bound(part), bound(part + 1)) }),
    );
    await Promise.all(asked);
  }

  /** Compares all keys; gives the pairs that each thread found, in no order. */
  async compare(
    layout: SearchLayout,
    task: Omit<CompareTask, "control" | "join" | "cursor" | "found">,
  ): Promise<readonly Uint32Array[]> {
    const { control, join } = layout;
    const foundBytes = FOUND_CAPACITY * PAIR_WORDS * Uint32Array.BYTES_PER_ELEMENT;
    const replies = this.#threads.map((thread, at) => {
      const cursor = layout.cursors + at * CURSOR_BYTES;
      const found = layout.found + at * foundBytes;
      return thread.ask({ kind: "compare", task: { ...task, control, join, cursor, found } });
    });
    return (await Promise.all(replies)).flatMap(({ pairs }) =>
      pairs === undefined ? [] : [pairs],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()));
  }
}

/** One thread, which is asked one thing at a time. */
class SearchThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #waiting: PromiseWithResolvers<SearchReply> | undefined;
  #death: Error | undefined;

  constructor(memory: WebAssembly.Memory, threadIndex: number) {
    const start: SearchStart = { memory };
    const name = `search-${threadIndex}`;
    this.#worker = new Worker(workerEntry, { workerData: start, name, execArgv: [] });
    this.#worker.on("message", (reply: SearchReply) => this.#waiting?.resolve(reply));
    this.#worker.on("error", (error) =>
      this.#die(error instanceof Error ? error : new Error(String(error))),
    );
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#die(new Error(`${name} ended unexpectedly with code ${code}`));
        resolve();
      });
    });
  }

  async ask(request: SearchRequest): Promise<SearchReply> {
    if (this.#death !== undefined) throw this.#death;
    this.#waiting = Promise.withResolvers();
    this.#worker.postMessage(request, []);
    return this.#waiting.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const request: SearchRequest = { kind: "stop" };
    this.#worker.postMessage(request, []);
    await this.#ended;
  }

  #die(error: Error): void {
    this.#death ??= error;
    this.#waiting?.reject(this.#death);
  }
}
