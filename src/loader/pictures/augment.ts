import type { RandomStream } from "../../core/random.ts";
import type { Box, PictureInfo, SceneText } from "../../core/records.ts";
import { hasSideWords, swapSideWords } from "../text/side-words.ts";
import type { RandAugmentOptions } from "./rand-augment-options.ts";
import { boxInView, type PictureView, type Size, uprightSize } from "./view-geometry.ts";

/** A random part of the picture: its share of the area and its width / height are drawn from these ranges. */
interface RandomCrop {
  readonly scale: readonly [smallest: number, largest: number];
  readonly ratio: readonly [narrowest: number, widest: number];
}

export interface AugmentOptions {
  readonly crop: "none" | RandomCrop;
  /** Mirroring with probability 0.5; never by default, because texts speak of left and right. */
  readonly flip: "never" | "if-text-has-no-side-words" | "swap-side-words";
  readonly randAugment: null | RandAugmentOptions;
}

export const noAugmentation: AugmentOptions = { crop: "none", flip: "never", randAugment: null };

// torchvision's RandomResizedCrop tries ten times before it takes the centre.
const MAX_CROP_ATTEMPTS = 10;
const FLIP_PROBABILITY = 0.5;
const MIN_VISIBLE_SHARE = 0.5;

/** What is drawn of a picture's view before its texts are known. */
export interface DrawnView {
  readonly crop: Box | null;
  /** Whether the coin says mirrored; the texts decide whether it may be. */
  readonly wantsFlip: boolean;
}

/** Draws which part of a picture is shown, and whether mirrored. */
export function drawView(
  picture: PictureInfo,
  draws: RandomStream,
  augment: AugmentOptions,
): DrawnView {
  const crop = augment.crop === "none" ? null : drawCrop(uprightSize(picture), draws, augment.crop);
  return { crop, wantsFlip: draws.nextBoolean(FLIP_PROBABILITY) };
}

/**
 * Whether a text speaks of what a crop shows: it has no box, or at least half of its box is inside. Texts
 * of which less is to be seen are not taken for true; where no text of a picture is left, all of it is shown.
 */
export function isTextShown({ box }: SceneText, picture: PictureInfo, crop: Box | null): boolean {
  if (box === null || crop === null) return true;
  const view = { crop, mirrored: false };
  const found = boxInView(box, picture, { view, shown: uprightSize(picture) });
  return found !== null && found.visibleShare >= MIN_VISIBLE_SHARE;
}

/** A view and the texts that stand beside it. */
export interface ShownTexts {
  readonly view: PictureView;
  readonly texts: readonly string[];
}

/**
 * The view with its texts as they are read. A picture is mirrored only if that makes none of its texts false, matched
 * or not: otherwise mirrored pictures with a "left" beside them would always be unmatched. "swap-side-words"
 * changes the words of all texts; a text that cannot be swapped, or is longer then, keeps the picture as it is.
 */
export function shownTexts(
  { crop, wantsFlip }: DrawnView,
  texts: readonly string[],
  options: { flip: AugmentOptions["flip"]; numTokens: (text: string) => number },
): ShownTexts {
  const { flip, numTokens } = options;
  const upright = { view: { crop, mirrored: false }, texts };
  if (flip === "never" || !wantsFlip) return upright;
  const view = { crop, mirrored: true };
  if (!texts.some((text) => hasSideWords(text))) return { view, texts };
  if (flip === "if-text-has-no-side-words") return upright;
  const swapped = texts.flatMap((text) => {
    const other = swapSideWords(text);
    return other !== undefined && numTokens(other) <= numTokens(text) ? [other] : [];
  });
  return swapped.length === texts.length ? { view, texts: swapped } : upright;
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
