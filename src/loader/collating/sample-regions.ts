// R regions, D features, C classes
import { strict as assert } from "node:assert";

import { ConfigError, ShardError } from "../../core/errors.ts";
import type { Box, PictureInfo, PictureRegions } from "../../core/records.ts";
import type { LoaderOptions, RegionOptions } from "../options.ts";
import { type PictureView, regionsInView, type Size } from "../pictures/view-geometry.ts";
import type { SampleSource } from "../sample-source.ts";

/** The regions of a picture that a batch takes: their boxes as they are shown, and their rows among all of the picture's. */
export interface SampleRegions {
  readonly found: PictureRegions;
  readonly shown: readonly { readonly row: number; readonly box: Box }[];
  /** Of each shown one, whether it is masked; empty where none is. */
  readonly masked: readonly boolean[];
}

// A crop that shows half of what a region is of: as for texts' boxes.
const MIN_VISIBLE_SHARE = 0.5;

/** The regions that a view shows, the first ones up to `maxRegions`; none is masked yet. */
export function sampleRegions(
  found: PictureRegions,
  picture: PictureInfo,
  options: { readonly view: PictureView; readonly shown: Size; readonly regions: RegionOptions },
): SampleRegions {
  const { regions, shown, view } = options;
  const { maxRegions, minVisibleShare = MIN_VISIBLE_SHARE } = regions;
  const inView = regionsInView(found.boxes, picture, { view, shown, minVisibleShare });
  return { found, shown: inView.slice(0, maxRegions), masked: [] };
}

/** ConfigError when a picture has no regions, or others than the options say. */
export function requiredRegions(
  found: PictureRegions | null,
  picture: Pick<PictureInfo, "key">,
  { numClasses = 0, numFeatures }: RegionOptions,
): PictureRegions {
  const record = picture.key;
  if (found === null) {
    throw new ConfigError(`${record} has no region features, regions asks for them`, {
      record,
      remedy: "prepare the set with regions.required, which leaves out pictures without features",
    });
  }
  if (found.numFeatures !== numFeatures) {
    throw new ConfigError(
      `the regions of ${record} have ${found.numFeatures} features, regions.numFeatures is ${numFeatures}`,
      { record, remedy: `set regions.numFeatures to ${found.numFeatures}` },
    );
  }
  if (numClasses === 0 || found.numClasses === numClasses) return found;
  const remedy =
    found.numClasses === 0
      ? "prepare the set with regions.numClasses, or leave regions.numClasses out"
      : `set regions.numClasses to ${found.numClasses}`;
  throw new ConfigError(
    `the regions of ${record} have ${found.numClasses} classes, regions.numClasses is ${numClasses}`,
    { record, remedy },
  );
}

/**
 * ConfigError when the first picture of a set has not the regions that the options ask for, so that a run on sets
 * without regions ends when it starts.
 */
export async function checkFirstRegions(
  source: Pick<SampleSource, "setSizes" | "head" | "regions">,
  { onDamage, regions = "none" }: Pick<LoaderOptions, "onDamage" | "regions">,
): Promise<void> {
  if (regions === "none") return;
  const firsts = source.setSizes.map((_, set) =>
    source.setSizes.slice(0, set).reduce((sum, numScenes) => sum + numScenes, 0),
  );
  for (const first of firsts) {
    try {
      const [picture] = (await source.head(first)).pictures;
      if (picture !== undefined) requiredRegions(await source.regions(first, 0), picture, regions);
    } catch (error) {
      if (onDamage === "stop" || !(error instanceof ShardError)) throw error;
    }
  }
}

/** The rows of a batch's arrays that are one picture's. */
interface RegionRows {
  /** [R, 4] */
  readonly boxes: Float32Array;
  /** [R, D] */
  readonly features: Float32Array;
  /** [R, C] */
  readonly classProbabilities: Float32Array;
  /** [R] */
  readonly masked: Int32Array;
}

/** Writes all of a picture's rows; those behind its regions become 0. */
export function writeRegions({ found, masked, shown }: SampleRegions, into: RegionRows): void {
  const rows = shown.map(({ row }) => row);
  into.boxes.fill(0);
  into.boxes.set(shown.flatMap(({ box: { height, width, x, y } }) => [x, y, width, height]));
  into.masked.fill(0);
  if (into.masked.length > 0) into.masked.set(masked.map(Number));
  writeRows(found.features, into.features, { rows, width: found.numFeatures });
  if (into.classProbabilities.length === 0) return;
  writeRows(found.classProbabilities, into.classProbabilities, { rows, width: found.numClasses });
}

function writeRows(
  halves: Uint8Array,
  into: Float32Array,
  { rows, width }: { rows: readonly number[]; width: number },
): void {
  const values = halvesOf(halves);
  for (const [position, row] of rows.entries()) {
    const target = into.subarray(position * width, (position + 1) * width);
    target.set(values.subarray(row * width, (row + 1) * width));
  }
  into.fill(0, rows.length * width);
}

/** Little-endian 16-bit floats, as on every machine that Node runs on. */
function halvesOf(bytes: Uint8Array): Float16Array {
  assert(bytes.length % 2 === 0, `${bytes.length} bytes of 16-bit floats`);
  const { buffer, byteOffset } = bytes.byteOffset % 2 === 0 ? bytes : new Uint8Array(bytes);
  return new Float16Array(buffer, byteOffset, bytes.length / 2);
}
