import { EXIT_INTERRUPTED, IncompleteError } from "../../core/errors.ts";

/** How a rank ended: by an exit code of its own or by a signal. */
export interface EndedRank {
  readonly rank: number;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it printed. */
  readonly stdout: string;
}

/** What a rank ends with when another one is to blame. */
const FOLLOWING_CODES: ReadonlySet<number> = new Set([
  0,
  new IncompleteError("").exitCode,
  EXIT_INTERRUPTED,
]);

/**
 * The end that tells why all ended, of ends in the order in which they came: the first rank with a fault of its own,
 * or else the first that was killed, or else rank 0.
 */
export function decisiveEnd(endings: readonly EndedRank[]): EndedRank {
  const own = endings.find(({ exitCode }) => exitCode !== null && !FOLLOWING_CODES.has(exitCode));
  const killed = endings.find(({ exitCode }) => exitCode === null);
  const decisive = own ?? killed ?? endings.find(({ rank }) => rank === 0) ?? endings[0];
  if (decisive === undefined) throw new RangeError("no rank has ended");
  return decisive;
}
