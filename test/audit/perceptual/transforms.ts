import sharp from "sharp";
import type { RgbPicture } from "../../../src/audit/perceptual/pdq.ts";
import {
  type Transform,
  transformedFile as fileOf,
} from "../../../src/pixels/planting/transforms.ts";
import { randomWords } from "../hamming/made-up-hashes.ts";

export { type Transform, transforms } from "../../../src/pixels/planting/transforms.ts";

/** The copy of a picture, as a file. Picture, transform and seed alone decide what is drawn at random. */
export function transformedFile(
  picture: RgbPicture,
  transform: Transform,
  seed: number,
): Promise<Uint8Array> {
  const next = randomWords(seed);
  return fileOf(picture, transform, () => next() / 2 ** 32);
}

/** The copy of a picture, decoded again. */
export async function transformed(
  picture: RgbPicture,
  transform: Transform,
  seed: number,
): Promise<RgbPicture> {
  return decodedFile(await transformedFile(picture, transform, seed));
}

/** A picture file's upright pixels in sRGB. */
export async function decodedFile(file: Uint8Array | string): Promise<RgbPicture> {
  const { data, info } = await sharp(file)
    .autoOrient()
    .toColourspace("srgb")
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return { width, height, data: channels === 3 ? data : threeChannels(data, channels) };
}

function threeChannels(data: Uint8Array, channels: number): Uint8Array {
  return Uint8Array.from(
    { length: (data.length / channels) * 3 },
    (_, at) => data[Math.floor(at / 3) * channels] ?? 0,
  );
}
