import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { BatchLoader } from "../batch-loader.ts";
import type { LoaderOptions } from "../options.ts";
import type { BusyTimes } from "./loader-meter.ts";

/** How a loader fed steps of a given length. */
interface StepFeed {
  readonly stepMs: number;
  readonly numSteps: number;
  /** Share of the time in which the steps waited for batches. */
  readonly stallShare: number;
  readonly longestWaitMs: number;
}

/** How a loader fed steps of several lengths one after the other, alone in its process. */
export interface LoaderFeed {
  /** From opening the sets to the first batch. */
  readonly firstBatchMs: number;
  readonly steps: readonly StepFeed[];
  /** How late the consumer's thread came to what was due; the largest of all steps. */
  readonly eventLoopDelay: BusyTimes;
  /** The most that the whole process had in memory after a batch. */
  readonly residentBytes: number;
}

// The monitor's timer: what it tells holds this much beside the delay.
const RESOLUTION_MS = 1;
const MIN_STEPS = 8;

export interface FeedPlan {
  readonly stepsMs: readonly number[];
  /** About how long each length of steps is fed. */
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Feeds steps that take their time and leave the processor to the workers, as steps on a GPU do. A step of
 * TensorFlow on the CPU needs the same cores: with it a loader stalls more than this says.
 */
export async function feedSteps(options: LoaderOptions, plan: FeedPlan): Promise<LoaderFeed> {
  const openedMs = performance.now();
  await using loader = await BatchLoader.open(options);
  for await (const _ of loader.batches({ epoch: 0, step: 0 }, plan.signal)) break;
  const firstBatchMs = performance.now() - openedMs;
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const steps: StepFeed[] = [];
  let residentBytes = 0;
  for (const stepMs of plan.stepsMs) {
    steps.push(
      await feedOne(loader, { ...plan, stepMs, numToIgnore: options.prefetchBatches + 1 }),
    );
    residentBytes = Math.max(residentBytes, process.memoryUsage.rss());
  }
  delay.disable();
  const lateMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  return {
    firstBatchMs,
    steps,
    eventLoopDelay: {
      p50Ms: lateMs(delay.percentile(50)),
      p99Ms: lateMs(delay.percentile(99)),
      longestMs: lateMs(delay.max),
    },
    residentBytes,
  };
}

async function feedOne(
  loader: BatchLoader,
  plan: FeedPlan & { readonly stepMs: number; readonly numToIgnore: number },
): Promise<StepFeed> {
  const { numToIgnore, seconds, signal, stepMs } = plan;
  const waitsMs: number[] = [];
  let startMs = performance.now();
  let askedMs = startMs;
  for await (const _ of loader.batches(loader.positionOf(loader.state()), signal)) {
    const now = performance.now();
    waitsMs.push(now - askedMs);
    // The ring is empty at first, which no step has to pay for.
    if (waitsMs.length === numToIgnore) startMs = now;
    const numSteps = waitsMs.length - numToIgnore;
    if (numSteps >= MIN_STEPS && now - startMs >= 1000 * seconds) break;
    await sleep(stepMs, undefined, signal === undefined ? {} : { signal });
    askedMs = performance.now();
  }
  const counted = waitsMs.slice(numToIgnore);
  const waitedMs = counted.reduce((sum, wait) => sum + wait, 0);
  return {
    stepMs,
    numSteps: counted.length,
    stallShare: waitedMs / (performance.now() - startMs),
    longestWaitMs: Math.max(...counted),
  };
}
