import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "./clock.ts";

/** The machine's own time. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  dateMs: () => Date.now(),
  async sleep(durationMs, signal) {
    try {
      await sleep(durationMs, undefined, { signal });
    } catch (error) {
      // The abort's own reason, not the timer's.
      signal?.throwIfAborted();
      throw error;
    }
  },
  every(intervalMs, tick) {
    const timer = setInterval(tick, intervalMs);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};
