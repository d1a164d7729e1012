import type { Box, PictureInfo } from "../../core/records.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What of a picture is shown: a rectangle of its upright pixels (all of it when null), mirrored or not. */
export interface PictureView {
  readonly crop: Box | null;
  readonly mirrored: boolean;
}

export const wholePicture: PictureView = { crop: null, mirrored: false };

type StoredSize = Pick<PictureInfo, "width" | "height" | "orientation">;

/** A picture's size once its EXIF orientation is applied: 5 to 8 swap the sides. */
export function uprightSize({ height, orientation, width }: StoredSize): Size {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** A box of the stored pixels in the upright ones. */
export function uprightBox(box: Box, { height, orientation, width }: StoredSize): Box {
  const right = width - box.x - box.width;
  const below = height - box.y - box.height;
  const turned = { width: box.height, height: box.width };
  switch (orientation) {
    case 2:
      return { ...box, x: right };
    case 3:
      return { ...box, x: right, y: below };
    case 4:
      return { ...box, y: below };
    case 5:
      return { ...turned, x: box.y, y: box.x };
    case 6:
      return { ...turned, x: below, y: box.x };
    case 7:
      return { ...turned, x: below, y: right };
    case 8:
      return { ...turned, x: box.y, y: right };
    default:
      return box;
  }
}

/**
 * The size of a picture scaled until its shorter side is `shorter`, or less where the longer one would pass
 * `longer`; sides are rounded to whole pixels, at least one.
 */
export function keepRatioSize(size: Size, limits: { shorter: number; longer: number }): Size {
  const [small, large] = [Math.min(size.width, size.height), Math.max(size.width, size.height)];
  const scale = Math.min(limits.shorter / small, limits.longer / large);
  const scaled = (side: number): number => Math.max(1, Math.round(side * scale));
  return { width: scaled(size.width), height: scaled(size.height) };
}

/** A box where it lies in the pixels that the model sees, and how much of it is there. */
export interface ShownBox {
  /** In pixels of the shown picture, cut at its sides. Padding lies right and below and moves nothing. */
  readonly box: Box;
  /** The part of the box's area that is inside the view, 0 to 1; 0 for a box without an area. */
  readonly visibleShare: number;
}

/** Follows a box of the stored pixels through orientation, crop, scaling and mirroring; null when nothing of it is shown. */
export function boxInView(
  box: Box,
  picture: StoredSize,
  { shown, view }: { view: PictureView; shown: Size },
): ShownBox | null {
  const upright = uprightBox(box, picture);
  const area = areaOf(view, picture);
  const [left, right] = overlap([upright.x, upright.width], [area.x, area.width]);
  const [top, bottom] = overlap([upright.y, upright.height], [area.y, area.height]);
  if (!(right > left && bottom > top)) return null;
  const visible = { x: left, y: top, width: right - left, height: bottom - top };
  return {
    box: scaledBox(visible, area, { shown, view }),
    visibleShare: (visible.width * visible.height) / (box.width * box.height),
  };
}

/**
 * The regions of which enough is shown: their rows in the features, and where they lie now. A picture that is shown
 * whole has all of its regions, even one without an area.
 */
export function regionsInView(
  boxes: readonly Box[],
  picture: StoredSize,
  options: { view: PictureView; shown: Size; minVisibleShare: number },
): readonly { readonly row: number; readonly box: Box }[] {
  const { view } = options;
  if (view.crop === null) {
    const area = areaOf(view, picture);
    return boxes.map((box, row) => ({
      row,
      box: scaledBox(uprightBox(box, picture), area, options),
    }));
  }
  return boxes.flatMap((box, row) => {
    const found = boxInView(box, picture, options);
    return found !== null && found.visibleShare >= options.minVisibleShare
      ? [{ row, box: found.box }]
      : [];
  });
}

/** The upright pixels that a view shows. */
function areaOf({ crop }: PictureView, picture: StoredSize): Box {
  return crop ?? { x: 0, y: 0, ...uprightSize(picture) };
}

/** A box of the upright pixels in those of the shown area. */
function scaledBox(box: Box, area: Box, { shown, view }: { view: PictureView; shown: Size }): Box {
  const [scaleX, scaleY] = [shown.width / area.width, shown.height / area.height];
  const width = box.width * scaleX;
  const fromLeft = (box.x - area.x) * scaleX;
  return {
    x: view.mirrored ? shown.width - fromLeft - width : fromLeft,
    y: (box.y - area.y) * scaleY,
    width,
    height: box.height * scaleY,
  };
}

function overlap(
  [startA, lengthA]: readonly [number, number],
  [startB, lengthB]: readonly [number, number],
): [start: number, end: number] {
  return [Math.max(startA, startB), Math.min(startA + lengthA, startB + lengthB)];
}

/** Intersection over union of two boxes, by their areas (no pixel more: `plain` of REFERENCE, 3.4). */
export function overlapOf(a: Box, b: Box): number {
  const [left, right] = overlap([a.x, a.width], [b.x, b.width]);
  const [top, bottom] = overlap([a.y, a.height], [b.y, b.height]);
  const shared = Math.max(0, right - left) * Math.max(0, bottom - top);
  const all = a.width * a.height + b.width * b.height - shared;
  return all > 0 ? shared / all : 0;
}
