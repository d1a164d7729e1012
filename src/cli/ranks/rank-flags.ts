import type { Command } from "commander";
import { wholeNumber } from "../program.ts";

export interface RankFlags {
  /** How many processes train on this machine. */
  readonly ranks?: number;
  /** Seconds. */
  readonly rankTimeout?: number;
}

/** Adds the options of training with several processes. */
export function addRankOptions(command: Command): void {
  command
    .option(
      "--ranks <number>",
      "train with so many processes on this machine; for several machines set TF_CONFIG on each",
      wholeNumber,
    )
    .option(
      "--rank-timeout <seconds>",
      "a rank that is silent for so long ends the others with 24; 60 if not said",
      wholeNumber,
    );
}
