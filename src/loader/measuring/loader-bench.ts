import { strict as assert } from "node:assert";
import { availableParallelism } from "node:os";

import type { Progress } from "../../core/progress.ts";
import type { LoaderOptions } from "../options.ts";
import { SampleSource } from "../sample-source.ts";
import { DecodeFloor } from "./decode-floor.ts";
import { feedSteps, type LoaderFeed } from "./feed-steps.ts";
import {
  type BusyTimes,
  busyTimes,
  cpuSecondsSince,
  LoaderMeter,
  type LoaderRate,
} from "./loader-meter.ts";
import { percentile } from "./percentile.ts";
import { type PictureToDecode, type ReadingRate, readPictures } from "./read-pictures.ts";

export interface LoaderBenchPlan {
  /** `numWorkers`, `prefetchBatches` and `keptPixelBytes` are the measurement's. */
  readonly options: LoaderOptions;
  /** How many workers are tried, in ascending order; 1, 2, 4, … and all cores when left out. */
  readonly workerCounts?: readonly number[] | undefined;
  /** Lengths of the steps that are fed; 1.1 times the fastest loader's time for a batch when left out. */
  readonly stepsMs?: readonly number[] | undefined;
  /** About how long each measurement takes. */
  readonly seconds: number;
}

/** What a machine does with shard sets: the result of `bench-loader --json`. All rates are of this machine, now. */
export interface LoaderBench {
  readonly numCores: number;
  readonly numSamples: number;
  /** Reading and checking alone, by one thread: at first, and once more. */
  readonly reading: { readonly first: ReadingRate; readonly again: ReadingRate };
  /** Decoding and resizing pictures that lie in memory, by one thread and by as many as there are cores. */
  readonly floor: {
    readonly oneThread: number;
    readonly allCores: number;
    readonly unit: "pictures/s";
    /** How much of all cores this process had while it decoded with all of them; far below 1 where others work. */
    readonly shareOfCores: number;
  };
  readonly loaders: readonly LoaderMeasure[];
  /** The fewest workers that are within 5 % of the fastest ones, and the shortest steps that they should feed. */
  readonly advice: {
    readonly numWorkers: number;
    readonly batchMs: number;
    readonly shortestStepMs: number;
  };
}

/** The loader with so many workers. */
export type LoaderMeasure = LoaderRates & LoaderFeed;

interface LoaderRates {
  readonly numWorkers: number;
  readonly prefetchBatches: number;
  readonly picturesPerSecond: number;
  readonly batchMs: number;
  /** Of as many threads that only decode, measured in turns with the loader. */
  readonly floorPicturesPerSecond: number;
  /** The loader's rate to the floor's; 1 is a loader that costs nothing beside decoding. */
  readonly shareOfFloor: number;
  /** The same of pictures for a second of processor time, which other work disturbs less. */
  readonly cpuShareOfFloor: number;
  /** Time that the consumer's thread was busy for each batch. */
  readonly mainThread: BusyTimes;
}

const ROUNDS = 3;
// As torch's loader; a batch that is in use comes on top.
const PREFETCHED_PER_WORKER = 2;
// The share of the fastest rate that makes more workers unnecessary.
const NEARLY_FASTEST = 0.95;
// A loader this much faster than the steps hides the unevenness of pictures.
const HEADROOM = 1.1;

/**
 * Measures reading, decoding and the loader on this machine with these sets. The loader decodes each picture anew,
 * as with sets that do not fit into memory. Throws as `BatchLoader.open` does, and the signal's reason.
 */
