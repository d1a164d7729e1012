import type { Clock } from "./clock.ts";
import { NetFault } from "./net-fault.ts";

/** How long a request may take and how much it may bring. */
export interface RequestLimits {
  /** Until the head of the response is there, connecting included. */
  readonly headersTimeoutMs: number;
  /** Between two pieces of the body. */
  readonly idleTimeoutMs: number;
  /** For everything together. */
  readonly totalTimeoutMs: number;
  /** Over any `speedWindowMs` of the body. */
  readonly minBytesPerSecond: number;
  readonly speedWindowMs: number;
  /** Of the body, as sent and as unpacked. */
  readonly maxBytes: number;
}

const TICK_MS = 1000;

/** Watches one request and aborts it when it breaks a limit; disposal ends the watch. */
export class RequestWatch implements Disposable {
  readonly #limits: RequestLimits;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #ticker: Disposable;
  readonly #startMs: number;
  readonly #signal: AbortSignal;
  #phase: "head" | "body" = "head";
  #lastByteMs: number;
  #windowStartMs = 0;
  #windowBytes = 0;
  #numBytes = 0;

  constructor(limits: RequestLimits, clock: Clock, signal: AbortSignal | undefined) {
    this.#limits = limits;
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
    this.#lastByteMs = this.#startMs;
    this.#signal =
      signal === undefined
        ? this.#controller.signal
        : AbortSignal.any([signal, this.#controller.signal]);
    this.#ticker = clock.every(TICK_MS, () => this.#check());
  }

  /** Aborted by a broken limit, with the fault as its reason, or by the caller's own signal. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  headArrived(): void {
    this.#phase = "body";
    this.#lastByteMs = this.#clock.monotonicMs();
    this.#windowStartMs = this.#lastByteMs;
    this.#windowBytes = 0;
  }

  /** Counts a piece of the body. Throws NetFault `NET_TOO_LARGE` when it is too much. */
  received(numBytes: number): void {
    this.#lastByteMs = this.#clock.monotonicMs();
    this.#windowBytes += numBytes;
    this.#numBytes += numBytes;
    if (this.#numBytes > this.#limits.maxBytes) throw tooLarge(this.#limits.maxBytes);
  }

  [Symbol.dispose](): void {
    this.#ticker[Symbol.dispose]();
  }

  #check(): void {
    const fault = this.#brokenLimit();
    if (fault !== undefined) this.#controller.abort(fault);
  }

  #brokenLimit(): NetFault | undefined {
    const nowMs = this.#clock.monotonicMs();
    const { headersTimeoutMs, idleTimeoutMs, totalTimeoutMs } = this.#limits;
    if (nowMs - this.#startMs > totalTimeoutMs)
      return timeout(`it was not done after ${seconds(totalTimeoutMs)}`);
    if (this.#phase === "head") {
      if (nowMs - this.#startMs <= headersTimeoutMs) return undefined;
      return timeout(`there was no answer after ${seconds(headersTimeoutMs)}`);
    }
    if (nowMs - this.#lastByteMs > idleTimeoutMs)
      return timeout(`nothing more came for ${seconds(idleTimeoutMs)}`);
    return this.#slowness(nowMs);
  }

  #slowness(nowMs: number): NetFault | undefined {
    const { minBytesPerSecond, speedWindowMs } = this.#limits;
    const windowMs = nowMs - this.#windowStartMs;
    if (windowMs < speedWindowMs) return undefined;
    const perSecond = (this.#windowBytes * 1000) / windowMs;
    this.#windowStartMs = nowMs;
    this.#windowBytes = 0;
    if (perSecond >= minBytesPerSecond) return undefined;
    const message = `${Math.round(perSecond)} bytes a second are too few, ${minBytesPerSecond} are asked for`;
    return new NetFault("NET_TOO_SLOW", message);
  }
}

function timeout(message: string): NetFault {
  return new NetFault("NET_TIMEOUT", message);
}

function seconds(durationMs: number): string {
  return `${durationMs / 1000} s`;
}

/** The fault of a body that is larger than it may be. */
export function tooLarge(maxBytes: number): NetFault {
  return new NetFault("NET_TOO_LARGE", `it is larger than ${maxBytes} bytes`);
}

/** The pieces of a response's body as they come, each told to the watch. */
export async function* watchedBody(
  pieces: AsyncIterable<unknown>,
  watch: RequestWatch,
): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    if (!Buffer.isBuffer(piece)) throw new TypeError("undici gives buffers");
    watch.received(piece.length);
    yield piece;
  }
}
