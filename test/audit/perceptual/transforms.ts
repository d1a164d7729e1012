import sharp, { type Sharp } from "sharp";
import type { RgbPicture } from "../../../src/audit/perceptual/pdq.ts";
import { randomWords } from "../hamming/made-up-hashes.ts";

/** One way in which copies of pictures differ; `apply` may draw from `random`, numbers from 0 to 1. */
export interface Transform {
  readonly name: string;
  readonly apply: (picture: RgbPicture, random: () => number) => Sharp | Promise<Sharp>;
  /** The quality of the JPEG it is written as. */
  readonly quality: number;
}

const USUAL_QUALITY = 90;

/** The 27 transforms of the robustness suite, in the order in which they are reported. */
export const transforms: readonly Transform[] = [
  ...[95, 75, 50, 30].map((quality) => ({ name: `JPEG ${quality}`, apply: pixels, quality })),
  ...[0.25, 0.5, 2].map((scale) =>
    usual(`resize ${scale}`, (picture) =>
      pixels(picture).resize(scaled(picture.width, scale), scaled(picture.height, scale), {
        fit: "fill",
      }),
    ),
  ),
  usual("resize 256²", (picture) => pixels(picture).resize(256, 256, { fit: "fill" })),
  usual("grey", (picture) => pixels(picture).greyscale()),
  usual("blur σ 2", (picture) => pixels(picture).blur(2)),
  usual("brightness +30 %", (picture) => pixels(picture).linear(1.3, 0)),
  usual("brightness −30 %", (picture) => pixels(picture).linear(0.7, 0)),
  usual("contrast +40 %", (picture) => pixels(picture).linear(1.4, -0.4 * 128)),
  usual("watermark text", watermarked),
  ...[0.05, 0.1, 0.2].map((share) =>
    usual(`centred crop ${percents(share)} %`, (picture) =>
      cropped(picture, { across: share, down: share, left: 0.5, top: 0.5 }),
    ),
  ),
  ...[0.05, 0.1].map((share) =>
    usual(`corner crop ${percents(share)} %`, (picture) =>
      cropped(picture, { across: share, down: share, left: 0, top: 0 }),
    ),
  ),
  ...[
    [0.02, 0.05],
    [0.05, 0.1],
    [0.1, 0.2],
  ].map(([least = 0, most = 0]) =>
    usual(`random crop ${percents(least)}–${percents(most)} %`, (picture, random) =>
      cropped(picture, {
        across: least + (most - least) * random(),
        down: least + (most - least) * random(),
        left: random(),
        top: random(),
      }),
    ),
  ),
  usual("mirrored", (picture) => pixels(picture).flop()),
  usual("rotation 90°", (picture) => pixels(picture).rotate(90)),
  usual("rotation 180°", (picture) => pixels(picture).rotate(180)),
  usual("rotation 5°", rotatedInPlace),
  usual("banner 10 % below", (picture) =>
    pixels(picture).extend({ bottom: scaled(picture.height, 0.1), background: "white" }),
  ),
];

/** The copy of a picture, as a file. Picture, transform and seed alone decide what is drawn at random. */
export async function transformedFile(
  picture: RgbPicture,
  transform: Transform,
  seed: number,
): Promise<Uint8Array> {
  const next = randomWords(seed);
  const copy = await transform.apply(picture, () => next() / 2 ** 32);
  return copy.jpeg({ quality: transform.quality }).toBuffer();
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

function usual(name: string, apply: Transform["apply"]): Transform {
  return { name, apply, quality: USUAL_QUALITY };
}

function pixels({ data, width, height }: RgbPicture): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** Cuts shares of the sides off; `left` and `top` say how much of that on those sides. */
function cropped(
  picture: RgbPicture,
  cut: { across: number; down: number; left: number; top: number },
): Sharp {
  const width = picture.width - scaled(picture.width, cut.across);
  const height = picture.height - scaled(picture.height, cut.down);
  const left = Math.floor((picture.width - width) * cut.left);
  const top = Math.floor((picture.height - height) * cut.top);
  return pixels(picture).extract({ left, top, width, height });
}

function watermarked(picture: RgbPicture): Sharp {
  const { width, height } = picture;
  const size = scaled(height, 0.1);
  const text = `<svg width="${width}" height="${height}"><text x="50%" y="55%" text-anchor="middle"
    font-family="sans-serif" font-weight="bold" font-size="${size}" fill="white"
    fill-opacity="0.6">SAMPLE PICTURE</text></svg>`;
  return pixels(picture).composite([{ input: Buffer.from(text) }]);
}

/** Turned about its middle with black corners, and cut to its size. */
async function rotatedInPlace(picture: RgbPicture): Promise<Sharp> {
  const { data, info } = await pixels(picture)
    .rotate(5, { background: "black" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = picture;
  return sharp(data, { raw: { width: info.width, height: info.height, channels: 3 } }).extract({
    left: Math.floor((info.width - width) / 2),
    top: Math.floor((info.height - height) / 2),
    width,
    height,
  });
}

function threeChannels(data: Uint8Array, channels: number): Uint8Array {
  return Uint8Array.from(
    { length: (data.length / channels) * 3 },
    (_, at) => data[Math.floor(at / 3) * channels] ?? 0,
  );
}

function scaled(side: number, by: number): number {
  return Math.max(1, Math.round(side * by));
}

function percents(share: number): number {
  return Math.round(share * 100);
}
