import sharp, { type Sharp } from "sharp";

import type { JsonValue } from "../../core/digest.ts";
import { ShardError } from "../../core/errors.ts";
import type { PictureInfo } from "../../core/records.ts";
import type { PictureView, Size } from "./view-geometry.ts";

// Parallelism comes from the workers: one thread a picture, and no cache because no picture comes twice soon.
sharp.concurrency(1);
sharp.cache(false);

const NUM_CHANNELS = 3;
const DEFAULT_SAMPLING: SamplingOptions = { kernel: "bicubic", decoding: "exact" };
const KERNELS = { bicubic: "cubic", bilinear: "linear" } as const;

/** How encoded bytes become pixels, for the recipe of a run: other values, other numbers. */
export const picturePolicy: JsonValue = {
  decoder: "sharp",
  sharp: sharp.versions.sharp ?? null,
  libvips: sharp.versions.vips,
  orientation: "EXIF applied",
  colours: "sRGB, 8 bit, transparency over white",
  fit: "stretched to a square",
  kernel: KERNELS[DEFAULT_SAMPLING.kernel],
};

/** How pixels are computed from pixels. */
export interface SamplingOptions {
  /** Both with antialiasing: each result is a weighted mean of all that it covers. */
  readonly kernel: "bicubic" | "bilinear";
  /**
   * "exact": a JPEG is decoded in full size. "scaled": it is decoded in half, a quarter or an eighth of its size
   * where that still has more pixels than are shown.
   */
  readonly decoding: "exact" | "scaled";
}

export interface ViewOptions {
  /** What is known of the stored picture. */
  readonly picture: Pick<PictureInfo, "width" | "height" | "orientation">;
  readonly view: PictureView;
  /** Of the result. */
  readonly shown: Size;
  /** Bicubic and exact when left out. */
  readonly sampling?: SamplingOptions;
}

/**
 * The upright RGB pixels of the part of a picture that the view shows, [shown.height, shown.width, 3], mirrored
 * when the view says so. ShardError when the bytes are no whole picture.
 */
export async function decodeView(
  bytes: Uint8Array,
  { shown, view, sampling = DEFAULT_SAMPLING }: ViewOptions,
): Promise<Uint8Array> {
  try {
    const { data, info } = await pipeline(bytes, view)
      .resize(shown.width, shown.height, { fit: "fill", kernel: KERNELS[sampling.kernel] })
      .flop(view.mirrored)
      .flatten({ background: "white" }) // as at preparation
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels === NUM_CHANNELS) return data;
    throw new ShardError(`a picture has ${info.channels} channels after decoding, expected 3`);
  } catch (error) {
    if (error instanceof ShardError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ShardError(`a stored picture of ${bytes.length} bytes does not decode: ${reason}`, {
      remedy: "prepare the set again; its pictures were all decoded then",
      cause: error,
    });
  }
}

function pipeline(bytes: Uint8Array, view: PictureView): Sharp {
  // "truncated" is the mildest setting that refuses a cut file; warnings were judged at preparation.
  const upright = sharp(bytes, { failOn: "truncated" }).autoOrient();
  if (view.crop === null) return upright;
  const { x, y, width, height } = view.crop;
  return upright.extract({ left: x, top: y, width, height });
}
