import { RandomStream } from "../random.ts";
import type { Clock } from "./clock.ts";
import { NetFault } from "./net-fault.ts";

/** How often, and after how long, a failed request is made again. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** A server that asks for more than this is left for the next run. */
  readonly maxRetryAfterMs: number;
}

export const retryPolicy: RetryPolicy = {
  maxAttempts: 4,
  firstDelayMs: 1000,
  maxDelayMs: 60_000,
  maxRetryAfterMs: 300_000,
};

export interface RetryOptions {
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  /** Makes the delays of one request its own, and the same in every run. */
  readonly randomKey: readonly number[];
  readonly signal?: AbortSignal | undefined;
  /** Told before each wait. */
  readonly onWait?: (fault: NetFault, delayMs: number) => void;
}

/**
 * Makes attempts until one succeeds, a fault is final, or there were too many of them in a row that
 * made no progress. `attempt` returns its result, or throws; `progressOf` tells how far it came.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  options: RetryOptions,
  progressOf: () => number = () => 0,
): Promise<T> {
  const { policy, clock, signal } = options;
  const random = new RandomStream(...options.randomKey);
  let farthest = progressOf();
  for (let failures = 1; ; failures += 1) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof NetFault) || error.isFinal) throw error;
      const reached = progressOf();
      if (reached > farthest) failures = 1;
      farthest = Math.max(farthest, reached);
      if (failures >= policy.maxAttempts) throw error;
      const delayMs = error.retryAfterMs ?? backOff(failures, random, policy);
      if (delayMs > policy.maxRetryAfterMs) throw error;
      options.onWait?.(error, delayMs);
      await clock.sleep(delayMs, signal);
    }
  }
}

/** Twice as long each time, with half of it at random, so that many clients do not come back together. */
function backOff(failures: number, random: RandomStream, policy: RetryPolicy): number {
  const longest = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (failures - 1));
  return Math.round(longest * (0.5 + random.nextFloat() / 2));
}

/** The wait that a Retry-After header asks for: seconds or a date; undefined when it says neither. */
export function parseRetryAfter(value: string | undefined, dateMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  // Date.parse alone takes nearly everything for a date.
  const date = /^[A-Z][a-z]{2,8},? /.test(value.trim()) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - dateMs);
}
