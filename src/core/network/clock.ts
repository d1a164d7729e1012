/** Time, given from outside: rooms below the command line have no clock of their own. */
export interface Clock {
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Milliseconds since 1970, for dates that a server names. */
  dateMs(): number;
  /** Resolves after a time; rejects with the abort reason when `signal` fires first. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
  /** Calls `tick` again and again until it is disposed of. */
  every(intervalMs: number, tick: () => void): Disposable;
}
