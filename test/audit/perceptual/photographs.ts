import { readFile } from "node:fs/promises";
import sharp from "sharp";
import type { RgbPicture } from "../../../src/audit/perceptual/pdq.ts";
import { jpegCodec } from "../../../src/pixels/jpeg-codec.ts";
import { realData, realPhotographs } from "../../real-data.ts";

/** The stored pixels of a JPEG, without its colour profile, as Pillow decodes it. */
export async function decodedJpeg(path: string): Promise<RgbPicture> {
  const bytes = await readFile(path);
  const { width, height } = await sharp(bytes).metadata();
  const picture = { width, height, data: new Uint8Array(width * height * 3) };
  const codec = await jpegCodec();
  await codec.decode(bytes, picture);
  return picture;
}

/** The first photographs of the real data. */
export async function photographs(number: number): Promise<readonly RgbPicture[]> {
  const names = (await realPhotographs()).slice(0, number);
  return Promise.all(names.map((name) => decodedJpeg(realData("images/coco", name))));
}
