import type { BatchShape, BatchStatistics, SampleStatistics, SkippedSample } from "../options.ts";
import { type BuildTimings, summedTimings } from "../timings.ts";
import type { ImageKey } from "../../core/keys.ts";

/** A batch's shape, and what of it is not in its arrays; or the same of some neighbouring rows of a batch. */
export interface BuiltBatch {
  readonly shape: BatchShape;
  readonly keys: readonly ImageKey[];
  readonly textIds: readonly string[];
  readonly statistics: BatchStatistics;
  readonly timings: BuildTimings;
}

/** A part of a batch's rows: part `index` of `numParts` that are about equal. */
export interface BatchPart {
  readonly index: number;
  readonly numParts: number;
}

export const wholeBatch: BatchPart = { index: 0, numParts: 1 };

/** Those of so many rows that are in a part. */
export function rowsOfPart(
  numRows: number,
  { index, numParts }: BatchPart,
): { readonly first: number; readonly end: number } {
  return {
    first: Math.floor((index * numRows) / numParts),
    end: Math.floor(((index + 1) * numRows) / numParts),
  };
}

/** What a batch's parts, in order, are together. */
export function joinedParts(shape: BatchShape, parts: readonly BuiltBatch[]): BuiltBatch {
  return {
    shape,
    keys: parts.flatMap(({ keys }) => keys),
    textIds: parts.flatMap(({ textIds }) => textIds),
    statistics: summedStatistics(
      parts.map(({ statistics }) => statistics),
      parts.flatMap(({ statistics }) => statistics.skipped),
    ),
    timings: summedTimings(parts.map(({ timings }) => timings)),
  };
}

export function summedStatistics(
  statistics: readonly SampleStatistics[],
  skipped: readonly SkippedSample[],
): BatchStatistics {
  const total = (name: keyof SampleStatistics): number =>
    statistics.reduce((sum, one) => sum + one[name], 0);
  return {
    numRedraws: total("numRedraws"),
    numRepeats: total("numRepeats"),
    numCutTexts: total("numCutTexts"),
    numDroppedTexts: total("numDroppedTexts"),
    skipped,
  };
}
