import { openPicture } from "../decoding/open-picture.ts";
import { type PictureSize, Resampler } from "../../pixels/resampler.ts";
import { requireTrueSeekTable } from "../../pixels/seeking/add-seek-table.ts";
import { sniffFormat } from "./picture-format.ts";

/** Far more than a recipe lets through: stored pictures have been judged before. */
const MAX_PIXELS = 2 ** 30;

// Memory that is there takes a fourth off the time; each picture that is being decoded has its own.
const idle: Resampler[] = [];

/**
 * Decodes all of a stored picture and gives its size in pixels, before any EXIF rotation; rejects when it, or its seek
 * table, is damaged.
 */
export async function decodedSize(bytes: Uint8Array): Promise<PictureSize> {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = sniffFormat(source);
  const picture = await openPicture({ bytes: source, format, maxPixels: MAX_PIXELS });
  const resampler = idle.pop() ?? new Resampler();
  try {
    await picture.decode(resampler.open(picture.size).source);
  } finally {
    idle.push(resampler);
  }
  if (format === "jpeg") requireTrueSeekTable(source);
  return picture.size;
}
