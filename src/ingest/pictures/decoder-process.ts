import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { SourceError } from "../../core/errors.ts";
import type { PictureReference, StoredPicture } from "../../core/records.ts";
import { PictureFault } from "./picture-fault.ts";
import type { DecoderReply, DecoderRequest, DecoderStart } from "./worker-messages.ts";

/** What came of a picture; "large" ones are asked for again when no other large one is being decoded. */
export type PictureAnswer =
  | { readonly kind: "stored"; readonly picture: StoredPicture }
  | { readonly kind: "failed"; readonly error: Error }
  | { readonly kind: "large" };

/** A picture that a decoder works on or will work on next. */
export interface PictureTask {
  readonly reference: PictureReference;
  readonly mayBeLarge: boolean;
}

export interface DecoderEvents<Task extends PictureTask> {
  readonly onAnswer: (task: Task, answer: PictureAnswer) => void;
  /**
   * The process is gone. It was working on the first of the tasks that it did not answer, unless it
   * never started.
   */
  readonly onDeath: (death: DecoderDeath<Task>) => void;
}

export interface DecoderDeath<Task extends PictureTask> {
  readonly unanswered: readonly Task[];
  readonly hasStarted: boolean;
  /** "ended by SIGSEGV", "killed after 60 s". */
  readonly reason: string;
}

export interface DecoderLimits {
  /** For one picture. */
  readonly timeoutMs: number;
  /** Resident memory of one process; judged on Linux alone. */
  readonly maxBytes: number;
}

// Sources run as they are (.ts) and compiled (.js).
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
/** The module that a decoder process runs. */
const decoderEntry: URL = new URL(`./decoder-main.${extension}`, import.meta.url);

// A decoder makes a few large buffers a picture and nothing else: it needs no room for young objects, and one arena of
// glibc's, so that there may be many. Flags that this process was started with are not for it.
const frugal = {
  execArgv: ["--max-semi-space-size=2"],
  env: { ...process.env, MALLOC_ARENA_MAX: "1" },
};
/** A process that has not said that it is ready by then is given up. */
const START_TIMEOUT_MS = 60_000;

/** A process that decodes pictures: what a broken picture does to a decoder ends with the process. */
export class DecoderProcess<Task extends PictureTask> {
  readonly #child: ChildProcess;
  readonly #events: DecoderEvents<Task>;
  readonly #tasks: Task[] = [];
  readonly #ended: Promise<void>;
  #hasStarted = false;
  #taskStartedMs = 0;
  #killedBecause: string | undefined;
  #lastWords = "";

  constructor(start: DecoderStart, events: DecoderEvents<Task>, entry: URL = decoderEntry) {
    this.#events = events;
    this.#child = fork(entry, {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      ...frugal,
    });
    this.#child.stderr?.on("data", (text: Buffer) => {
      this.#lastWords = `${this.#lastWords}${text.toString()}`.slice(-2000);
    });
    this.#child.on("message", (reply: DecoderReply) => this.#take(reply));
    this.#ended = new Promise((resolve) => {
      // "close" comes after the last message and the last words; "error" alone when it cannot start.
      const end = (reason: string): void => {
        this.#die(reason);
        resolve();
      };
      this.#child.on("error", (error) => end(error.message));
      this.#child.on("close", (code, signal) => end(`ended by ${signal ?? `code ${code}`}`));
    });
    this.#send({ kind: "start", start });
  }

  get numTasks(): number {
    return this.#tasks.length;
  }

  give(task: Task): void {
    if (this.#tasks.length === 0) this.#taskStartedMs = performance.now();
    this.#tasks.push(task);
    const { reference, mayBeLarge } = task;
    this.#send({ kind: "store", request: { reference, mayBeLarge } });
  }

  /** Kills the process when its picture takes too long or too much. */
  enforce({ timeoutMs, maxBytes }: DecoderLimits): void {
    if (this.#tasks.length === 0 || this.#killedBecause !== undefined) return;
    const limitMs = this.#hasStarted ? timeoutMs : START_TIMEOUT_MS;
    if (performance.now() - this.#taskStartedMs > limitMs) {
      this.#kill(`killed after ${limitMs / 1000} s`);
    } else if (this.#residentBytes() > maxBytes) {
      this.#kill(`killed at ${Math.round(maxBytes / 2 ** 20)} MiB of memory`);
    }
  }

  /** Ends the process and what it was doing. */
  async end(): Promise<void> {
    this.#kill("ended");
    await this.#ended;
  }

  #kill(reason: string): void {
    this.#killedBecause = reason;
    this.#child.kill("SIGKILL");
  }

  #residentBytes(): number {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, "latin1");
      return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      return 0; // there is no /proc on this system
    }
  }

  #take(reply: DecoderReply): void {
    if (reply.kind === "ready") {
      this.#hasStarted = true;
      this.#taskStartedMs = performance.now();
      return;
    }
    const task = this.#tasks.shift();
    this.#taskStartedMs = performance.now();
    if (task !== undefined) this.#events.onAnswer(task, answerOf(reply));
  }

  #die(reason: string): void {
    const unanswered = this.#tasks.splice(0);
    const words = this.#hasStarted ? "" : `: ${this.#lastWords.trim()}`;
    const why = (this.#killedBecause ?? reason) + words;
    this.#events.onDeath({ unanswered, hasStarted: this.#hasStarted, reason: why });
  }

  #send(request: DecoderRequest): void {
    // A process that is gone is seen by its end.
    this.#child.send(request, () => undefined);
  }
}

function answerOf(reply: Exclude<DecoderReply, { kind: "ready" }>): PictureAnswer {
  switch (reply.kind) {
    case "stored":
    case "large":
      return reply;
    case "faulty":
      return { kind: "failed", error: new PictureFault(reply.code, reply.message) };
    case "failed":
      return { kind: "failed", error: errorOf(reply.failure) };
  }
}

function errorOf(failure: Extract<DecoderReply, { kind: "failed" }>["failure"]): Error {
  const { message } = failure;
  if (failure.isSourceError) {
    return new SourceError(message, { file: failure.file, remedy: failure.remedy });
  }
  const error = new Error(message);
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}
