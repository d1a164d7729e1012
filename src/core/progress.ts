/** One reading of how far a command is; the command line draws it, nothing else does. */
export interface ProgressReading {
  /** What is being done, such as "pictures of train". */
  readonly activity: string;
  readonly done: number;
  /** Undefined while the total is not known. */
  readonly total?: number | undefined;
  readonly unit: string;
  /** A short extra, such as "loss 2.31". */
  readonly note?: string | undefined;
}

/** What a long operation is given: where to report, and when to stop. */
export interface Progress {
  report(reading: ProgressReading): void;
  /** A message that stays on the screen. */
  say(message: string): void;
}

export const silentProgress: Progress = { report: () => {}, say: () => {} };
