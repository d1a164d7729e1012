import { z } from "zod";
import { type ImageSource, imageSources } from "../../core/keys.ts";

/**
 * Which of a detector's regions are kept: the most confident ones. UNITER's released configuration has
 * conf_th 0.2, min_bb 10 and max_bb 100.
 */
export interface RegionSelection {
  /** Regions that are more confident are kept, up to `maxRegions`, … */
  readonly minConfidence: number;
  /** … and at least this many, if there are as many. */
  readonly minRegions: number;
  readonly maxRegions: number;
}

interface CommonRegionPolicy {
  /** Whether a picture without features is left out with its texts; a damaged entry always is. */
  readonly required: boolean;
  /** D: 2048 of bottom-up attention. An entry with another number is faulty. */
  readonly numFeatures: number;
  /** C: 1601 of bottom-up attention, the background included; 0 to keep no class probabilities. */
  readonly numClasses: number;
  readonly selection: RegionSelection;
}

/** Bottom-up attention's own files: one line for each picture, arrays in base64. */
export interface TsvRegionPolicy extends CommonRegionPolicy {
  readonly from: "tsv";
  readonly files: readonly TsvRegionFile[];
}

export interface TsvRegionFile {
  /** Below the source folder, unpacked. */
  readonly path: string;
  /** Whose pictures its image ids name. */
  readonly pictures: ImageSource;
}

/** UNITER's files: one npz for each picture, whose name says which. */
export interface NpzRegionPolicy extends CommonRegionPolicy {
  readonly from: "npz";
  /** Below the source folder. */
  readonly folders: readonly string[];
}

/** Where the region features of a set come from and which are kept; a part of the recipe. */
export type RegionPolicy = TsvRegionPolicy | NpzRegionPolicy;

// Lines are indexed with one byte for the number of their file.
const MAX_FILES = 256;

const path = z
  .string()
  .min(1)
  .refine(isBelow, "must be a path below the source folder, with forward slashes");
const common = {
  required: z.boolean(),
  numFeatures: z.int().positive(),
  numClasses: z.int().nonnegative(),
  selection: z
    .strictObject({
      minConfidence: z.number().min(0).max(1),
      minRegions: z.int().positive(),
      maxRegions: z.int().positive(),
    })
    .refine(
      ({ minRegions, maxRegions }) => minRegions <= maxRegions,
      "minRegions is more than maxRegions",
    ),
};

/** The field `regions` of a preparation recipe. */
export const regionPolicySchema: z.ZodType<RegionPolicy> = z.discriminatedUnion("from", [
  z.strictObject({
    from: z.literal("tsv"),
    files: z
      .array(z.strictObject({ path, pictures: z.enum(imageSources) }))
      .min(1)
      .max(MAX_FILES),
    ...common,
  }),
  z.strictObject({ from: z.literal("npz"), folders: z.array(path).min(1), ...common }),
]);

function isBelow(text: string): boolean {
  const parts = text.split("/");
  return !text.includes("\\") && parts.every((part) => !["", ".", ".."].includes(part));
}
