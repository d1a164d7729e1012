import sharp, { type Sharp } from "sharp";

import type { JsonValue } from "../../core/digest.ts";
import { ShardError } from "../../core/errors.ts";
import { type PictureView, wholePicture } from "./view-geometry.ts";

// Parallelism comes from the workers: one thread a picture, and no cache because no picture comes twice soon.
sharp.concurrency(1);
sharp.cache(false);

const NUM_CHANNELS = 3;
const KERNEL = "cubic";

/** How encoded bytes become pixels, for the recipe of a run: other values, other numbers. */
export const picturePolicy: JsonValue = {
  decoder: "sharp",
  sharp: sharp.versions.sharp ?? null,
  libvips: sharp.versions.vips,
  orientation: "EXIF applied",
  colours: "sRGB, 8 bit, transparency over white",
  fit: "stretched to a square",
  kernel: KERNEL,
};

/**
 * The upright RGB pixels of a whole picture, [size, size, 3], stretched to the square that the models take.
 * Runs in libuv's thread pool. ShardError when the bytes are no whole picture.
 */
export function decodePicture(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  return decodeView(bytes, { size, view: wholePicture });
}

/** The same of a part of a picture, mirrored when the view says so. */
export async function decodeView(
  bytes: Uint8Array,
  options: { size: number; view: PictureView },
): Promise<Uint8Array> {
  const { size, view } = options;
  try {
    const { data, info } = await pipeline(bytes, view)
      .resize(size, size, { fit: "fill", kernel: KERNEL })
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
