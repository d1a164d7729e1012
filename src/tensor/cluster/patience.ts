/** How long the processes of a cluster wait for one another. */
export interface ClusterPatience {
  /** A process that answers nothing for so long is dead. */
  readonly silenceMs: number;
  /** One that answers but does not come to where the others are is stuck. */
  readonly stallMs: number;
  /** The others may be started so much later. */
  readonly startMs: number;
}

/** From how long a process may be silent: stuck is ten times that, started later thirty times. */
export function patienceOf(silenceMs: number): ClusterPatience {
  return { silenceMs, stallMs: 10 * silenceMs, startMs: 30 * silenceMs };
}
