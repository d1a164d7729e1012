import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf } from "../../core/errors.ts";
import { syncFolder } from "../../core/files.ts";
import { mixSeed } from "../../core/random.ts";
import { type NetResponse, requireStatus } from "../network/http-client.ts";
import { NetFault } from "../../core/network/net-fault.ts";
import { type RequestLimits, tooLarge } from "../../core/network/request-watch.ts";
import { withRetries } from "../../core/network/retries.ts";
import type { OfficialDownload } from "./download-manifest.ts";
import { type FetchContext, type TransferMeter, urlToAsk } from "./fetch-context.ts";
import type { FileRecord, Validators } from "./fetch-records.ts";
import { type Proof, requireRight, statedDigests, type StatedDigests } from "./file-digests.ts";
import {
  conditionOf,
  contentRange,
  rangeFrom,
  requireNoPage,
  validatorsOf,
} from "./file-version.ts";
import { requireFreeSpace } from "./free-space.ts";

/** A file that is complete and under its name. */
export interface FetchedFile extends FileRecord {
  readonly outcome: "fetched" | "there already";
  /** What it was compared with. */
  readonly proof: Proof;
}

/** Archives may be of any size, but not of any speed. */
const fileLimits: RequestLimits = {
  headersTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  totalTimeoutMs: Number.POSITIVE_INFINITY,
  minBytesPerSecond: 2048,
  speedWindowMs: 60_000,
  maxBytes: 256 * 2 ** 30,
};

/**
 * Fetches a file, or finds that it is there. It is resumed by range as long as the server still has the
 * version it was begun with, compared with every size and digest that is known, and only then given its
 * name. Throws NetFault.
 */
export async function downloadFile(
  wanted: OfficialDownload,
  context: FetchContext,
  meter: TransferMeter,
): Promise<FetchedFile> {
  const path = join(context.folder.path, wanted.to);
  if (await isThere(path)) return takeWhatIsThere(path, wanted, context);
  await mkdir(dirname(path), { recursive: true });
  const download = new Download(path, wanted, { context, meter });
  const { clock, gate, retries, seed, signal } = context;
  const asked = new URL(urlToAsk(wanted.url, context.mirror));
  return gate.run(asked.hostname, () =>
    withRetries(
      () => download.attempt(asked.href),
      {
        policy: retries,
        clock,
        randomKey: [seed, mixSeed(...Buffer.from(wanted.url))],
        signal,
        onWait: (fault, delayMs) =>
          context.progress.say(
            `${wanted.to}: ${fault.message}; trying again in ${Math.ceil(delayMs / 1000)} s`,
          ),
      },
      () => download.numBytes,
    ),
  );
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (errnoOf(error) === "ENOENT") return false;
      throw error;
    },
  );
}

async function takeWhatIsThere(
  path: string,
  wanted: OfficialDownload,
  { folder, trustNew }: FetchContext,
): Promise<FetchedFile> {
  const { records } = folder;
  const recorded = records.fileOf(wanted.url);
  const { size } = await stat(path);
  if (recorded?.sizeBytes === size)
    return { ...recorded, outcome: "there already", proof: "nothing" };
  const { file, proof } = await requireRight(path, { wanted, recorded, trustNew });
  records.setFile(wanted.url, file);
  return { ...file, outcome: "there already", proof };
}

/** The part of a file that is on the disk, and its way to be whole. */
class Download {
  readonly #path: string;
  readonly #part: string;
  readonly #wanted: OfficialDownload;
  readonly #context: FetchContext;
  readonly #meter: TransferMeter;
  #numBytes = 0;
  #numCounted = 0;
  #isExpected: boolean;
  /** Whether the next attempt begins anew, whatever is there. */
  #mustBeginAnew = false;

  constructor(
    path: string,
    wanted: OfficialDownload,
    shared: { readonly context: FetchContext; readonly meter: TransferMeter },
  ) {
    this.#path = path;
    this.#part = `${path}.part`;
    this.#wanted = wanted;
    this.#context = shared.context;
    this.#meter = shared.meter;
    this.#isExpected = wanted.sizeBytes !== undefined;
  }

  /** How much of the file is on the disk. */
  get numBytes(): number {
    return this.#numBytes;
  }

  async attempt(asked: string): Promise<FetchedFile> {
    await using file = await openPart(this.#part);
    const begun = await this.#begun(file);
    const isWhole = begun !== undefined && begun.totalBytes === this.#numBytes;
    const stated = isWhole ? {} : await this.#transfer(asked, file, begun);
    await file.sync();
    // Awaited here: the file is closed only after it.
    return await this.#finish(stated, begun !== undefined);
  }

  /** The version that the part on the disk is of; undefined, and nothing on the disk, to begin anew. */
  async #begun(file: FileHandle): Promise<Validators | undefined> {
    const known = this.#context.folder.records.partOf(this.#wanted.url);
    const { size } = await file.stat();
    const { sha256, md5 } = this.#wanted;
    const canGoOn =
      known !== undefined &&
      size > 0 &&
      size <= (known.totalBytes ?? Number.POSITIVE_INFINITY) &&
      (conditionOf(known) !== undefined || sha256 !== undefined || md5 !== undefined);
    if (this.#mustBeginAnew || !canGoOn) {
      await this.#beginAnew(file);
      return undefined;
    }
    this.#reach(size);
    return known;
  }

