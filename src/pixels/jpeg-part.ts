import type { PictureSize } from "./resampler.ts";

/** A rectangle, in pixels; its edges may lie between them. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** What the header of a JPEG says about how it can be decoded in parts. */
export interface JpegFrame extends PictureSize {
  /** Of the blocks that are decoded together, in pixels; null where parts cannot be decoded. */
  readonly blockWidth: number | null;
}

/** What of a JPEG is decoded. */
export interface JpegPart {
  /** The picture is decoded in 1 / `reduction` of its size, rounded up. */
  readonly reduction: number;
  /** In pixels of the reduced picture. */
  readonly region: PictureSize & { readonly x: number; readonly y: number };
  /** The region is all of the reduced picture. */
  readonly isWhole: boolean;
  /** Where the area that was asked for lies, in pixels of the region. */
  readonly area: Area;
}

/** What the library decodes by dropping frequencies, with compiled code of its own for each. */
const REDUCTIONS = [8, 4, 2] as const;

/**
 * How many pixels the reduced picture has at least for each one that is shown, in both directions. Dropping
 * frequencies is another filter than the kernels are. With 1, one value in 100 is more than 9 levels from Pillow's; with
 * 2, more than 3, and the mean difference is half a level.
 */
export const HEADROOM = 2;

// Colour planes are smoothed with their neighbours: one sample of theirs is two pixels, so a region shows the pixels of
// the whole picture from this far inside its edges on. Rows that are skipped are not forgotten, so above is enough.
const MARGIN = 2;

/** Plans the smallest part of a JPEG that holds an area of it, for a result of `target` pixels. */
export function planJpegPart(
  frame: JpegFrame,
  options: { area: Area; target: PictureSize; decoding: "exact" | "scaled" },
): JpegPart {
  const { area, target, decoding } = options;
  const reduction = decoding === "scaled" ? reductionFor(area, target) : 1;
  const reduced = (position: number): number => Math.ceil(position / reduction);
  const [width, height] = [reduced(frame.width), reduced(frame.height)];
  const wanted = {
    left: area.left / reduction,
    top: area.top / reduction,
    right: area.right / reduction,
    bottom: area.bottom / reduction,
  };
  if (frame.blockWidth === null) return partOf(wanted, { x: 0, y: 0, width, height }, true);
  const block = reduced(frame.blockWidth);
  const x = Math.floor(Math.max(0, Math.floor(wanted.left) - MARGIN) / block) * block;
  const y = Math.max(0, Math.floor(wanted.top) - MARGIN);
  const right = Math.min(width, Math.ceil(wanted.right) + MARGIN);
  const bottom = Math.min(height, Math.ceil(wanted.bottom) + MARGIN);
  const region = { x, y, width: right - x, height: bottom - y };
  return partOf(wanted, region, region.width === width && region.height === height);

  function partOf(at: Area, of: JpegPart["region"], isWhole: boolean): JpegPart {
    const inside = {
      left: at.left - of.x,
      top: at.top - of.y,
      right: Math.min(at.right - of.x, of.width),
      bottom: Math.min(at.bottom - of.y, of.height),
    };
    return { reduction, region: of, isWhole, area: inside };
  }
}

function reductionFor(area: Area, target: PictureSize): number {
  const spare = Math.min(
    (area.right - area.left) / target.width,
    (area.bottom - area.top) / target.height,
  );
  return REDUCTIONS.find((reduction) => spare >= reduction * HEADROOM) ?? 1;
}
