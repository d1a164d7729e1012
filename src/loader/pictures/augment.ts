import type { RandomStream } from "../../core/random.ts";
import type { Box, PictureInfo } from "../../core/records.ts";

/** A random part of the picture: its share of the area and its width / height are drawn from these ranges. */
interface RandomCrop {
  readonly scale: readonly [smallest: number, largest: number];
  readonly ratio: readonly [narrowest: number, widest: number];
}

export interface AugmentOptions {
  readonly crop: "none" | RandomCrop;
  /** Mirroring with probability 0.5; never by default, because texts speak of left and right. */
  readonly flip: "never" | "if-text-has-no-side-words" | "swap-side-words";
  /** RandAugment: so many operations on each picture, of this strength (0 to 30, as in torchvision). */
  readonly randAugment: null | { readonly numOperations: number; readonly magnitude: number };
}

export const noAugmentation: AugmentOptions = { crop: "none", flip: "never", randAugment: null };

/** What of a picture is shown: a rectangle of its upright pixels (all of it when null), mirrored or not. */
export interface PictureView {
  readonly crop: Box | null;
  readonly mirrored: boolean;
}

export const wholePicture: PictureView = { crop: null, mirrored: false };

const SIDE_WORDS =
  /\b(?:left|right)(?:s|most|ward|wards|hand|handed|side)?\b|\b(?:counter|anti)?-?clockwise\b/i;
// torchvision's RandomResizedCrop tries ten times before it takes the centre.
const MAX_CROP_ATTEMPTS = 10;
const FLIP_PROBABILITY = 0.5;

/** Draws how a picture is shown beside the texts that are true of it. */
export function drawView(
  picture: PictureInfo,
  draws: RandomStream,
  options: { augment: AugmentOptions; texts: readonly string[] },
): PictureView {
  const { augment, texts } = options;
  const crop = augment.crop === "none" ? null : drawCrop(uprightSize(picture), draws, augment.crop);
  const wantsFlip = draws.nextBoolean(FLIP_PROBABILITY);
  const mayFlip = augment.flip !== "never" && !texts.some((text) => SIDE_WORDS.test(text));
  return { crop, mirrored: mayFlip && wantsFlip };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A picture's size once its EXIF orientation is applied: 5 to 8 swap the sides. */
export function uprightSize(picture: PictureInfo): Size {
  const { width, height, orientation } = picture;
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** As torchvision's RandomResizedCrop: area uniform, aspect ratio log-uniform, the centre when nothing fits. */
function drawCrop(size: Size, draws: RandomStream, crop: RandomCrop): Box {
  for (let attempt = 0; attempt < MAX_CROP_ATTEMPTS; attempt += 1) {
    const area = size.width * size.height * between(crop.scale, draws);
    const ratio = Math.exp(between([Math.log(crop.ratio[0]), Math.log(crop.ratio[1])], draws));
    const width = Math.round(Math.sqrt(area * ratio));
    const height = Math.round(Math.sqrt(area / ratio));
    if (width > 0 && height > 0 && width <= size.width && height <= size.height) {
      const x = draws.nextInt(size.width - width + 1);
      const y = draws.nextInt(size.height - height + 1);
      return { x, y, width, height };
    }
  }
  return centralCrop(size, crop);
}

function centralCrop(size: Size, crop: RandomCrop): Box {
  const [narrowest, widest] = crop.ratio;
  const ratio = Math.min(Math.max(size.width / size.height, narrowest), widest);
  const width = Math.max(1, Math.min(size.width, Math.round(size.height * ratio)));
  const height = Math.max(1, Math.min(size.height, Math.round(size.width / ratio)));
  const x = Math.floor((size.width - width) / 2);
  const y = Math.floor((size.height - height) / 2);
  return { x, y, width, height };
}

function between(range: readonly [number, number], draws: RandomStream): number {
  return range[0] + (range[1] - range[0]) * draws.nextFloat();
}
