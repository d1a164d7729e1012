import { Worker } from "node:worker_threads";
import { errorOf, faultOf, type Fault } from "../../loader/workers/thread-faults.ts";
import type { CheckpointParts } from "./checkpoint-parts.ts";
import type { WriteOptions } from "./write-checkpoint.ts";

/** A checkpoint that lies whole in its folder. */
export interface WrittenCheckpoint {
  readonly step: number;
  readonly sizeBytes: number;
  /** From its copy out of the runtime to its name. */
  readonly writeMs: number;
}

export interface WriterRequest {
  readonly folder: string;
  readonly parts: CheckpointParts;
  readonly options: WriteOptions;
}

export type WriterReply =
  | { readonly kind: "written"; readonly sizeBytes: number }
  | { readonly kind: "failed"; readonly fault: Fault };

// Sources run as they are (.ts) and compiled (.js).
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const threadEntry = new URL(`./writer-thread.${extension}`, import.meta.url);

/**
 * Writes checkpoints on a thread of its own, one at a time, while the run goes on: the event loop of a run turns once or
 * twice a step, too rarely to write by it. Disposal waits for the one in hand.
 */
export class CheckpointWriter implements AsyncDisposable {
  readonly #onWritten: (written: WrittenCheckpoint) => Promise<void>;
  #worker: Worker | undefined;
  /** Never rejects. */
  #inHand: Promise<void> = Promise.resolve();
  #fault: unknown;

  constructor(onWritten: (written: WrittenCheckpoint) => Promise<void> = () => Promise.resolve()) {
    this.#onWritten = onWritten;
  }

  /**
   * Begins to write once the checkpoint before is written, and returns; the parts' arrays are the thread's from then on.
   * Throws what that one failed with.
   */
  async write(request: WriterRequest): Promise<void> {
    await this.settled();
    this.#inHand = this.#written(request).catch((error: unknown) => void (this.#fault = error));
  }

  /** Waits for the checkpoint in hand; throws what it failed with, once. */
  async settled(): Promise<void> {
    await this.#inHand;
    this.throwIfFailed();
  }

  /** Throws what the last checkpoint has failed with by now, once. */
  throwIfFailed(): void {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== undefined) throw fault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inHand;
    await this.#worker?.terminate();
  }

  async #written(request: WriterRequest): Promise<void> {
    const startMs = performance.now();
    const { step } = request.parts;
    const reply = await this.#ask(request);
    if (reply.kind === "failed") throw errorOf(reply.fault);
    const writeMs = performance.now() - startMs;
    await this.#onWritten({ step, sizeBytes: reply.sizeBytes, writeMs });
  }

  #ask(request: WriterRequest): Promise<WriterReply> {
    const worker = (this.#worker ??= this.#started());
    const { promise, resolve } = Promise.withResolvers<WriterReply>();
    const fail = (error: unknown): void => {
      this.#worker = undefined; // the next one gets another thread
      resolve({ kind: "failed", fault: faultOf(error) });
    };
    const onExit = (code: number): void => fail(new Error(`the thread ended with code ${code}`));
    worker.once("message", resolve).once("error", fail).once("exit", onExit);
    worker.ref();
    worker.postMessage(request, buffersOf(request.parts));
    return promise.finally(() => {
      worker.off("message", resolve).off("error", fail).off("exit", onExit);
      worker.unref();
    });
  }

  #started(): Worker {
    return new Worker(threadEntry, { name: "checkpoints", execArgv: [] });
  }
}

/** The memory of all tensors, each piece once: it is handed over, not copied. */
function buffersOf({ groups }: CheckpointParts): ArrayBuffer[] {
  const buffers = groups.flatMap(({ tensors }) => tensors.map(({ data }) => data.buffer));
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}
