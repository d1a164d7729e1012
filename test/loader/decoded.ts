import sharp from "sharp";
import { decodeView } from "../../src/loader/pictures/picture.ts";
import { type PictureView, wholePicture } from "../../src/loader/pictures/view-geometry.ts";

/** A part of an encoded picture, in a square; what a shard would say of the picture is read from its header. */
export async function shownPixels(
  bytes: Uint8Array,
  { size, view }: { size: number; view: PictureView },
): Promise<Uint8Array> {
  const { width, height, orientation = 1 } = await headerOf(bytes);
  const picture = { width, height, orientation };
  return decodeView(bytes, { picture, view, shown: { width: size, height: size } });
}

/** All of an encoded picture, in a square. */
export function wholePixels(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  return shownPixels(bytes, { size, view: wholePicture });
}

/** What a header that makes no sense says is not looked at. */
async function headerOf(
  bytes: Uint8Array,
): Promise<{ width: number; height: number; orientation?: number | undefined }> {
  try {
    return await sharp(bytes).metadata();
  } catch {
    return { width: 1, height: 1 };
  }
}