  async #beginAnew(file: FileHandle): Promise<void> {
    await file.truncate(0);
    this.#mustBeginAnew = false;
    this.#reach(0);
  }

  #reach(numBytes: number): void {
    this.#numBytes = numBytes;
    this.#meter.add(numBytes - this.#numCounted, basename(this.#path));
    this.#numCounted = numBytes;
  }

  async #transfer(
    asked: string,
    file: FileHandle,
    begun: Validators | undefined,
  ): Promise<StatedDigests> {
    const { client, clock, signal } = this.#context;
    const headers = begun === undefined ? {} : rangeFrom(this.#numBytes, begun);
    using response = await client.get(asked, { headers, limits: fileLimits, signal });
    if (begun !== undefined && response.status === 416)
      throw this.#changed("the server has no such range");
    requireStatus(response, begun === undefined ? [200] : [200, 206], clock);
    requireNoPage(response, this.#path);
    if (response.status === 206) this.#requireSameVersion(response, begun);
    else if (this.#numBytes > 0) {
      this.#context.progress.say(
        `${this.#wanted.to}: begins anew, since the server has another version or serves no ranges`,
      );
      await this.#beginAnew(file);
    }
    await this.#write(response, file);
    return statedDigests(response);
  }

  #requireSameVersion(response: NetResponse, begun: Validators | undefined): void {
    const range = contentRange(response);
    const { etag } = validatorsOf(response);
    const isSame =
      range?.start === this.#numBytes &&
      (begun?.totalBytes ?? range.totalBytes) === range.totalBytes &&
      (begun?.etag ?? etag) === etag;
    if (!isSame) throw this.#changed("the server sent a range of another version");
  }

  #changed(why: string): NetFault {
    this.#mustBeginAnew = true;
    return new NetFault("NET_LENGTH", `${why}; the file is fetched anew`);
  }

  async #write(response: NetResponse, file: FileHandle): Promise<void> {
    const validators = validatorsOf(response);
    await this.#requireExpected(validators.totalBytes);
    this.#context.folder.records.setPart(this.#wanted.url, validators);
    for await (const chunk of response.body()) {
      await writeAt(file, chunk, this.#numBytes);
      this.#reach(this.#numBytes + chunk.length);
    }
    const { totalBytes = this.#numBytes } = validators;
    if (this.#numBytes !== totalBytes) {
      const message = `${this.#numBytes} bytes came, ${totalBytes} were announced`;
      throw new NetFault("NET_LENGTH", message);
    }
  }

  async #requireExpected(totalBytes: number | undefined): Promise<void> {
    const { sizeBytes } = this.#wanted;
    if (totalBytes === undefined) return;
    if (sizeBytes !== undefined && sizeBytes !== totalBytes && !this.#context.trustNew) {
      const message = `the server's file has ${totalBytes} bytes, the publisher's had ${sizeBytes}`;
      throw new NetFault("NET_HASH_MISMATCH", message);
    }
    if (totalBytes > fileLimits.maxBytes) throw tooLarge(fileLimits.maxBytes);
    if (!this.#isExpected) this.#meter.expect(totalBytes);
    this.#isExpected = true;
    await requireFreeSpace(dirname(this.#path), totalBytes - this.#numBytes);
  }

  /** Gives the file its name, if it is the right one; removes it otherwise. */
  async #finish(stated: StatedDigests, wasResumed: boolean): Promise<FetchedFile> {
    const { trustNew, folder } = this.#context;
    const { records } = folder;
    const { url } = this.#wanted;
    const recorded = records.fileOf(url);
    try {
      const known = { wanted: this.#wanted, recorded, stated, trustNew };
      const { file, proof } = await requireRight(this.#part, known);
      await rename(this.#part, this.#path);
      await syncFolder(dirname(this.#path));
      records.setFile(url, file);
      records.setPart(url, undefined);
      return { ...file, outcome: "fetched", proof };
    } catch (error) {
      if (!(error instanceof NetFault)) throw error;
      await rm(this.#part, { force: true });
      records.setPart(url, undefined);
      this.#reach(0);
      if (!wasResumed) throw error;
      throw new NetFault("NET_LENGTH", "its parts do not fit together; it is fetched anew", {
        cause: error,
      });
    }
  }
}

// O_NOFOLLOW: whoever can write to the folder must not turn the part into a link to elsewhere.
const PART_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

function openPart(path: string): Promise<FileHandle> {
  return open(path, PART_FLAGS, 0o644);
}

async function writeAt(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    const { bytesWritten } = await file.write(chunk, offset, undefined, position + offset);
    offset += bytesWritten;
  }
}
