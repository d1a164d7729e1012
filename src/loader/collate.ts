import { strict as assert } from "node:assert";

import pLimit from "p-limit";

import { ShardError } from "../core/errors.ts";
import type { ImageKey } from "../core/keys.ts";
import { largestPicture, rankRows, rankShape, viewBatch } from "./batch-shape.ts";
import type { BatchComposer } from "./batching/batch-composer.ts";
import type { BatchJob } from "./batching/epoch-cursor.ts";
import type { SampleKey } from "./draws.ts";
import type {
  BatchArrays,
  BatchShape,
  BatchStatistics,
  SampleStatistics,
  SkippedSample,
} from "./options.ts";
import { buildSample, type Sample, type SampleContext } from "./sample.ts";
import { type MaskedTokens, NOT_PREDICTED } from "./text/masking.ts";
import { writeTextRow } from "./text/text-rows.ts";
import { type BuildTimings, summedTimings } from "./timings.ts";

/** A batch's shape, and what of it is not in its arrays. */
export interface BuiltBatch {
  readonly shape: BatchShape;
  readonly keys: readonly ImageKey[];
  readonly textIds: readonly string[];
  readonly statistics: BatchStatistics;
  readonly timings: BuildTimings;
}

export interface CollateContext extends SampleContext {
  readonly composer: BatchComposer;
}

interface RowContext extends CollateContext {
  readonly shape: BatchShape;
}

// One picture decodes while the next one's texts are read; more would take cores from the training step.
const SAMPLES_AT_ONCE = 2;

/**
 * Fills `memory` with a rank's share of a batch: a pure function of the shard sets, the options and the job.
 * The first fault in the batch's order is thrown, and only when nothing writes to the memory any more.
 */
export async function collateBatch(
  job: BatchJob,
  memory: SharedArrayBuffer,
  { context, signal }: { context: CollateContext; signal: AbortSignal },
): Promise<BuiltBatch> {
  const { composer, options } = context;
  const { samples, textTokens } = composer.compose(job.epoch, job.batchIndex, job.place);
  const picture = largestPicture(options.pictures);
  const shape = rankShape({ numSamples: samples.length, textTokens, picture }, options);
  const arrays = viewBatch(memory, shape);
  const rowContext = { ...context, shape };
  const { end, start } = rankRows(samples.length, options);
  const limit = pLimit(SAMPLES_AT_ONCE);
  const settled = await Promise.allSettled(
    Array.from({ length: end - start }, (_, row) =>
      limit(async () => {
        signal.throwIfAborted();
        const built = await buildOrReplace(start + row, samples, context);
        writeSample(built.sample, arrays, { context: rowContext, row });
        return built;
      }),
    ),
  );
  const built = settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
  for (let row = built.length; row < shape.numPictures; row += 1) padRow(row, arrays, rowContext);
  return summary(shape, built);
}

interface BuiltRow {
  readonly sample: Sample;
  readonly skipped: readonly SkippedSample[];
}

/**
 * Where damaged samples are skipped, the next sample of the global batch that is whole stands in a damaged one's
 * place: it is as long, its picture lies the same way, and every rank agrees on it without a word.
 */
async function buildOrReplace(
  row: number,
  samples: readonly SampleKey[],
  context: CollateContext,
): Promise<BuiltRow> {
  let damage: { readonly sampleIndex: number; readonly error: ShardError } | undefined;
  for (let step = 0; step < samples.length; step += 1) {
    const key = samples[(row + step) % samples.length];
    assert(key !== undefined, `row ${row} of ${samples.length}`);
    const { sampleIndex } = key;
    try {
      const sample = await buildSample({ ...key, ...placeOf(samples[row]) }, context);
      return { sample, skipped: damage === undefined ? [] : [skippedSample(damage, sampleIndex)] };
    } catch (error) {
      if (context.options.onDamage === "stop" || !(error instanceof ShardError)) throw error;
      damage ??= { sampleIndex, error };
    }
  }
  throw damage?.error ?? new RangeError("a batch without samples");
}

function placeOf(key: SampleKey | undefined): Pick<SampleKey, "place"> {
  return key?.place === undefined ? {} : { place: key.place };
}

function skippedSample(
  damage: { readonly sampleIndex: number; readonly error: ShardError },
  replacedBy: number,
): SkippedSample {
  const { file, message, record } = damage.error;
  return { sampleIndex: damage.sampleIndex, replacedBy, fault: message, file, record };
}

function writeSample(
  sample: Sample,
  arrays: BatchArrays,
  place: { context: RowContext; row: number },
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
  place: { context: RowContext; row: number },
): void {
  const { pictureHeight, pictureWidth } = place.context.shape;
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
  place: { context: RowContext; pairRow: number },
): void {
  const { context, pairRow } = place;
  const { textTokens } = context.shape;
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
function padRow(row: number, arrays: BatchArrays, context: RowContext): void {
  const { textsPerPicture } = context.shape;
  writePixels({ pixels: new Uint8Array(), height: 0, width: 0 }, arrays, { context, row });
  for (let part = 0; part < textsPerPicture; part += 1) {
    const pairRow = row * textsPerPicture + part;
    arrays.pictureOfPair[pairRow] = row;
    arrays.matched[pairRow] = -1;
    writeTokens({ tokenIds: [], labels: [] }, arrays, { context, pairRow });
  }
}

function summary(shape: BatchShape, built: readonly BuiltRow[]): BuiltBatch {
  const samples = built.map(({ sample }) => sample);
  const total = (name: keyof SampleStatistics): number =>
    samples.reduce((sum, { statistics }) => sum + statistics[name], 0);
  return {
    shape,
    keys: samples.map(({ key }) => key),
    textIds: samples.flatMap(({ texts }) => texts.map(({ textId }) => textId)),
    statistics: {
      numRedraws: total("numRedraws"),
      numRepeats: total("numRepeats"),
      numCutTexts: total("numCutTexts"),
      numDroppedTexts: total("numDroppedTexts"),
      skipped: built.flatMap(({ skipped }) => skipped),
    },
    timings: summedTimings(samples.map(({ timings }) => timings)),
  };
}
