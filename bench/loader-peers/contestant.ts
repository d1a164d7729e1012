import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import type { PythonEnvironment } from "../../test/python-environment.ts";
import type { OurOrder } from "./ours.ts";
import { cpuSecondsOf } from "./process-usage.ts";

/** What a peer is asked to deliver; peer.py says what the fields mean. */
export interface PeerOrder {
  readonly kind: "folder" | "tars" | "pairs-per-caption" | "pairs-per-picture";
  readonly library: "pillow" | "opencv";
  readonly kernel: "bicubic" | "bilinear" | "linear" | "area" | "cubic";
  readonly values: "float32" | "uint8";
  readonly crop: boolean;
  readonly size: number;
  readonly batch: number;
}

/** A loader on trial, in a process of its own. */
export interface Plan {
  readonly name: string;
  /** Workers to choose from; the fastest is taken. */
  readonly workers: readonly number[];
  /** The cores that the process and all that it starts are bound to. */
  readonly cores: readonly number[];
  readonly order: ({ readonly program: "peer" } & PeerOrder) | OurOrder;
}

/** Where contestants find what they read. */
export interface Place {
  readonly data: string;
  readonly vocabulary: string;
  /** There where a row has peers. */
  readonly python: PythonEnvironment | undefined;
}

/** What was delivered in a window. */
export interface Delivered {
  readonly numPictures: number;
  readonly numPairs: number;
  readonly seconds: number;
  /** Of the process and all that it started. */
  readonly cpuSeconds: number;
  /** Of the pixels that were touched, 0 to 255: a sign that all deliver the same pictures. */
  readonly meanLevel: number;
  /** Type and shape of the pixels. */
  readonly batch: string;
}

// A process that works uses a hundredth of a second in this time even where others want the cores as well.
const REST_MS = 100;

export const canBind: boolean = existsSync("/usr/bin/taskset");

/** A running contestant. Between windows it waits, its queues full. */
export class Contestant implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #numWorkers = 0;

  constructor(plan: Plan, place: Place) {
    this.#child = start(plan, place);
    this.#child.stderr.pipe(process.stderr, { end: false });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Makes its loader anew; gives the versions of what it is made of. */
  async open(numWorkers: number): Promise<Readonly<Record<string, string>>> {
    this.#numWorkers = numWorkers;
    this.#ask({ open: numWorkers });
    const { versions }: { versions: Record<string, string> } = JSON.parse(await this.#answer());
    return versions;
  }

  /** Takes the batches that lie ready, two for each worker, and some more; then as many as come in that time. */
  async window(seconds: number): Promise<Delivered> {
    const turn = Math.max(1, this.#numWorkers);
    this.#ask({ window: { warmUp: 2 + 3 * this.#numWorkers, seconds, turn } });
    await this.#answer();
    const { pid = 0 } = this.#child;
    const before = await cpuSecondsOf(pid);
    const delivered: Omit<Delivered, "cpuSeconds"> = JSON.parse(await this.#answer());
    return { ...delivered, cpuSeconds: (await cpuSecondsOf(pid)) - before };
  }

  /** Comes back once it has done all that it was asked for, so that it takes nothing from the next one's window. */
  async rest(): Promise<void> {
    const { pid = 0 } = this.#child;
    let before = -1;
    for (let now = await cpuSecondsOf(pid); now > before; now = await cpuSecondsOf(pid)) {
      before = now;
      await sleep(REST_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#child.exitCode === null ? once(this.#child, "close") : undefined;
    this.#child.stdin.end();
    await closed;
  }

  #ask(request: object): void {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
  }

  async #answer(): Promise<string> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`it ended: ${this.#child.spawnargs.join(" ")}`);
    return line.value;
  }
}

function start({ cores, order }: Plan, place: Place): ChildProcessWithoutNullStreams {
  const { data, python, vocabulary } = place;
  if (order.program === "peer") {
    if (python === undefined) throw new TypeError("peers need a Python");
    const { program: _, ...peer } = order;
    return python.start("peer.py", [JSON.stringify({ ...peer, data, vocabulary, cores })]);
  }
  const script = join(import.meta.dirname, `${order.program}.ts`);
  const command = [process.execPath, script, JSON.stringify({ ...order, data, vocabulary })];
  const bound = canBind ? ["taskset", "-c", cores.join(","), ...command] : command;
  return spawn(bound[0] ?? "", bound.slice(1));
}
