import type { Clock } from "../../../src/core/network/clock.ts";

/** A clock that the test turns; a sleep is over at once and moves it on. */
export class TestClock implements Clock {
  readonly sleepsMs: number[] = [];
  readonly #tickers = new Set<() => void>();
  #nowMs = 0;
  #dateMs = Date.parse("2026-01-01T00:00:00Z");

  monotonicMs(): number {
    return this.#nowMs;
  }

  dateMs(): number {
    return this.#dateMs;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleepsMs.push(durationMs);
    this.#nowMs += durationMs;
    this.#dateMs += durationMs;
    return Promise.resolve();
  }

  every(_intervalMs: number, tick: () => void): Disposable {
    this.#tickers.add(tick);
    return { [Symbol.dispose]: () => void this.#tickers.delete(tick) };
  }

  /** Lets time go by, with everything that watches it looking once. */
  advance(durationMs: number): void {
    this.#nowMs += durationMs;
    this.#dateMs += durationMs;
    for (const tick of this.#tickers) tick();
  }
}
