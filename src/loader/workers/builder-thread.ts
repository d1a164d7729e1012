import { Worker } from "node:worker_threads";

import { faultOf } from "./thread-faults.ts";
import type {
  BuildOutcome,
  SlotJob,
  ThreadData,
  WorkerReply,
  WorkerRequest,
  WorkerStart,
} from "./worker-messages.ts";

/** Something that builds batches into the ring. */
export interface Builder extends AsyncDisposable {
  /** Never rejects: what went wrong is in the outcome. */
  build(job: SlotJob): Promise<BuildOutcome>;
}

// A worker answers "stop" after the pictures in hand; one that has not by then is ended.
const STOP_TIMEOUT_MS = 2000;

// A thread's lasting objects take about 20 MB and what a sample leaves behind 80 KB. With V8's own limits, made for heaps
// of 4 GB, dead objects fill up to 200 MB of each thread before they are looked for, more the longer it runs; with
// these it is 40 MB from the start. The larger one leaves room for long lists of excluded pictures.
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 24, maxOldGenerationSizeMb: 1024 } as const;

// Sources run as they are (.ts) and compiled (.js).
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const workerEntry = new URL(`./batch-worker.${extension}`, import.meta.url);

/** A builder on a thread of its own. A thread that dies fails its jobs, those in hand and all later ones. */
export class BuilderThread implements Builder {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  /** Who waits for which slot. */
  readonly #waiting = new Map<number, (outcome: BuildOutcome) => void>();
  #death: BuildOutcome | undefined;
  #isStarted = false;

  /** Begins to load the thread's modules and its vocabulary. `entry` is the first module; another one than the loader's is for tests. */
  constructor(
    threadIndex: number,
    { letterCase, vocabulary }: ThreadData,
    entry: URL = workerEntry,
  ) {
    const workerData: ThreadData = { vocabulary, ...(letterCase && { letterCase }) };
    this.#worker = new Worker(entry, {
      workerData,
      name: `loader-${threadIndex}`,
      // The process may have been started with flags that are not for modules in files.
      execArgv: [],
      resourceLimits: HEAP_LIMITS,
    });
    this.#worker.on("message", ({ slot, outcome }: WorkerReply) => this.#settle(slot, outcome));
    this.#worker.on("error", (error) => this.#die(error));
    this.#worker.on("messageerror", (error) => this.#die(error));
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#die(new Error(`loader thread ${threadIndex} ended unexpectedly with code ${code}`));
        resolve();
      });
    });
    // Only a job in hand keeps the process alive, so that a loader nobody closed does not.
    this.#worker.unref();
  }

  /** Jobs that the thread has not answered yet. */
  get numWaiting(): number {
    return this.#waiting.size;
  }

  /** Opens what batches are built of; to be called once, before a batch is asked for. */
  start(start: WorkerStart): void {
    this.#isStarted = true;
    this.#ask({ kind: "start", start });
  }

  build(job: SlotJob): Promise<BuildOutcome> {
    if (this.#death !== undefined) return Promise.resolve(this.#death);
    const { promise, resolve } = Promise.withResolvers<BuildOutcome>();
    this.#waiting.set(job.slot, resolve);
    this.#worker.ref();
    this.#ask({ kind: "build", job });
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#worker.ref();
    if (this.#isStarted) this.#ask({ kind: "stop" });
    else await this.#worker.terminate();
    const timer = setTimeout(() => void this.#worker.terminate(), STOP_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #ask(request: WorkerRequest): void {
    this.#worker.postMessage(request, []);
  }

  #settle(slot: number, outcome: BuildOutcome): void {
    this.#waiting.get(slot)?.(outcome);
    this.#waiting.delete(slot);
    if (this.#waiting.size === 0) this.#worker.unref();
  }

  #die(error: unknown): void {
    this.#death ??= { kind: "failed", fault: faultOf(error) };
    for (const slot of this.#waiting.keys()) this.#settle(slot, this.#death);
  }
}
