import type { PictureReference, StoredPicture } from "../../core/records.ts";
import {
  type DecoderDeath,
  type DecoderLimits,
  DecoderProcess,
  type PictureAnswer,
  type PictureTask,
} from "./decoder-process.ts";
import { PictureFault } from "./picture-fault.ts";
import type { DecoderStart } from "./worker-messages.ts";

export interface PicturePoolOptions extends DecoderStart {
  /** Processes that decode; they are started when there is work for them. */
  readonly numWorkers: number;
  readonly limits?: DecoderLimits;
  /** Another module than the decoder's own, for tests. */
  readonly entry?: URL;
}

interface Task extends PictureTask {
  readonly settle: PromiseWithResolvers<StoredPicture>;
  /** Decoders that died over it. */
  readonly numDeaths: number;
}

/** The picture in hand and the one that is read meanwhile. */
const TASKS_PER_PROCESS = 2;
/** A decoder that dies once may have been ended by the system, for its memory or another's. */
const MAX_DEATHS = 2;
const WATCH_INTERVAL_MS = 100;
const DEFAULT_TIMEOUT_MS = 60_000;
/** A process with nothing in hand, and what the hungriest decoder takes for a pixel (progressive JPEG, 4:4:4). */
const IDLE_BYTES = 400 * 2 ** 20;
const BYTES_PER_PIXEL = 24;

/**
 * Stores pictures in processes of their own, several at a time. A picture that makes its decoder crash, run
 * on or take too much memory costs that process alone: it is replaced, and the picture is a PictureFault
 * `IMG_DECODER_DIED` once a second decoder has died over it.
 */
export class PicturePool implements AsyncDisposable {
  readonly #options: PicturePoolOptions;
  readonly #limits: DecoderLimits;
  readonly #processes = new Set<DecoderProcess<Task>>();
  readonly #waiting: Task[] = [];
  readonly #large: Task[] = [];
  #isLargeInHand = false;
  #isEnding = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: PicturePoolOptions) {
    this.#options = options;
    const maxBytes = IDLE_BYTES + options.policy.maxPixels * BYTES_PER_PIXEL;
    this.#limits = options.limits ?? { timeoutMs: DEFAULT_TIMEOUT_MS, maxBytes };
  }

  /** Pictures that can be asked for at once before one has to wait. */
  get capacity(): number {
    return this.#options.numWorkers * TASKS_PER_PROCESS;
  }

  /** As `storePicture`, in another process. */
  store(reference: PictureReference): Promise<StoredPicture> {
    const settle = Promise.withResolvers<StoredPicture>();
    this.#waiting.push({ reference, mayBeLarge: false, settle, numDeaths: 0 });
    this.#handOut();
    return settle.promise;
  }

  /** Ends the processes; pictures that are not stored by then are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    clearInterval(this.#watch);
    await Promise.all([...this.#processes].map((process) => process.end()));
    for (const { settle } of [...this.#waiting.splice(0), ...this.#large.splice(0)])
      settle.reject(new Error("the picture decoders were ended"));
  }

  #handOut(): void {
    for (;;) {
      const source = this.#nextQueue();
      const process = source && this.#freeProcess();
      const task = process && source?.shift();
      if (process === undefined || task === undefined) return;
      if (task.mayBeLarge) this.#isLargeInHand = true;
      process.give(task);
    }
  }

  #nextQueue(): Task[] | undefined {
    if (this.#isEnding) return undefined;
    if (this.#large.length > 0 && !this.#isLargeInHand) return this.#large;
    return this.#waiting.length > 0 ? this.#waiting : undefined;
  }

  // One that has nothing to do, else a new one, else one that can read ahead.
  #freeProcess(): DecoderProcess<Task> | undefined {
    const [idlest] = [...this.#processes].toSorted((a, b) => a.numTasks - b.numTasks);
    if (idlest !== undefined && idlest.numTasks === 0) return idlest;
    if (this.#processes.size < this.#options.numWorkers) return this.#startProcess();
    return idlest !== undefined && idlest.numTasks < TASKS_PER_PROCESS ? idlest : undefined;
  }

  #startProcess(): DecoderProcess<Task> {
    const { sourceFolder, policy, entry } = this.#options;
    const process: DecoderProcess<Task> = new DecoderProcess(
      { sourceFolder, policy },
      {
        onAnswer: (task, answer) => this.#settle(task, answer),
        onDeath: (death) => {
          this.#processes.delete(process);
          this.#bury(death);
        },
      },
      entry,
    );
    this.#processes.add(process);
    this.#watch ??= setInterval(() => this.#enforceLimits(), WATCH_INTERVAL_MS).unref();
    return process;
  }

  #enforceLimits(): void {
    for (const process of this.#processes) process.enforce(this.#limits);
  }

  #settle(task: Task, answer: PictureAnswer): void {
    if (task.mayBeLarge) this.#isLargeInHand = false;
    if (answer.kind === "large") this.#large.push({ ...task, mayBeLarge: true });
    else if (answer.kind === "stored") task.settle.resolve(answer.picture);
    else task.settle.reject(answer.error);
    this.#handOut();
  }

  #bury({ unanswered, hasStarted, reason }: DecoderDeath<Task>): void {
    if (unanswered.some((task) => task.mayBeLarge)) this.#isLargeInHand = false;
    const [first, ...others] = unanswered;
    if (first !== undefined) this.#judge(first, { hasStarted, reason });
    for (const task of others.toReversed()) this.#putBack(task);
    this.#handOut();
  }

  #judge(task: Task, { hasStarted, reason }: { hasStarted: boolean; reason: string }): void {
    const { settle } = task;
    const numDeaths = task.numDeaths + 1;
    if (this.#isEnding) settle.reject(new Error("the picture decoders were ended"));
    else if (!hasStarted) settle.reject(new Error(`the picture decoder does not start: ${reason}`));
    else if (numDeaths < MAX_DEATHS) this.#putBack({ ...task, numDeaths });
    else {
      const message = `${MAX_DEATHS} decoders died over it, the last one ${reason}`;
      settle.reject(new PictureFault("IMG_DECODER_DIED", message));
    }
  }

  #putBack(task: Task): void {
    (task.mayBeLarge ? this.#large : this.#waiting).unshift(task);
  }
}
