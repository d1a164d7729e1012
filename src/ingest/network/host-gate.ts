import pLimit, { type LimitFunction } from "p-limit";
import type { Clock } from "../../core/network/clock.ts";

interface Host {
  readonly limit: LimitFunction;
  /** Before this, nothing is asked of the host. */
  notBeforeMs: number;
  /** Between the beginnings of two requests. */
  spacingMs: number;
}

export interface GateOptions {
  readonly concurrency: number;
  readonly perHost: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** Lets so many requests go at a time, so many of them to one host, and none to a host that asked for a pause. */
export class HostGate {
  readonly #options: GateOptions;
  readonly #all: LimitFunction;
  readonly #hosts = new Map<string, Host>();

  constructor(options: GateOptions) {
    this.#options = options;
    this.#all = pLimit(options.concurrency);
  }

  /** Runs a task when it is its turn. A task that waits for its host keeps no other host's from going. */
  async run<T>(hostname: string, task: () => Promise<T>): Promise<T> {
    const host = this.#host(hostname);
    try {
      return await host.limit(async () => {
        await this.#turnOf(host);
        return this.#all(task);
      });
    } finally {
      this.#forget(hostname, host);
    }
  }

  /** Asks nothing of a host for a while. */
  pause(hostname: string, durationMs: number): void {
    const host = this.#host(hostname);
    const untilMs = this.#options.clock.monotonicMs() + durationMs;
    host.notBeforeMs = Math.max(host.notBeforeMs, untilMs);
  }

  /** Keeps requests to a host apart, as its robots.txt may ask. */
  space(hostname: string, spacingMs: number): void {
    this.#host(hostname).spacingMs = spacingMs;
  }

  async #turnOf(host: Host): Promise<void> {
    const { clock, signal } = this.#options;
    for (;;) {
      signal?.throwIfAborted();
      const nowMs = clock.monotonicMs();
      if (nowMs >= host.notBeforeMs) {
        host.notBeforeMs = nowMs + host.spacingMs;
        return;
      }
      await clock.sleep(host.notBeforeMs - nowMs, signal);
    }
  }

  #host(hostname: string): Host {
    const known = this.#hosts.get(hostname);
    if (known !== undefined) return known;
    const made = { limit: pLimit(this.#options.perHost), notBeforeMs: 0, spacingMs: 0 };
    this.#hosts.set(hostname, made);
    return made;
  }

  /** Millions of hosts come by; one that nobody waits for and that asked for nothing is forgotten. */
  #forget(hostname: string, host: Host): void {
    const isIdle = host.limit.activeCount + host.limit.pendingCount === 0;
    if (isIdle && host.notBeforeMs <= this.#options.clock.monotonicMs() && host.spacingMs === 0)
      this.#hosts.delete(hostname);
  }
}
