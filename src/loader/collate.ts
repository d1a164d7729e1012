import pLimit from "p-limit";

import type { ImageKey } from "../core/keys.ts";
import type { BatchPlan } from "./batch-plan.ts";
import type { SampleKey } from "./draws.ts";
import type { BatchArrays, BatchStatistics, SampleStatistics } from "./options.ts";
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
    samplesOf(job, context).map((key, row) =>
      limit(async () => {
        signal.throwIfAborted();
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
function samplesOf({ batchIndex, epoch }: BatchJob, context: CollateContext): SampleKey[] {
  const { numSamples, picturesPerBatch: numRows, slice } = context.plan;
  const { seed } = context.options;
  const order = epochOrder(numSamples, { seed, epoch });
  return Array.from({ length: slice.end - slice.start }, (_, index) => {
    const row = slice.start + index;
    const sampleIndex = permuted(batchIndex * numRows + row, order);
    return { seed, epoch, sampleIndex, place: { batchIndex, row, numRows } };
  });
}

function writeSample(
  sample: Sample,
  arrays: BatchArrays,
  place: { context: CollateContext; row: number },
): void {
  const { context, row } = place;
  writePixels(sample, arrays, { context, row });
  for (const [part, text] of sample.texts.entries()) {
    const pairRow = row * sample.texts.length + part;
    arrays.pictureOfPair[pairRow] = row;
    arrays.matched[pairRow] = Number(text.matched);
    writeTokens(text.tokens, arrays, { context, pairRow });
  }
}

/** A picture smaller than the batch's pictures gets black pixels at its right and below it. */
function writePixels(
  { height, pixels, width }: Pick<Sample, "pixels" | "height" | "width">,
  arrays: BatchArrays,
  place: { context: CollateContext; row: number },
): void {
  const { pictureHeight, pictureWidth } = place.context.plan.shape;
  const lineLength = width * 3;
  const start = place.row * pictureHeight * pictureWidth * 3;
  const end = start + pictureHeight * pictureWidth * 3;
  arrays.validHeights[place.row] = height;
  arrays.validWidths[place.row] = width;
  if (width === pictureWidth) {
    arrays.pixels.set(pixels, start);
    arrays.pixels.fill(0, start + pixels.length, end);
    return;
  }
  arrays.pixels.fill(0, start, end);
  for (let line = 0; line < height; line += 1) {
    const values = pixels.subarray(line * lineLength, (line + 1) * lineLength);
    arrays.pixels.set(values, start + line * pictureWidth * 3);
  }
}

function writeTokens(
  text: MaskedTokens,
  arrays: BatchArrays,
  place: { context: CollateContext; pairRow: number },
): void {
  const { context, pairRow } = place;
  const { textTokens } = context.plan.shape;
  const start = pairRow * textTokens;
  const end = start + textTokens;
  writeTextRow(text.tokenIds, context.tokenizer.specials, {
    tokenIds: arrays.tokenIds.subarray(start, end),
    tokenMask: arrays.tokenMask.subarray(start, end),
  });
  const labels = arrays.mlmLabels.subarray(start, end).fill(NOT_PREDICTED);
  labels.set(text.labels, 1); // behind [CLS]
}

/** A black picture whose pairs count for nothing; their texts are [CLS] [SEP], so that no row of attention is empty. */
function padRow(row: number, arrays: BatchArrays, context: CollateContext): void {
  const { textsPerPicture } = context.plan.shape;
  writePixels({ pixels: new Uint8Array(), height: 0, width: 0 }, arrays, { context, row });
  for (let part = 0; part < textsPerPicture; part += 1) {
    const pairRow = row * textsPerPicture + part;
    arrays.pictureOfPair[pairRow] = row;
    arrays.matched[pairRow] = -1;
    writeTokens({ tokenIds: [], labels: [] }, arrays, { context, pairRow });
  }
}

function summary(samples: readonly Sample[]): BuiltBatch {
  const total = (name: keyof SampleStatistics): number =>
    samples.reduce((sum, { statistics }) => sum + statistics[name], 0);
  return {
    keys: samples.map(({ key }) => key),
    textIds: samples.flatMap(({ texts }) => texts.map(({ textId }) => textId)),
    statistics: {
      numRedraws: total("numRedraws"),
      numRepeats: total("numRepeats"),
      numCutTexts: total("numCutTexts"),
      skipped: [],
    },
  };
}