export async function benchLoader(
  plan: LoaderBenchPlan,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<LoaderBench> {
  const numCores = availableParallelism();
  const counts = plan.workerCounts ?? doublings(numCores);
  const station = stations(3 + 2 * counts.length, context);
  await using source = await SampleSource.open(plan.options.sets);
  const limits = { seconds: plan.seconds, signal: context.signal };
  const { pictures, rate: first } = await station("reading", () =>
    readPictures(source, plan.options, limits),
  );
  const { rate: again } = await readPictures(source, plan.options, limits);
  const one = await station("decoding, 1 thread", () => floorOf(1, { ...limits, pictures }));
  const all = await station(`decoding, ${numCores} threads`, () =>
    floorOf(numCores, { ...limits, pictures }),
  );
  const rates: LoaderRates[] = [];
  for (const numWorkers of counts) {
    rates.push(
      await station(`loading, ${workers(numWorkers)}`, () =>
        ratesOf(numWorkers, { ...plan, pictures, signal: context.signal }),
      ),
    );
  }
  const advice = adviceOf(rates);
  const stepsMs = plan.stepsMs ?? [advice.shortestStepMs];
  const loaders: LoaderMeasure[] = [];
  for (const rate of rates) {
    const feed = await station(`feeding steps, ${workers(rate.numWorkers)}`, () =>
      feedSteps(loaderOptions(plan, rate.numWorkers), { ...limits, stepsMs }),
    );
    loaders.push({ ...rate, ...feed });
  }
  return {
    numCores,
    numSamples: source.numSamples,
    reading: { first, again },
    floor: {
      oneThread: one.picturesPerSecond,
      allCores: all.picturesPerSecond,
      unit: "pictures/s",
      shareOfCores: all.coresHad / numCores,
    },
    loaders,
    advice,
  };
}

type Station = <Value>(name: string, measure: () => Promise<Value>) => Promise<Value>;

/** Runs one measurement after the other and reports how many are done. */
function stations(
  total: number,
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Station {
  let done = 0;
  const report = (note: string): void =>
    progress.report({ activity: "measuring", done, total, unit: "measurements", note });
  return async (name, measure) => {
    signal.throwIfAborted();
    report(name);
    const value = await measure();
    done += 1;
    report(name);
    return value;
  };
}

interface Measuring {
  readonly pictures: readonly PictureToDecode[];
  readonly seconds: number;
  readonly signal: AbortSignal;
}

async function floorOf(
  numThreads: number,
  { pictures, seconds, signal }: Measuring,
): Promise<{ readonly picturesPerSecond: number; readonly coresHad: number }> {
  await using floor = await DecodeFloor.open(pictures, { numThreads, signal });
  const startMs = performance.now();
  const before = process.cpuUsage();
  const picturesPerSecond = await floor.picturesPerSecond(seconds);
  const coresHad = (1000 * cpuSecondsSince(before)) / (performance.now() - startMs);
  return { picturesPerSecond, coresHad };
}

/** The floor and the loader in turns, so that what else the machine does meets both; medians of the rounds. */
async function ratesOf(
  numWorkers: number,
  plan: LoaderBenchPlan & Measuring,
): Promise<LoaderRates> {
  const options = loaderOptions(plan, numWorkers);
  const { pictures, signal } = plan;
  await using floor = await DecodeFloor.open(pictures, { numThreads: numWorkers, signal });
  await using meter = await LoaderMeter.open(options, signal);
  const floors: number[] = [];
  const cpuShares: number[] = [];
  const rates: LoaderRate[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const seconds = plan.seconds / ROUNDS;
    const before = process.cpuUsage();
    const floorRate = await floor.picturesPerSecond(seconds);
    const perCpuSecond = (floorRate * seconds) / cpuSecondsSince(before);
    const rate = await meter.measure(seconds);
    floors.push(floorRate);
    cpuShares.push(rate.picturesPerCpuSecond / perCpuSecond);
    rates.push(rate);
  }
  const median = (value: (rate: LoaderRate) => number): number =>
    percentile(
      rates.map((rate) => value(rate)),
      0.5,
    );
  const picturesPerSecond = median((rate) => rate.picturesPerSecond);
  const floorPicturesPerSecond = percentile(floors, 0.5);
  return {
    numWorkers,
    prefetchBatches: options.prefetchBatches,
    picturesPerSecond,
    batchMs: median((rate) => rate.batchMs),
    floorPicturesPerSecond,
    shareOfFloor: picturesPerSecond / floorPicturesPerSecond,
    cpuShareOfFloor: percentile(cpuShares, 0.5),
    mainThread: busyTimes(rates.flatMap(({ busyMs }) => busyMs)),
  };
}

function loaderOptions({ options }: LoaderBenchPlan, numWorkers: number): LoaderOptions {
  const prefetchBatches = PREFETCHED_PER_WORKER * numWorkers;
  return { ...options, numWorkers, prefetchBatches, keptPixelBytes: 0 };
}

/** 1, 2, 4, … and the number itself. */
function doublings(most: number): number[] {
  const powers = Array.from({ length: Math.ceil(Math.log2(most)) }, (_, power) => 2 ** power);
  return [...powers, most];
}

function adviceOf(rates: readonly LoaderRates[]): LoaderBench["advice"] {
  const fastest = Math.max(...rates.map(({ picturesPerSecond }) => picturesPerSecond));
  const enough = rates.find((rate) => rate.picturesPerSecond >= NEARLY_FASTEST * fastest);
  assert(enough !== undefined, "no loader was measured");
  const { batchMs, numWorkers } = enough;
  return { numWorkers, batchMs, shortestStepMs: Math.ceil(HEADROOM * batchMs) };
}

function workers(count: number): string {
  return `${count} ${count === 1 ? "worker" : "workers"}`;
}
