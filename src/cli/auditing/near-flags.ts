import { type Command, InvalidArgumentError, Option } from "commander";
import type { NearChoice } from "./near-audit.ts";

/** What the command line says of near-duplicates. */
export interface NearFlags {
  /** False with --no-near. */
  readonly near?: boolean;
  readonly windows?: "eval" | "both";
  readonly nearDistance?: number;
}

/** Adds --no-near, --windows and --near-distance. */
export function addNearOptions(command: Command): void {
  command.option("--no-near", "compare names, bytes and pixels alone, and say so in the verdict");
  addNearThresholds(command);
}

/** Adds --windows and --near-distance. */
export function addNearThresholds(command: Command): void {
  command
    .addOption(
      new Option(
        "--windows <sides>",
        "whose pictures are also compared in 48 parts each: eval, or both; both up to 300,000 training pictures",
      ).choices(["eval", "both"]),
    )
    .option(
      "--near-distance <bits>",
      "in how many of 256 bits the hashes of two pictures may differ for their pixels to be compared: 48",
      parseDistance,
    );
}

/** Adds --calibration. */
export function addCalibrationOption(command: Command): void {
  command.option(
    "--calibration <file>",
    "what crossweave calibrate measured of the search for near-duplicates, for verdict and proof",
  );
}

/** How near-duplicates are to be looked for; undefined where they are not. */
export function nearChoiceOf({ near, nearDistance, windows }: NearFlags): NearChoice | undefined {
  return near === false ? undefined : { windows, distance: nearDistance };
}

const MAX_DISTANCE = 48;

function parseDistance(text: string): number {
  const distance = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (distance <= MAX_DISTANCE) return distance;
  throw new InvalidArgumentError(`a whole number from 0 to ${MAX_DISTANCE} is expected`);
}
