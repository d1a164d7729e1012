import type { LumaPlane } from "./luma-plane.ts";
import { asItIs, type Symmetry } from "./symmetries.ts";
import type { BankView } from "./window-bank.ts";

/**
 * Where a picture lies on a protected one: the protected picture is turned by `symmetry`, then the whole of
 * the other covers a rectangle of it. Middle and half sides are in widths and heights of the turned protected
 * picture; the rectangle is turned to the right by `degrees` about its middle.
 */
export interface Alignment {
  readonly symmetry: Symmetry;
  readonly middleX: number;
  readonly middleY: number;
  readonly halfWidth: number;
  readonly halfHeight: number;
  readonly degrees: number;
}

const whole = { left: 0, top: 0, right: 1, bottom: 1 };

/** The alignment by which a view of the protected picture is a view of the other, as equal hashes suggest. */
export function alignmentOfViews(protectedView: BankView, passingView: BankView): Alignment {
  const on = protectedView.kind === "window" ? protectedView.window : whole;
  const of = passingView.kind === "window" ? passingView.window : whole;
  const scaleX = (on.right - on.left) / (of.right - of.left);
  const scaleY = (on.bottom - on.top) / (of.bottom - of.top);
  const turned = degreesOf(protectedView) - degreesOf(passingView);
  return {
    symmetry: protectedView.kind === "symmetry" ? protectedView.symmetry : asItIs,
    middleX: on.left + (0.5 - of.left) * scaleX,
    middleY: on.top + (0.5 - of.top) * scaleY,
    halfWidth: scaleX / 2,
    halfHeight: scaleY / 2,
    degrees: turned,
  };
}

function degreesOf(view: BankView): number {
  return view.kind === "turned" ? -view.degrees : 0;
}

/** A square of samples over a whole picture: [side, side]. */
export interface SampleGrid {
  readonly side: number;
  readonly samples: Float32Array;
}

/** Takes `side` x `side` samples of a picture. */
export function sampleWhole(plane: LumaPlane, side: number): SampleGrid {
  const samples = Float32Array.from({ length: side * side }, (_, at) =>
    sampleAt(plane, ((at % side) + 0.5) / side, (Math.floor(at / side) + 0.5) / side),
  );
  return { side, samples };
}

/** What two aligned pictures show at the same places; both are 0 where one of them is not. */
export interface AlignedSamples {
  readonly protectedSamples: Float32Array;
  readonly samples: Float32Array;
  /** 1 where both pictures are, else 0. */
  readonly inBoth: Uint8Array;
  readonly numInBoth: number;
}

/** Takes samples of the turned protected picture where those of the other lie on it. */
export function sampleAligned(
  onto: LumaPlane,
  { side, samples }: SampleGrid,
  alignment: Alignment,
): AlignedSamples {
  const { middleX, middleY, halfWidth, halfHeight, degrees } = alignment;
  const angle = (degrees * Math.PI) / 180;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const aspect = onto.width / onto.height;
  const protectedSamples = new Float32Array(side * side);
  const kept = new Float32Array(side * side);
  const inBoth = new Uint8Array(side * side);
  let numInBoth = 0;
  for (let at = 0; at < side * side; at += 1) {
    const across = ((2 * (at % side) + 1) / side - 1) * halfWidth;
    const down = ((2 * Math.floor(at / side) + 1) / side - 1) * halfHeight;
    const x = middleX + across * cosine - (down * sine) / aspect;
    const y = middleY + down * cosine + across * sine * aspect;
    if (x < 0 || x > 1 || y < 0 || y > 1) continue;
    protectedSamples[at] = sampleAt(onto, x, y);
    kept[at] = samples[at] ?? 0;
    inBoth[at] = 1;
    numInBoth += 1;
  }
  return { protectedSamples, samples: kept, inBoth, numInBoth };
}

/** Brightness at a place, in widths and heights, between its four pixels. */
function sampleAt({ width, height, data }: LumaPlane, x: number, y: number): number {
  const across = Math.max(0, Math.min(width - 1, x * width - 0.5));
  const down = Math.max(0, Math.min(height - 1, y * height - 0.5));
  const [column, row] = [Math.floor(across), Math.floor(down)];
  const [right, below] = [across - column, down - row];
  const at = row * width + column;
  const nextColumn = column + 1 < width ? 1 : 0;
  const nextRow = row + 1 < height ? width : 0;
  const upper = (data[at] ?? 0) * (1 - right) + (data[at + nextColumn] ?? 0) * right;
  const under = at + nextRow;
  const lower = (data[under] ?? 0) * (1 - right) + (data[under + nextColumn] ?? 0) * right;
  return upper * (1 - below) + lower * below;
}
