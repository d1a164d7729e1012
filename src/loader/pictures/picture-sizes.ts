import type { PictureInfo } from "../../core/records.ts";
import type { LoaderOptions, PictureSizing } from "../options.ts";
import { keepRatioSize, type PictureView, type Size, uprightSize } from "./view-geometry.ts";

type StoredSize = Pick<PictureInfo, "width" | "height" | "orientation">;

const noPixels: Size = { width: 0, height: 0 };

/**
 * The size that a view of a picture is shown in, before padding; where no picture is decoded, the view's own. A pure
 * function of what a scene's head says: no picture is looked at.
 */
export function shownSize(
  sizing: PictureSizing,
  picture: StoredSize,
  { crop }: Pick<PictureView, "crop">,
): Size {
  if (sizing.kind === "square") return squareOf(sizing.size);
  const size = crop === null ? uprightSize(picture) : { width: crop.width, height: crop.height };
  return sizing.kind === "none" ? size : keepRatioSize(size, sizing);
}

/** The height and width of a batch's array of pixels, for the pictures of the global batch. */
export function batchSize(sizing: PictureSizing, shown: readonly Size[]): Size {
  if (sizing.kind === "none") return noPixels;
  if (sizing.kind === "square") return squareOf(sizing.size);
  const largest = (side: keyof Size): number =>
    shown.reduce((most, size) => Math.max(most, size[side]), 1);
  return padded({ width: largest("width"), height: largest("height") }, sizing);
}

/**
 * The sizes of which one or another is as large as any batch's. Pictures that lie in both ways make a batch square;
 * batches of one way only, in which nothing is cropped to the other way, take no more than a picture can.
 */
export function largestBatchSizes({
  augment,
  grouping,
  pictures,
}: Pick<LoaderOptions, "augment" | "grouping" | "pictures">): readonly Size[] {
  if (pictures.kind !== "keep-ratio") return [batchSize(pictures, [])];
  const { longer, shorter } = pictures;
  const isOneWay = grouping === "aspect" && augment.crop === "none";
  const sizes = isOneWay
    ? [
        { width: longer, height: shorter },
        { width: shorter, height: longer },
      ]
    : [squareOf(longer)];
  return sizes.map((size) => padded(size, pictures));
}

/** Bytes of the least that most pictures take once they are decoded: only long and narrow ones take less. */
export function usualPictureBytes(sizing: PictureSizing): number {
  if (sizing.kind === "none") return 0;
  const side = sizing.kind === "square" ? sizing.size : sizing.shorter;
  return side * side * 3;
}

function squareOf(side: number): Size {
  return { width: side, height: side };
}

function padded(
  { height, width }: Size,
  { padToMultipleOf = 1 }: { readonly padToMultipleOf?: number },
): Size {
  const up = (side: number): number => Math.ceil(side / padToMultipleOf) * padToMultipleOf;
  return { width: up(width), height: up(height) };
}
