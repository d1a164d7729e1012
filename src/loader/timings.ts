/**
 * Where the time of a batch's samples went, in milliseconds summed over the samples: reading from shards (and checking
 * what was read), decoding with everything that is done to pixels, and choosing, cutting and masking texts.
 * Wall clock and no part of any result. Two samples are built at once, so the time of one can hold a wait for
 * the other, and the sum can be more than the time that the batch took.
 */
export interface BuildTimings {
  readonly readMs: number;
  readonly decodeMs: number;
  readonly textMs: number;
}

/** Measures the building of one sample. */
export class BuildTimer {
  readonly #spent = { readMs: 0, decodeMs: 0, textMs: 0 };

  get timings(): BuildTimings {
    return { ...this.#spent };
  }

  async measure<Value>(part: keyof BuildTimings, work: () => Promise<Value>): Promise<Value> {
    return this.measureSoon(part, work);
  }

  /** What may be done at once is given at once. */
  measureSoon<Value>(
    part: keyof BuildTimings,
    work: () => Value | Promise<Value>,
  ): Value | Promise<Value> {
    const startMs = performance.now();
    const stop = (): void => {
      this.#spent[part] += performance.now() - startMs;
    };
    const value = work();
    if (value instanceof Promise) return value.finally(stop);
    stop();
    return value;
  }

  measureNow<Value>(part: keyof BuildTimings, work: () => Value): Value {
    const startMs = performance.now();
    const value = work();
    this.#spent[part] += performance.now() - startMs;
    return value;
  }

  /** The time of `work` without what it spent in reading. */
  async measureTexts<Value>(work: () => Promise<Value>): Promise<Value> {
    const readMs = this.#spent.readMs;
    const value = await this.measure("textMs", work);
    this.#spent.textMs -= this.#spent.readMs - readMs;
    return value;
  }
}

export function summedTimings(timings: readonly BuildTimings[]): BuildTimings {
  const total = (part: keyof BuildTimings): number =>
    timings.reduce((sum, one) => sum + one[part], 0);
  return { readMs: total("readMs"), decodeMs: total("decodeMs"), textMs: total("textMs") };
}
