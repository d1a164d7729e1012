import { strict as assert } from "node:assert";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { BatchLoader } from "../batch-loader.ts";
import type { Batch, LoaderOptions } from "../options.ts";
import { percentile } from "./percentile.ts";

/** How fast batches come to a consumer that does nothing with them, and what that costs its thread. */
export interface LoaderRate {
  readonly picturesPerSecond: number;
  /** Of the process's time on all cores. */
  readonly picturesPerCpuSecond: number;
  readonly batchMs: number;
  /** Time that the consumer's thread was busy for each batch, which a training step cannot have. */
  readonly busyMs: readonly number[];
}

// A process that works uses a tenth of this even where others want the cores as well.
const REST_MS = 50;

/** A loader of which batches are taken as fast as they come, in windows with pauses between them. */
export class LoaderMeter implements AsyncDisposable {
  readonly #loader: BatchLoader;
  readonly #options: LoaderOptions;
  readonly #batches: AsyncGenerator<Batch>;

  private constructor(loader: BatchLoader, options: LoaderOptions, signal?: AbortSignal) {
    this.#loader = loader;
    this.#options = options;
    this.#batches = loader.batches({ epoch: 0, step: 0 }, signal);
  }

  static async open(options: LoaderOptions, signal?: AbortSignal): Promise<LoaderMeter> {
    const meter = new LoaderMeter(await BatchLoader.open(options), options, signal);
    await meter.#next();
    return meter;
  }

  /** Takes batches for about so long. What was built during the pause before is not counted. */
  async measure(seconds: number): Promise<LoaderRate> {
    const { numWorkers, prefetchBatches } = this.#options;
    // Those that lie ready, and those that were begun in the pause.
    for (let ready = 0; ready < prefetchBatches + numWorkers; ready += 1) await this.#next();
    const busyMs: number[] = [];
    const startMs = performance.now();
    const before = process.cpuUsage();
    let numPictures = 0;
    let elapsedMs = 0;
    // Workers deliver in turns, so that only whole turns can be compared.
    while (elapsedMs < 1000 * seconds || busyMs.length % Math.max(1, numWorkers) > 0) {
      const loop = performance.eventLoopUtilization();
      const { numRealPictures } = await this.#next();
      busyMs.push(performance.eventLoopUtilization(loop).active);
      numPictures += numRealPictures;
      elapsedMs = performance.now() - startMs;
    }
    const picturesPerSecond = (1000 * numPictures) / elapsedMs;
    const picturesPerCpuSecond = numPictures / cpuSecondsSince(before);
    await rest();
    const batchMs = elapsedMs / busyMs.length;
    return { picturesPerSecond, picturesPerCpuSecond, batchMs, busyMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batches.return(undefined);
    await this.#loader[Symbol.asyncDispose]();
  }

  async #next(): Promise<Batch> {
    const { done, value } = await this.#batches.next();
    assert(done !== true, "a loader's stream has no end");
    return value;
  }
}

/** Comes back once the threads have filled the ring: they take nothing from what is measured next. */
async function rest(): Promise<void> {
  for (let used = REST_MS; used > REST_MS / 10;) {
    const before = process.cpuUsage();
    await sleep(REST_MS);
    used = 1000 * cpuSecondsSince(before);
  }
}

/** Of all of the process's threads. */
export function cpuSecondsSince(before: NodeJS.CpuUsage): number {
  const { system, user } = process.cpuUsage(before);
  return (system + user) / 1e6;
}

/** What a thread was busy for each batch, in milliseconds. */
export interface BusyTimes {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

export function busyTimes(busyMs: readonly number[]): BusyTimes {
  return {
    p50Ms: percentile(busyMs, 0.5),
    p99Ms: percentile(busyMs, 0.99),
    longestMs: percentile(busyMs, 1),
  };
}
