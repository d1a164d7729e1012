/** Where a fault was seen: a file and, inside it, a record (JSON pointer, line or row). */
export interface FaultPlace {
  readonly file?: string | undefined;
  readonly record?: string | undefined;
  /** What the user can do about it. */
  readonly remedy?: string | undefined;
  readonly cause?: unknown;
}

/** The base of every error that a user can act on; `code` and `exitCode` are part of the command line's contract. */
export abstract class CrossweaveError extends Error {
  abstract readonly code: string;
  abstract readonly exitCode: number;
  readonly file: string | undefined;
  readonly record: string | undefined;
  readonly remedy: string | undefined;

  constructor(message: string, place: FaultPlace = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause });
    this.name = new.target.name;
    this.file = place.file;
    this.record = place.record;
    this.remedy = place.remedy;
  }
}

/** The command line or a recipe is wrong: fix the command. */
export class ConfigError extends CrossweaveError {
  readonly code = "CONFIG";
  readonly exitCode = 2;
}

/** A picture of an evaluation split is in training data: fix the split. */
export class LeakError extends CrossweaveError {
  readonly code = "LEAK";
  readonly exitCode = 20;
}

/** A shard does not hold what its index says: rebuild it. */
export class ShardError extends CrossweaveError {
  readonly code = "SHARD";
  readonly exitCode = 21;
}

/** A checkpoint or a proof does not verify, or does not fit what it is used with. */
export class StateError extends CrossweaveError {
  readonly code = "STATE";
  readonly exitCode = 22;
}

/** The published files are missing, damaged or not the expected release: fix the download. */
export class SourceError extends CrossweaveError {
  readonly code = "SOURCE";
  readonly exitCode = 23;
}

/** The work is incomplete but nothing is lost (disk full, network down): the same command goes on. */
export class IncompleteError extends CrossweaveError {
  readonly code = "INCOMPLETE";
  readonly exitCode = 24;
}

/** Refused for safety: another process holds the folder, or the output would be overwritten. */
export class RefusedError extends CrossweaveError {
  readonly code = "REFUSED";
  readonly exitCode = 25;
}

/** There is no TensorFlow runtime on this machine. */
export class RuntimeMissingError extends CrossweaveError {
  readonly code = "NO_RUNTIME";
  readonly exitCode = 26;
}

/** A loss or a gradient is not a finite number; the run cannot go on as it is. */
export class NumericError extends CrossweaveError {
  readonly code = "NUMERIC";
  readonly exitCode = 22;
}

/** The exit code of an interrupted command (128 + SIGINT). */
export const EXIT_INTERRUPTED = 130;

/** Node's errno code of an unknown error ("ENOSPC", "EACCES"), or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
