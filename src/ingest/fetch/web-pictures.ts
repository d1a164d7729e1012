import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha256 } from "../../core/digest.ts";
import { errnoOf } from "../../core/errors.ts";
import { writeFileAtomically } from "../../core/files.ts";
import { NetFault } from "../../core/network/net-fault.ts";
import { PictureFault } from "../pictures/picture-fault.ts";
import type { FetchRecords, PictureRecord } from "./fetch-records.ts";
import { requireFreeSpace } from "./free-space.ts";
import { type ListedPicture, readPictureList } from "./picture-list.ts";
import { fetchWebPicture, type WebPictureContext } from "./web-picture.ts";

/** What became of the pictures of a list. */
export interface PictureSummary {
  readonly dataset: string;
  readonly list: string;
  /** URLs of the list, each counted once. */
  readonly numUrls: number;
  /** Of this run. */
  readonly numFetched: number;
  readonly numThere: number;
  /** Not there, and not to be tried again. */
  readonly numFinal: number;
  /** Not there, to be tried again by the next run. */
  readonly numLater: number;
  /** All records of the dataset, by how they ended; the code of those that are there is "". */
  readonly outcomes: readonly {
    readonly state: string;
    readonly code: string;
    readonly count: number;
  }[];
  /** Contents that many URLs share; they may be placeholders. */
  readonly repeated: readonly {
    readonly sha256: string;
    readonly count: number;
    readonly url: string;
  }[];
  /** One JSON line a URL. */
  readonly resultsFile: string;
}

export interface PictureListOptions {
  readonly dataset: string;
  readonly lists: readonly string[];
  /** Try what failed for good, too. */
  readonly retryFailed: boolean;
  /** How many URLs are begun before the first of them is done. */
  readonly lookAhead: number;
}

/** After so many runs that failed in a passing way, a picture is given up. */
const MAX_RUNS = 3;
const REPEATED_FROM = 20;
const TYPICAL_PICTURE_BYTES = 150_000;
const SPACE_CHECK_EVERY = 1000;

/**
 * Fetches the pictures that lists name, below "<dataset folder>/pictures". The record of each URL is
 * kept, so that the same call goes on, asks again for what failed in a passing way, and leaves alone
 * what will not be had. Throws IncompleteError for a full disk, and the abort reason.
 */
export async function fetchWebPictures(
  context: WebPictureContext,
  options: PictureListOptions,
): Promise<PictureSummary> {
  const total = await countPictures(options.lists);
  await requireFreeSpace(context.folder.path, TYPICAL_PICTURE_BYTES);
  const run = new PictureRun(context, options, total);
  await run.fetchAll();
  return run.summary();
}

/** How many URLs lists name, repeated ones counted again. */
export async function countPictures(lists: readonly string[]): Promise<number> {
  let count = 0;
  for (const list of lists) {
    for await (const _ of readPictureList(list)) count += 1;
  }
  return count;
}

class PictureRun {
  readonly #context: WebPictureContext;
  readonly #options: PictureListOptions;
  readonly #records: FetchRecords;
  readonly #total: number;
  readonly #counts = { listed: 0, urls: 0, fetched: 0, there: 0, final: 0, later: 0 };
  #numGoing = 0;
  #waiting: PromiseWithResolvers<void> | undefined;
  #numBytes = 0;
  #startMs = 0;
  #fault: unknown;

  constructor(context: WebPictureContext, options: PictureListOptions, total: number) {
    this.#context = context;
    this.#options = options;
    this.#records = context.folder.records;
    this.#total = total;
  }

