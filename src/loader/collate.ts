import pLimit from "p-limit";

import type { ImageKey } from "../core/keys.ts";
import type { BatchPlan } from "./batch-plan.ts";
import type { BatchArrays, BatchStatistics } from "./options.ts";
import { epochOrder, permuted } from "./order.ts";
import { buildSample, type Sample, type SampleContext } from "./sample.ts";
import { type MaskedTokens, NOT_PREDICTED } from "./text/masking.ts";
import { writeTextRow } from "./text/text-rows.ts";

/** Which batch to build. */
export interface BatchJob {
  readonly epoch: number;
  readonly batchIndex: number;
}

/** What of a batch is not in its arrays. */
export interface BuiltBatch {
  readonly keys: readonly ImageKey[];
  readonly textIds: readonly string[];
  readonly statistics: BatchStatistics;
}

export interface CollateContext extends SampleContext {
  readonly plan: BatchPlan;
}

// One picture decodes while the next one's texts are read; more would take cores from the training step.
const SAMPLES_AT_ONCE = 2;

/**
 * Fills `arrays` with a rank's share of a batch: a pure function of the shard sets, the options and the job.
 * The first fault in the batch's order is thrown, and only when nothing writes to the arrays any more.
 */
export async function collateBatch(
  job: BatchJob,
  arrays: BatchArrays,
  options: { context: CollateContext; signal: AbortSignal },
): Promise<BuiltBatch> {
  const { context, signal } = options;
  const { shape } = context.plan;
  const limit = pLimit(SAMPLES_AT_ONCE);
  const settled = await Promise.allSettled(
    samplesOf(job, context).map((sampleIndex, row) =>
      limit(async () => {
        signal.throwIfAborted();
        const key = { seed: context.options.seed, epoch: job.epoch, sampleIndex };
        const sample = await buildSample(key, context);
        writeSample(sample, arrays, { context, row });
        return sample;
      }),
    ),
  );
  const samples = settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
  for (let row = samples.length; row < shape.numPictures; row += 1) padRow(row, arrays, context);
  return summary(samples);
}

/** The samples of the rank's share, in order. */
function samplesOf(job: BatchJob, context: CollateContext): number[] {
  const { numSamples, picturesPerBatch, slice } = context.plan;
  const order = epochOrder(numSamples, { seed: context.options.seed, epoch: job.epoch });
  const first = job.batchIndex * picturesPerBatch + slice.start;
  return Array.from({ length: slice.end - slice.start }, (_, row) => permuted(first + row, order));
}

function writeSample(
  sample: Sample,
  arrays: BatchArrays,
  place: { context: CollateContext; row: number },
): void {
  const { context, row } = place;
  arrays.pixels.set(sample.pixels, row * sample.pixels.length);
  for (const [part, text] of sample.texts.entries()) {
    const pairRow = row * sample.texts.length + part;
    arrays.pictureOfPair[pairRow] = row;
    arrays.matched[pairRow] = Number(text.matched);
    writeTokens(text.tokens, arrays, { context, pairRow });
  }
}

function writeTokens(
  text: MaskedTokens,
  arrays: BatchArrays,
  place: { context: CollateContext; pairRow: number },
): void {
  const { context, pairRow } = place;
  const { maxTextTokens } = context.plan.shape;
  const start = pairRow * maxTextTokens;
  const end = start + maxTextTokens;
  writeTextRow(text.tokenIds, context.tokenizer.specials, {
    tokenIds: arrays.tokenIds.subarray(start, end),
    tokenMask: arrays.tokenMask.subarray(start, end),
  });
  const labels = arrays.mlmLabels.subarray(start, end).fill(NOT_PREDICTED);
  labels.set(text.labels, 1); // behind [CLS]
}

/** A black picture whose pairs count for nothing; their texts are [CLS] [SEP], so that no row of attention is empty. */
function padRow(row: number, arrays: BatchArrays, context: CollateContext): void {
  const { imageSize, textsPerPicture } = context.plan.shape;
  const numValues = imageSize * imageSize * 3;
  arrays.pixels.fill(0, row * numValues, (row + 1) * numValues);
  for (let part = 0; part < textsPerPicture; part += 1) {
    const pairRow = row * textsPerPicture + part;
    arrays.pictureOfPair[pairRow] = row;
    arrays.matched[pairRow] = -1;
    writeTokens({ tokenIds: [], labels: [] }, arrays, { context, pairRow });
  }
}

function summary(samples: readonly Sample[]): BuiltBatch {
  const total = (name: keyof BatchStatistics): number =>
    samples.reduce((sum, { statistics }) => sum + statistics[name], 0);
  return {
    keys: samples.map(({ key }) => key),
    textIds: samples.flatMap(({ texts }) => texts.map(({ textId }) => textId)),
    statistics: {
      numRedraws: total("numRedraws"),
      numRepeats: total("numRepeats"),
      numCutTexts: total("numCutTexts"),
    },
  };
}
