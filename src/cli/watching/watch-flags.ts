import type { Command } from "commander";

/** How a run may be looked at while it goes on. */
export interface WatchFlags {
  /** A port of this machine, or a file. */
  readonly page?: string | undefined;
  /** A folder for TensorBoard. */
  readonly tensorboard?: string | undefined;
}

/** Adds --page and --tensorboard. */
export function addWatchOptions(command: Command): void {
  command
    .option(
      "--page <port|file>",
      "a page of the run while it goes on, for the browsers of this machine, or in a file",
    )
    .option("--tensorboard <folder>", "write event files for TensorBoard");
}
