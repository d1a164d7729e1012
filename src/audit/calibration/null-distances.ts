import type { PictureRecords } from "../near/picture-records.ts";
import { hashDistance } from "../perceptual/hash.ts";
import type { DistanceCounts } from "./calibration.ts";

/** The hashes of one picture as both sides of an audit see it; views with too little in them are left out. */
export interface PictureViews {
  /** The whole first. */
  readonly asEvaluated: readonly Uint8Array[];
  readonly asTrained: readonly Uint8Array[];
}

/** The comparable hashes of a record, the whole picture's first; none where the whole says too little. */
export function comparableHashes(records: PictureRecords, row: number): readonly Uint8Array[] {
  return Array.from({ length: records.numViews }, (_, view) => view)
    .filter((view) => records.isViewComparable(row, view))
    .map((view) => records.hash(row, view).slice());
}

/**
 * How far apart the pictures of all pairs are: by the nearest of the views that an audit compares, whichever of the two
 * is trained on. `isPair` says of which pairs the pictures are different ones.
 */
export function distancesBetween(
  pictures: readonly PictureViews[],
  isPair: (one: number, other: number) => boolean,
): DistanceCounts {
  const counts = new Map<number, number>();
  let numPairs = 0;
  for (const [at, one] of pictures.entries()) {
    for (const [before, other] of pictures.slice(0, at).entries()) {
      if (!isPair(before, at)) continue;
      const bits = Math.min(nearest(one, other), nearest(other, one));
      counts.set(bits, (counts.get(bits) ?? 0) + 1);
      numPairs += 1;
    }
  }
  const histogram = [...counts].toSorted(([one], [other]) => one - other);
  return { pictures: pictures.length, pairs: numPairs, histogram };
}

function nearest(evaluated: PictureViews, trained: PictureViews): number {
  const [wholeEvaluated] = evaluated.asEvaluated;
  const [wholeTrained] = trained.asTrained;
  if (wholeEvaluated === undefined || wholeTrained === undefined) return MAX_BITS;
  let bits = MAX_BITS;
  for (const hash of evaluated.asEvaluated) bits = Math.min(bits, hashDistance(hash, wholeTrained));
  for (const hash of trained.asTrained) bits = Math.min(bits, hashDistance(wholeEvaluated, hash));
  return bits;
}

const MAX_BITS = 256;
