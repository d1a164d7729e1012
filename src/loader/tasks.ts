import { strict as assert } from "node:assert";

import { mixSeed, RandomStream } from "../core/random.ts";
import { drawPurposes } from "./draws.ts";
import type { LoaderOptions, PairingOptions } from "./options.ts";

/**
 * What some batches are for, where batches take turns between several tasks (UNITER). Conditional masking is two tasks, one
 * that masks words and one that masks regions; its control that masks both (UNITER, table 2, row 12) is one task with both.
 */
export interface BatchTask {
  readonly name: string;
  /** Its share of the batches, relative to the other tasks'. UNITER's released ones: itm 2, mlm 2, mrfr 1, mrc-kl 1. */
  readonly ratio: number;
  readonly pairing: PairingOptions;
  /** 0 to mask no words. */
  readonly mlmProbability: number;
  /** 0 to mask no regions. */
  readonly regionMaskProbability: number;
}

/** A batch's place in the stream. */
interface BatchNumber {
  readonly epoch: number;
  readonly batchIndex: number;
}

/**
 * The task of a batch; undefined where the options name none. One is drawn for each `taskGroup` batches in a row, with the
 * ratios as probabilities: a pure function of (seed, epoch, group). The last group of an epoch ends with it.
 */
export function taskOf(
  { seed, taskGroup = 1, tasks = [] }: Pick<LoaderOptions, "seed" | "taskGroup" | "tasks">,
  { batchIndex, epoch }: BatchNumber,
): BatchTask | undefined {
  if (tasks.length === 0) return undefined;
  const group = Math.floor(batchIndex / taskGroup);
  const total = tasks.reduce((sum, { ratio }) => sum + ratio, 0);
  const draws = new RandomStream(mixSeed(seed, drawPurposes.tasks), epoch, group);
  let left = draws.nextFloat() * total;
  for (const task of tasks) {
    left -= task.ratio;
    if (left < 0) return task;
  }
  const last = tasks.findLast(({ ratio }) => ratio > 0);
  assert(last !== undefined, "a task with a ratio above 0");
  return last;
}

/** The options as they are for the batches of a task; themselves where there is none. */
export function optionsOfTask(options: LoaderOptions, task: BatchTask | undefined): LoaderOptions {
  if (task === undefined) return options;
  const { mlmProbability, pairing, regionMaskProbability } = task;
  return { ...options, mlmProbability, pairing, regionMaskProbability };
}

/** The same for every task there is; the options themselves where there is none. */
export function optionsOfTasks(options: LoaderOptions): readonly LoaderOptions[] {
  const { tasks = [] } = options;
  return tasks.length === 0 ? [options] : tasks.map((task) => optionsOfTask(options, task));
}

/** Whether batches say which regions are masked: some of them mask any. */
export function hasRegionMasks(options: LoaderOptions): boolean {
  return optionsOfTasks(options).some(({ regionMaskProbability = 0 }) => regionMaskProbability > 0);
}
