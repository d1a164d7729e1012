import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { ShardError } from "../../core/errors.ts";
import { explainedWriteError, syncFolder } from "../../core/files.ts";
import { NetFault } from "../../core/network/net-fault.ts";
import type { FileEntry } from "../shard-set-index.ts";
import { fileAt } from "./location.ts";
import type { RemoteResponse } from "./remote-client.ts";
import { contentRange, type RemoteFiles } from "./remote-files.ts";
import { type ShardCache, versionFile } from "./shard-cache.ts";

export interface DownloadContext {
  readonly files: RemoteFiles;
  readonly cache: ShardCache;
  readonly signal: AbortSignal;
}

/** What became of a download: the file is there, somebody else is at it, or the cache has no room for it. */
export type DownloadOutcome = "there" | "busy" | "no room";

const HASH_CHUNK_BYTES = 2 ** 20;

/**
 * Brings a file of the set into the cache. It grows under another name, goes on where an earlier attempt was
 * stopped while the server has the same version, and gets its name when its digest is the index's. Throws
 * ShardError when the server's file has another digest, twice; IncompleteError when it cannot be had now.
 */
export async function downloadShard(
  entry: FileEntry,
  context: DownloadContext,
): Promise<DownloadOutcome> {
  const { cache, signal } = context;
  using lock = cache.tryLock(entry);
  if (lock === undefined) return "busy";
  if (await cache.take(entry)) return "there";
  if (!(await cache.reserve(entry, signal))) return "no room";
  const part = cache.partOf(entry);
  try {
    for (let numTries = 1; ; numTries += 1) {
      const actual = await new Download(part, entry, context).run();
      if (actual === entry.sha256) break;
      await removePart(part);
      if (numTries === 2) throw wrongDigest(entry, actual, context);
    }
    await cache.complete(entry, signal);
    // Its reader is here already: other downloads must not remove it again.
    await cache.take(entry);
    await removePart(part);
    await syncFolder(dirname(part));
  } catch (error) {
    throw explainedWriteError(error, part);
  }
  return "there";
}

async function removePart(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(versionFile(part), { force: true });
}

function wrongDigest(entry: FileEntry, actual: string, { files }: DownloadContext): ShardError {
  const path = fileAt(files.location, entry.file);
  return new ShardError(
    `${path}: fetched twice, the file has the sha256 ${actual}, the index says ${entry.sha256}`,
    { file: path, remedy: "upload the set again; its index and its files are not of one make" },
  );
}

/** One way of a part to be whole, over as many requests as it takes. */
class Download {
  readonly #part: string;
  readonly #entry: FileEntry;
  readonly #context: DownloadContext;
  #hash: Hash = createHash("sha256");
  #numBytes = 0;
  /** The entity tag of the version that the part is of. */
  #version: string | undefined;

  constructor(part: string, entry: FileEntry, context: DownloadContext) {
    this.#part = part;
    this.#entry = entry;
    this.#context = context;
  }

  /** The digest of what came. */
  async run(): Promise<string> {
    const { files, signal } = this.#context;
    await using file = await open(this.#part, "a+");
    await this.#goOn(file);
    await files.retried(this.#entry.file, () => this.#attempt(file), {
      signal,
      progressOf: () => this.#numBytes,
    });
    await file.sync();
    return this.#hash.digest("hex");
  }

  /** Takes up what an earlier process left; hashing is faster than any network. */
  async #goOn(file: FileHandle): Promise<void> {
    this.#version = await readFile(versionFile(this.#part), "utf8").catch(() => undefined);
    const { size } = await file.stat();
    if (size === 0 || size > this.#entry.sizeBytes || !isStrong(this.#version))
      return this.#beginAnew(file);
    const chunks: AsyncIterable<Buffer> = createReadStream(this.#part, {
      end: size - 1,
      highWaterMark: HASH_CHUNK_BYTES,
    });
    for await (const chunk of chunks) this.#hash.update(chunk);
    this.#numBytes = size;
  }

  async #beginAnew(file: FileHandle): Promise<void> {
    await file.truncate(0);
    this.#hash = createHash("sha256");
    this.#numBytes = 0;
  }

  async #attempt(file: FileHandle): Promise<void> {
    const { files, signal } = this.#context;
    const { sizeBytes } = this.#entry;
    if (this.#numBytes === sizeBytes && sizeBytes > 0) return;
    if (this.#numBytes > 0 && !isStrong(this.#version)) await this.#beginAnew(file);
    const range = { range: `bytes=${this.#numBytes}-`, "if-range": this.#version ?? "" };
    const headers = this.#numBytes === 0 ? {} : range;
    using response = await files.stream(this.#entry.file, { headers, signal });
    await this.#acceptVersion(response, file);
    for await (const chunk of response.body()) {
      if (this.#numBytes + chunk.length > sizeBytes) throw await this.#unfit(file, "more bytes");
      await file.appendFile(chunk);
      this.#hash.update(chunk);
      this.#numBytes += chunk.length;
    }
    if (this.#numBytes !== sizeBytes)
      throw new NetFault("NET_LENGTH", `${this.#numBytes} of ${sizeBytes} bytes came`);
  }

  /** Goes on with the version that was begun, or begins anew with another. */
  async #acceptVersion(response: RemoteResponse, file: FileHandle): Promise<void> {
    const etag = response.header("etag");
    if (response.status === 206) {
      const isRest = contentRange(response)?.start === this.#numBytes && etag === this.#version;
      if (!isRest) throw await this.#unfit(file, "a range of another version");
      return;
    }
    if (response.status === 416) throw await this.#unfit(file, "no such range");
    await this.#beginAnew(file);
    this.#version = etag;
    await writeFile(versionFile(this.#part), etag ?? "");
    const stated = Number(response.header("content-length") ?? this.#entry.sizeBytes);
    if (stated !== this.#entry.sizeBytes) throw this.#wrongSize(stated);
  }

  async #unfit(file: FileHandle, what: string): Promise<NetFault> {
    await this.#beginAnew(file);
    return new NetFault("NET_LENGTH", `the server sent ${what}; the file is fetched anew`);
  }

  #wrongSize(stated: number): ShardError {
    const path = fileAt(this.#context.files.location, this.#entry.file);
    return new ShardError(
      `${path}: ${stated} bytes, the index says ${this.#entry.sizeBytes}; its index and its files are not of one make`,
      { file: path, remedy: "upload the set again" },
    );
  }
}

function isStrong(etag: string | undefined): etag is string {
  return etag !== undefined && etag !== "" && !etag.startsWith("W/");
}
