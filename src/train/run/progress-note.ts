import { readingTexts } from "../reading-text.ts";
import type { StepEvent } from "./run-events.ts";

// A run that waits less is as fast as its steps.
const TOLD_WAIT_SHARE = 0.01;
const GIGABYTE = 1e9;

/** A step in a line: "loss 2.310 · mlm 1.20 · rates 5e-5, 5e-6 · 98.3 pictures/s · waits 3 % · 1.2 GB". */
export function progressNote({ pace, rates, reading }: StepEvent): string {
  const { picturesPerSecond, residentBytes, waitShare } = pace;
  const told = new Set([rates.transformer, rates.visual].map((rate) => rateText(rate)));
  return [
    `loss ${reading.loss.toFixed(3)}`,
    ...readingTexts(reading),
    `${told.size === 1 ? "rate" : "rates"} ${[...told].join(", ")}`,
    `${picturesPerSecond.toFixed(1)} pictures/s`,
    ...(waitShare >= TOLD_WAIT_SHARE ? [`waits ${(100 * waitShare).toFixed(0)} %`] : []),
    `${(residentBytes / GIGABYTE).toFixed(1)} GB`,
  ].join(" · ");
}

/** Two digits: 5e-5. */
function rateText(rate: number): string {
  return String(Number(rate.toPrecision(2)));
}
