import type { Sharp } from "sharp";
import { loadSharp } from "../load-sharp.ts";
import type { PictureSize, RgbPixels } from "../resampler.ts";
import { letteringPath } from "./lettering.ts";

/** One way in which copies of pictures differ; `apply` may draw from `random`, numbers from 0 to 1. */
export interface Transform {
  readonly name: string;
  readonly apply: (picture: RgbPixels, random: () => number) => Promise<Sharp>;
  /** The quality of the JPEG it is written as. */
  readonly quality: number;
}

/** To be raised when a transform changes, so that what was measured with others is not taken for the same. */
export const SUITE_VERSION = 1;

const USUAL_QUALITY = 90;

/** The 27 transforms of the robustness suite, in the order in which they are reported. */
export const transforms: readonly Transform[] = [
  ...[95, 75, 50, 30].map((quality) => ({ name: `JPEG ${quality}`, apply: asItIs, quality })),
  ...[0.25, 0.5, 2].map((scale) =>
    usual(`resize ${scale}`, (image, { height, width }) =>
      image.resize(scaled(width, scale), scaled(height, scale), { fit: "fill" }),
    ),
  ),
  usual("resize 256²", (image) => image.resize(256, 256, { fit: "fill" })),
  usual("grey", (image) => image.greyscale()),
  usual("blur σ 2", (image) => image.blur(2)),
  usual("brightness +30 %", (image) => image.linear(1.3, 0)),
  usual("brightness −30 %", (image) => image.linear(0.7, 0)),
  usual("contrast +40 %", (image) => image.linear(1.4, -0.4 * 128)),
  usual("watermark text", (image, size) => image.composite([{ input: watermark(size) }])),
  ...[0.05, 0.1, 0.2].map((share) =>
    usual(`centred crop ${percents(share)} %`, (image, size) =>
      cropped(image, size, { across: share, down: share, left: 0.5, top: 0.5 }),
    ),
  ),
  ...[0.05, 0.1].map((share) =>
    usual(`corner crop ${percents(share)} %`, (image, size) =>
      cropped(image, size, { across: share, down: share, left: 0, top: 0 }),
    ),
  ),
  ...[
    [0.02, 0.05],
    [0.05, 0.1],
    [0.1, 0.2],
  ].map(([least = 0, most = 0]) =>
    usual(`random crop ${percents(least)}–${percents(most)} %`, (image, size, random) =>
      cropped(image, size, {
        across: least + (most - least) * random(),
        down: least + (most - least) * random(),
        left: random(),
        top: random(),
      }),
    ),
  ),
  usual("mirrored", (image) => image.flop()),
  usual("rotation 90°", (image) => image.rotate(90)),
  usual("rotation 180°", (image) => image.rotate(180)),
  { name: "rotation 5°", apply: rotatedInPlace, quality: USUAL_QUALITY },
  usual("banner 10 % below", (image, { height }) =>
    image.extend({ bottom: scaled(height, 0.1), background: "white" }),
  ),
];

/** The copy of a picture, as a JPEG. Picture, transform and what `random` gives decide every byte of it. */
export async function transformedFile(
  picture: RgbPixels,
  transform: Transform,
  random: () => number,
): Promise<Uint8Array> {
  const copy = await transform.apply(picture, random);
  return copy.jpeg({ quality: transform.quality }).toBuffer();
}

type Change = (image: Sharp, size: PictureSize, random: () => number) => Sharp;

function usual(name: string, change: Change): Transform {
  return {
    name,
    apply: async (picture, random) => change(await asItIs(picture), picture, random),
    quality: USUAL_QUALITY,
  };
}

async function asItIs({ data, width, height }: RgbPixels): Promise<Sharp> {
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false });
}

/** Cuts shares of the sides off; `left` and `top` say how much of that on those sides. */
function cropped(
  image: Sharp,
  whole: PictureSize,
  cut: { across: number; down: number; left: number; top: number },
): Sharp {
  const width = Math.max(1, whole.width - scaled(whole.width, cut.across));
  const height = Math.max(1, whole.height - scaled(whole.height, cut.down));
  const left = Math.floor((whole.width - width) * cut.left);
  const top = Math.floor((whole.height - height) * cut.top);
  return image.extract({ left, top, width, height });
}

/** White words across the middle, one tenth of the picture high: drawn, so that no machine's fonts matter. */
function watermark({ height, width }: PictureSize): Buffer {
  const size = scaled(height, 0.1);
  const { path, width: pathWidth } = letteringPath("SAMPLE PICTURE");
  const left = (width - pathWidth * size) / 2;
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <path transform="translate(${left} ${height * 0.55}) scale(${size})" d="${path}" fill="none"
    stroke="white" stroke-opacity="0.6" stroke-width="0.14"/></svg>`,
  );
}

/** Turned about its middle with black corners, and cut to its size. */
async function rotatedInPlace(picture: RgbPixels): Promise<Sharp> {
  const turned = (await asItIs(picture)).rotate(5, { background: "black" });
  const { data, info } = await turned.raw().toBuffer({ resolveWithObject: true });
  const { width, height } = picture;
  return (await asItIs({ data, width: info.width, height: info.height })).extract({
    left: Math.floor((info.width - width) / 2),
    top: Math.floor((info.height - height) / 2),
    width,
    height,
  });
}

function scaled(side: number, by: number): number {
  return Math.max(1, Math.round(side * by));
}

function percents(share: number): number {
  return Math.round(share * 100);
}