  async fetchAll(): Promise<void> {
    this.#startMs = this.#context.clock.monotonicMs();
    try {
      for (const list of this.#options.lists) {
        for await (const picture of readPictureList(list)) await this.#begin(picture);
      }
    } finally {
      while (this.#numGoing > 0) await this.#nextDone();
    }
    this.#throwFault();
  }

  async summary(): Promise<PictureSummary> {
    const { dataset, lists } = this.#options;
    const { urls, fetched, there, final, later } = this.#counts;
    const resultsFile = `${this.#context.picturesFolder}.jsonl`;
    const path = join(this.#context.folder.path, resultsFile);
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomically(path, this.#lines());
    return {
      dataset,
      list: lists.join(", "),
      numUrls: urls,
      numFetched: fetched,
      numThere: there,
      numFinal: final,
      numLater: later,
      outcomes: this.#records.countPictures(dataset),
      repeated: this.#records.repeatedPictures(dataset, REPEATED_FROM),
      resultsFile,
    };
  }

  *#lines(): Generator<string> {
    for (const record of this.#records.pictures(this.#options.dataset)) {
      const { url, state, code, message, path, sizeBytes, sha256: digest } = record;
      yield `${JSON.stringify({ url, state, code, message, path, sizeBytes, sha256: digest })}\n`;
    }
  }

  #throwFault(): void {
    this.#context.signal?.throwIfAborted();
    if (this.#fault !== undefined) throw this.#fault;
  }

  async #begin(picture: ListedPicture): Promise<void> {
    this.#throwFault();
    this.#counts.listed += 1;
    if (this.#counts.listed % SPACE_CHECK_EVERY === 0)
      await requireFreeSpace(this.#context.folder.path, TYPICAL_PICTURE_BYTES);
    const urlSha256 = sha256(picture.url);
    if (!this.#records.isNew(this.#options.dataset, urlSha256)) return;
    while (this.#numGoing >= this.#options.lookAhead) await this.#nextDone();
    this.#numGoing += 1;
    void this.#settle(picture, urlSha256);
  }

  /** Resolves when one of the tasks that are going is done. */
  #nextDone(): Promise<void> {
    this.#waiting ??= Promise.withResolvers<void>();
    return this.#waiting.promise;
  }

  async #settle(picture: ListedPicture, urlSha256: string): Promise<void> {
    try {
      await this.#take(picture, urlSha256);
    } catch (error) {
      this.#fault ??= error;
    }
    this.#numGoing -= 1;
    this.#report();
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  async #take(picture: ListedPicture, urlSha256: string): Promise<void> {
    const { dataset, retryFailed } = this.#options;
    const known = this.#records.pictureOf(dataset, urlSha256);
    this.#counts.urls += 1;
    if (known?.state === "done" && (await this.#isThere(known))) this.#counts.there += 1;
    else if (known?.state === "final" && !retryFailed) this.#counts.final += 1;
    else await this.#fetch(picture, urlSha256, known);
  }

  async #isThere({ path, sizeBytes }: PictureRecord): Promise<boolean> {
    if (path === null) return false;
    try {
      return (await stat(join(this.#context.folder.path, path))).size === sizeBytes;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return false;
      throw error;
    }
  }

  async #fetch(
    picture: ListedPicture,
    urlSha256: string,
    known: PictureRecord | undefined,
  ): Promise<void> {
    const runs = (known?.runs ?? 0) + 1;
    const record = await this.#tried(picture, known?.sha256 ?? undefined, runs);
    const { url } = picture;
    this.#records.setPicture(this.#options.dataset, { url, urlSha256 }, record);
    if (record.state === "done") this.#counts.fetched += 1;
    else this.#counts[record.state] += 1;
    this.#numBytes += record.state === "done" ? (record.sizeBytes ?? 0) : 0;
  }

  async #tried(
    picture: ListedPicture,
    recordedSha256: string | undefined,
    runs: number,
  ): Promise<PictureRecord> {
    try {
      const knownSha256 = picture.sha256 ?? recordedSha256;
      const stored = await fetchWebPicture(picture, knownSha256, this.#context);
      return { state: "done", code: "", message: "", ...stored, runs };
    } catch (error) {
      const isFinal = error instanceof PictureFault || (error instanceof NetFault && error.isFinal);
      if (!isFinal && !(error instanceof NetFault)) throw error;
      const state = isFinal || runs >= MAX_RUNS ? "final" : "later";
      // What it was once stays known, also while it cannot be had.
      const sha256Before = recordedSha256 ?? null;
      const { code, message } = error;
      return { state, code, message, path: null, sizeBytes: null, sha256: sha256Before, runs };
    }
  }

  #report(): void {
    const { listed, fetched, there, final, later } = this.#counts;
    const seconds = (this.#context.clock.monotonicMs() - this.#startMs) / 1000;
    const speed = seconds === 0 ? 0 : this.#numBytes / 1e6 / seconds;
    this.#context.progress.report({
      activity: `pictures of ${this.#options.dataset}`,
      done: listed - this.#numGoing,
      total: this.#total,
      unit: "URLs",
      note: `${fetched + there} there, ${final} not to be had, ${later} for later, ${speed.toFixed(1)} MB/s`,
    });
  }
}
