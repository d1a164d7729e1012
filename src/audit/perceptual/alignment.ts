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
