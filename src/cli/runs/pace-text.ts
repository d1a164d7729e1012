import type { RunSummary } from "../../train/run/run-folder.ts";
import { formatDuration } from "../terminal/terminal-text.ts";

/** How fast a run was, and whether its steps waited for batches. */
export function paceText(
  pace: Omit<RunSummary, "totalSteps" | "numWeights" | "isStoppedEarly">,
): string {
  const { dataWaitShare, firstBatchMs, longestWaitMs, numSkipped, picturesPerSecond, seconds } =
    pace;
  return [
    `${formatDuration(seconds)}, ${picturesPerSecond.toFixed(1)} pictures/s`,
    `${shareText(dataWaitShare)} of the training waited for batches (${waitText(longestWaitMs)} at most; the first batch took ${waitText(firstBatchMs)})`,
    ...(numSkipped === 0 ? [] : [`${numSkipped} steps left out: their numbers were not finite`]),
  ].join("; ");
}

function shareText(share: number): string {
  return share < 0.001 ? "less than 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

function waitText(milliseconds: number): string {
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : `${milliseconds.toFixed(0)} ms`;
}
