import type { Progress } from "../../core/progress.ts";
import type { Clock } from "../../core/network/clock.ts";
import type { HostGate } from "../network/host-gate.ts";
import type { HttpClient } from "../network/http-client.ts";
import type { RetryPolicy } from "../../core/network/retries.ts";
import type { FetchFolder } from "./fetch-folder.ts";

/** What everything that is fetched in one run shares. */
export interface FetchContext {
  readonly folder: FetchFolder;
  readonly client: HttpClient;
  readonly gate: HostGate;
  readonly clock: Clock;
  readonly retries: RetryPolicy;
  /** Seed of the random part of delays. */
  readonly seed: number;
  /** Take content that differs from what was recorded or stated before. */
  readonly trustNew: boolean;
  /** Where official files are fetched instead: "<mirror>/<host>/<path>". */
  readonly mirror?: URL | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** The URL to ask for an official file: its own, or its place on the mirror. */
export function urlToAsk(url: string, mirror: URL | undefined): string {
  if (mirror === undefined) return url;
  const { host, pathname, search } = new URL(url);
  const base = mirror.href.replace(/\/$/, "");
  return `${base}/${host}${pathname}${search}`;
}

/** Adds up what several transfers bring and shows it as one progress, with speed and time left. */
export class TransferMeter {
  readonly #progress: Progress;
  readonly #activity: string;
  #doneBytes = 0;
  #totalBytes = 0;
  #note: string | undefined;

  constructor(progress: Progress, activity: string) {
    this.#progress = progress;
    this.#activity = activity;
  }

  /** Says that so many bytes more (or fewer) are to come. */
  expect(numBytes: number): void {
    this.#totalBytes += numBytes;
  }

  /** Counts bytes that are there; a negative number takes back what turned out to be useless. */
  add(numBytes: number, note: string): void {
    this.#doneBytes += numBytes;
    this.#note = note;
    this.#progress.report({
      activity: this.#activity,
      done: this.#doneBytes,
      total: Math.max(this.#totalBytes, this.#doneBytes),
      unit: "bytes",
      note: this.#note,
    });
  }
}
