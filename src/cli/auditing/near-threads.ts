import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { RecordKind } from "../../audit/near/near-settings.ts";
import type { PixelScore } from "../../audit/near/near-findings.ts";
import { errorOf, type Fault, faultOf } from "../../loader/workers/thread-faults.ts";
import type { SetListing } from "../../shards/reading/listed-set.ts";

/** What the threads of an audit read pictures from. */
export interface NearThreadStart {
  readonly listings: readonly SetListing[];
}

/** A picture where it is stored. */
export interface StoredPlace {
  /** Of the listings. */
  readonly setIndex: number;
  readonly split: string;
  readonly sceneIndex: number;
  readonly pictureIndex: number;
}

/** Scenes of a split whose pictures are to be hashed. */
export interface HashTask {
  readonly kind: "hash";
  readonly setIndex: number;
  readonly split: string;
  readonly firstScene: number;
  readonly numScenes: number;
  /** The first scene of the shard, from which records count. */
  readonly shardStart: number;
  readonly recordKind: RecordKind;
}

/** Two pictures, and the views that hashes say are alike. */
export interface PairToCompare {
  readonly train: StoredPlace;
  readonly eval: StoredPlace;
  readonly trainView: number;
  readonly evalView: number;
}

interface CompareTask {
  readonly kind: "compare";
  readonly pairs: readonly PairToCompare[];
}

export type NearTask = HashTask | CompareTask;

export type NearRequest = NearTask & { readonly id: number };

export type NearReply =
  | { readonly kind: "hashed"; readonly id: number; readonly records: Uint8Array<ArrayBuffer> }
  | { readonly kind: "compared"; readonly id: number; readonly scores: readonly PixelScore[] }
  | { readonly kind: "failed"; readonly id: number; readonly fault: Fault };

/** One is worked on, the other is there when that is done. */
const TASKS_IN_HAND = 2;
const MAX_THREADS = 16;

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const threadEntry = new URL(`./near-thread.${extension}`, import.meta.url);

/**
 * Threads that read, decode, hash and compare stored pictures; no picture's bytes come to the calling thread. Each begins
 * when there is something to do that the others have no hand for.
 */
export class NearThreads implements AsyncDisposable {
  readonly #start: NearThreadStart;
  readonly #maxThreads: number;
  readonly #threads: NearThread[] = [];
  readonly #waiting: PromiseWithResolvers<NearThread>[] = [];
  readonly #signal: AbortSignal;
  readonly #stop: () => void;

  constructor(
    start: NearThreadStart,
    options: { readonly signal: AbortSignal; readonly numThreads?: number | undefined },
  ) {
    const { signal, numThreads = Math.min(MAX_THREADS, availableParallelism()) } = options;
    this.#start = start;
    this.#maxThreads = numThreads;
    this.#signal = signal;
    this.#stop = () => this.#fail(signal.reason);
    signal.addEventListener("abort", this.#stop);
  }

  /** The records of the scenes' pictures, one after the other. Rejects with what reading or decoding threw. */
  async hash(task: Omit<HashTask, "kind">): Promise<Uint8Array> {
    const reply = await this.#run({ kind: "hash", ...task });
    return reply.kind === "hashed" ? reply.records : new Uint8Array();
  }

  /** One for each pair. Rejects as `hash` does. */
  async compare(pairs: readonly PairToCompare[]): Promise<readonly PixelScore[]> {
    const reply = await this.#run({ kind: "compare", pairs });
    return reply.kind === "compared" ? reply.scores : [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener("abort", this.#stop);
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()));
  }

  async #run(task: NearTask): Promise<NearReply> {
    this.#signal.throwIfAborted();
    const free = this.#threadWithRoom() ?? (await this.#nextFree());
    return free.ask(task);
  }

  #threadWithRoom(): NearThread | undefined {
    const known =
      this.#threads.find(({ numInHand }) => numInHand === 0) ??
      this.#threads.find(({ numInHand }) => numInHand < TASKS_IN_HAND);
    if (known !== undefined || this.#threads.length === this.#maxThreads) return known;
    const onFree = (thread: NearThread): void => this.#waiting.shift()?.resolve(thread);
    const name = `audit-${this.#threads.length}`;
    const thread = new NearThread(this.#start, { name, onFree });
    this.#threads.push(thread);
    return thread;
  }

  #nextFree(): Promise<NearThread> {
    const waiting = Promise.withResolvers<NearThread>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  #fail(reason: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
    for (const thread of this.#threads) thread.fail(reason);
  }
}

class NearThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #onFree: (thread: NearThread) => void;
  readonly #inHand = new Map<number, PromiseWithResolvers<NearReply>>();
  #numTasks = 0;
  #death: { readonly reason: unknown } | undefined;

  constructor(
    start: NearThreadStart,
    { name, onFree }: { readonly name: string; readonly onFree: (thread: NearThread) => void },
  ) {
    this.#onFree = onFree;
    // The process may have been started with flags that are not for modules in files.
    this.#worker = new Worker(threadEntry, { workerData: start, name, execArgv: [] });
    this.#worker.on("message", (reply: NearReply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.fail(error));
    this.#worker.on("exit", (code) => this.fail(new Error(`${name} ended with code ${code}`)));
  }

  get numInHand(): number {
    return this.#inHand.size;
  }

  ask(task: NearTask): Promise<NearReply> {
    if (this.#death !== undefined) return Promise.reject(this.#death.reason);
    const id = this.#numTasks;
    this.#numTasks += 1;
    const asked = Promise.withResolvers<NearReply>();
    this.#inHand.set(id, asked);
    this.#worker.postMessage({ ...task, id } satisfies NearRequest, []);
    return asked.promise;
  }

  /** Ends all that is in hand, and whatever is asked later. */
  fail(reason: unknown): void {
    this.#death ??= { reason };
    for (const [id] of this.#inHand) this.#settle({ kind: "failed", id, fault: faultOf(reason) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#death ??= { reason: new Error("the threads of the audit have ended") };
    await this.#worker.terminate();
  }

  #settle(reply: NearReply): void {
    const asked = this.#inHand.get(reply.id);
    this.#inHand.delete(reply.id);
    if (reply.kind === "failed") asked?.reject(this.#death?.reason ?? errorOf(reply.fault));
    else asked?.resolve(reply);
    this.#onFree(this);
  }
}
