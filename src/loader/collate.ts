import { strict as assert } from "node:assert";

import pLimit from "p-limit";

import { ShardError } from "../core/errors.ts";
import { rankRows, rankShape, samplesOf, viewBatch } from "./batch-shape.ts";
import type { BatchComposer } from "./batching/batch-composer.ts";
import type { BatchJob } from "./batching/epoch-cursor.ts";
import { type BatchPlan, planBatch } from "./collating/batch-plan.ts";
import {
  type BatchPart,
  type BuiltBatch,
  rowsOfPart,
  summedStatistics,
  wholeBatch,
} from "./collating/joined-parts.ts";
import type { PicturePlan, SampleContext } from "./collating/sample-plan.ts";
import { pixelRows, writePadding, writeSample } from "./collating/write-sample.ts";
import type { SampleKey } from "./draws.ts";
import type { BatchShape, SkippedSample } from "./options.ts";
import { optionsOfTask, taskOf } from "./tasks.ts";
import { buildSample, describeSample, type DescribedSample, type Sample } from "./sample.ts";
import { type BuildTimings, BuildTimer, summedTimings } from "./timings.ts";

export interface CollateContext extends SampleContext {
  readonly composer: BatchComposer;
}

// What is not in memory is read; more heads at once would not come sooner.
const HEADS_AT_ONCE = 8;
// One picture decodes while the next one is read; more would take cores from the training step.
const PICTURES_AT_ONCE = 2;

/**
 * Fills `memory` with a rank's share of a batch, or with a part of it: a pure function of the shard sets, the options and the job.
 * The first fault in the batch's order is thrown, and only when nothing writes to the memory any more.
 */
export async function collateBatch(
  job: BatchJob & { readonly part?: BatchPart },
  memory: SharedArrayBuffer,
  { context: ofStream, signal }: { context: CollateContext; signal: AbortSignal },
): Promise<BuiltBatch> {
  const { composer } = ofStream;
  const options = optionsOfTask(ofStream.options, taskOf(ofStream.options, job));
  const context = { ...ofStream, options };
  const { part = wholeBatch } = job;
  const composed = composer.compose(job.epoch, job.batchIndex, job.place);
  const { regionsPerPicture, room, samples, textTokens } = composed;
  const timer = new BuildTimer();
  const plan = await timer.measure("readMs", () => planBatch(samples, context));
  const { picture } = plan;
  const numSamples = room ?? samples.length;
  const shape = rankShape({ numSamples, regionsPerPicture, textTokens, picture }, options);
  const { specials } = context.tokenizer;
  const target = { arrays: viewBatch(memory, shape), shape, specials };
  const { end, start } = rankRows(samples.length, options);
  const rows = rowsOfPart(end - start, part);
  // First all texts, then all pictures: code and tables of neither push those of the other out of the core's caches.
  const keys = { first: start + rows.first, end: start + rows.end };
  const described = await describeSamples({ samples, plan, keys, signal }, context);
  const limit = pLimit(PICTURES_AT_ONCE);
  const settled = await Promise.allSettled(
    described.map((sample, index) =>
      limit(async () => {
        signal.throwIfAborted();
        const row = rows.first + index;
        const planned = { samples, plan, described: sample, rows: pixelRows(row, target) };
        const built = await buildOrReplace(start + row, planned, context);
        writeSample(built.sample, row, target);
        return built;
      }),
    ),
  );
  const built = settled.map(settledValue);
  // Behind the last part's rows.
  const numWritten = part.index === part.numParts - 1 ? samplesOf(shape) : rows.end;
  for (let row = rows.end; row < numWritten; row += 1) writePadding(row, target);
  return summary(shape, built, timer.timings);
}

interface PlannedBatch {
  readonly samples: readonly SampleKey[];
  readonly plan: BatchPlan;
}

/** Some of a batch's samples without their pictures, or why there is none. */
async function describeSamples(
  {
    keys: { end, first },
    plan,
    samples,
    signal,
  }: PlannedBatch & {
    readonly keys: { readonly first: number; readonly end: number };
    readonly signal: AbortSignal;
  },
  context: CollateContext,
): Promise<readonly PromiseSettledResult<DescribedSample>[]> {
  const limit = pLimit(HEADS_AT_ONCE);
  return Promise.allSettled(
    samples.slice(first, end).map((key, index) =>
      limit(() => {
        signal.throwIfAborted();
        return describeSample(key, context, plannedSample(plan, first + index));
      }),
    ),
  );
}

interface PlannedRow extends PlannedBatch {
  readonly described: PromiseSettledResult<DescribedSample>;
  /** Where the pixels of the sample's pictures will stand. */
  readonly rows: ReturnType<typeof pixelRows>;
}

interface BuiltRow {
  readonly sample: Sample;
  readonly skipped: readonly SkippedSample[];
}

/**
 * Where damaged samples are skipped, the next sample of the global batch that is whole stands in a damaged one's
 * place: it is as long, its picture lies the same way and is no larger than the batch's pictures, and every rank agrees on
 * it without a word.
 */
async function buildOrReplace(
  index: number,
  { described, plan, rows, samples }: PlannedRow,
  context: CollateContext,
): Promise<BuiltRow> {
  let damage: { readonly sampleIndex: number; readonly error: ShardError } | undefined;
  for (let step = 0; step < samples.length; step += 1) {
    const place = (index + step) % samples.length;
    const key = samples[place];
    assert(key !== undefined, `row ${index} of ${samples.length}`);
    const { sampleIndex } = key;
    try {
      const ofPlace =
        step === 0
          ? settledValue(described)
          : await describeSample(
              { ...key, ...placeOf(samples[index]) },
              context,
              plannedSample(plan, place),
            );
      const sample = await buildSample(ofPlace, context, rows);
      return { sample, skipped: damage === undefined ? [] : [skippedSample(damage, sampleIndex)] };
    } catch (error) {
      if (context.options.onDamage === "stop" || !(error instanceof ShardError)) throw error;
      damage ??= { sampleIndex, error };
    }
  }
  throw damage?.error ?? new RangeError("a batch without samples");
}

/** Undefined where the batch was not planned; throws what was wrong with the sample. */
function plannedSample({ samples }: BatchPlan, place: number): PicturePlan | undefined {
  const planned = samples?.[place];
  return planned && settledValue(planned);
}

function settledValue<Value>(result: PromiseSettledResult<Value>): Value {
  if (result.status === "rejected") throw result.reason;
  return result.value;
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

function summary(
  shape: BatchShape,
  built: readonly BuiltRow[],
  planning: BuildTimings,
): BuiltBatch {
  const samples = built.map(({ sample }) => sample);
  return {
    shape,
    keys: samples.flatMap(({ pictures }) => pictures.map(({ key }) => key)),
    textIds: samples.flatMap(({ texts }) => texts.map(({ textId }) => textId)),
    statistics: summedStatistics(
      samples.map(({ statistics }) => statistics),
      built.flatMap(({ skipped }) => skipped),
    ),
    timings: summedTimings([planning, ...samples.map(({ timings }) => timings)]),
  };
}
