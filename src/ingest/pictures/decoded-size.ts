import { openPicture } from "../decoding/open-picture.ts";
import { type PictureSize, Resampler } from "../../pixels/resampler.ts";
import { sniffFormat } from "./picture-format.ts";

/** Far more than a recipe lets through: stored pictures have been judged before. */
const MAX_PIXELS = 2 ** 30;

/** Decodes all of a stored picture and gives its size in pixels, before any EXIF rotation; rejects when it is damaged. */
export async function decodedSize(bytes: Uint8Array): Promise<PictureSize> {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = sniffFormat(source);
  const picture = await openPicture({ bytes: source, format, maxPixels: MAX_PIXELS });
  const { source: room } = new Resampler().open(picture.size);
  await picture.decode(room);
  return picture.size;
}
