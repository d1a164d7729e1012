import { z } from "zod";
import { jsonObject } from "../../core/attestation/dsse.ts";
import { canonicalJson, type JsonValue, sha256 } from "../../core/digest.ts";
import { SourceError } from "../../core/errors.ts";
import { type CalibrationCounts, CONFIDENCE, figuresOf } from "./calibration.ts";

/** How a calibration file begins. */
export const CALIBRATION_FORMAT = "crossweave-calibration";
const VERSION = 1;

/** A calibration and the SHA-256 that names it. */
export interface Calibration extends CalibrationCounts {
  readonly digest: string;
}

/** A calibration as a document: the counts, the figures that follow from them, and the digest of all else in it. */
export function calibrationJson(counts: CalibrationCounts): { readonly [name: string]: JsonValue } {
  const document = documentOf(counts);
  return { ...document, digest: sha256(canonicalJson(document)) };
}

/** The text of a calibration file: canonical JSON, so that equal measurements give equal bytes. */
export function calibrationText(counts: CalibrationCounts): string {
  return `${canonicalJson(calibrationJson(counts))}\n`;
}

function documentOf(counts: CalibrationCounts): { readonly [name: string]: JsonValue } {
  return {
    format: CALIBRATION_FORMAT,
    version: VERSION,
    confidence: CONFIDENCE,
    counts: {
      ...counts,
      settings: { ...counts.settings },
      pictures: { ...counts.pictures },
      transforms: counts.transforms.map((transform) => ({ ...transform })),
      different: { ...counts.different },
      distances: { ...counts.distances },
      byDistance: counts.byDistance.map((figures) => ({ ...figures })),
      toLookAt: counts.toLookAt.map((pair) => ({ ...pair })),
    },
    figures: figuresJson(counts),
  };
}

function figuresJson(counts: CalibrationCounts): JsonValue {
  const { transforms, ...figures } = figuresOf(counts);
  const shares = Object.entries(figures).map(([name, share]) => [name, { ...share }] as const);
  return { ...Object.fromEntries(shares), transforms: transforms.map((share) => ({ ...share })) };
}

const count = z.int().nonnegative();
const different = { pairs: count, candidates: count, verified: count };
const countsSchema: z.ZodType<CalibrationCounts> = z.strictObject({
  seed: count,
  suiteVersion: count,
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  pictures: z.strictObject({
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    offered: count,
    drawn: count,
    notComparable: count,
    unreadable: count,
    repeated: count,
  }),
  transforms: z.array(
    z.strictObject({ name: z.string(), tried: count, found: count, verified: count }),
  ),
  different: z.strictObject(different),
  distances: z.strictObject({
    pictures: count,
    pairs: count,
    histogram: z.array(z.tuple([count, count])),
  }),
  byDistance: z.array(
    z.strictObject({ distance: count, found: count, copiesVerified: count, ...different }),
  ),
  numToLookAt: count,
  toLookAt: z.array(
    z.strictObject({
      one: z.string(),
      other: z.string(),
      distanceBits: count,
      correlation: z.number(),
      agreement: z.number(),
    }),
  ),
});

/**
 * Reads a calibration. Throws SourceError when `text`, the content of `file`, is none, or when its figures or its digest
 * are not those of its counts.
 */
export function parseCalibration(text: string, file: string): Calibration {
  const document = jsonObject(text);
  if (document?.["format"] !== CALIBRATION_FORMAT || document["version"] !== VERSION) {
    throw notCalibration(file, `expected format "${CALIBRATION_FORMAT}", version ${VERSION}`);
  }
  const counts = countsSchema.safeParse(document["counts"]);
  if (!counts.success) {
    const [issue] = counts.error.issues;
    throw notCalibration(file, `/counts/${issue?.path.join("/")}: ${issue?.message}`);
  }
  if (text !== calibrationText(counts.data)) {
    throw notCalibration(file, "it is not as it was written; the file was changed");
  }
  return { ...counts.data, digest: sha256(canonicalJson(documentOf(counts.data))) };
}

function notCalibration(file: string, found: string): SourceError {
  return new SourceError(`${file}: no calibration that can be used: ${found}`, {
    file,
    remedy: "make one with crossweave calibrate <folder of pictures>",
  });
}
