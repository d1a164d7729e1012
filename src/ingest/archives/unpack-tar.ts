import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline, Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { errnoOf } from "../../core/errors.ts";
import { ArchiveFault, type Unpacking } from "./archive-fault.ts";
import { MemberWriter, type UnpackOptions } from "./member-writer.ts";
import { TarHeaderGuard } from "./tar-header-guard.ts";

/**
 * Unpacks a tar file, gzipped or not, below a folder, by the rules of `unpackZip`: unsafe names, links
 * and devices are left out, of a file that is cut the complete members are kept.
 * Throws ArchiveFault for what is wrong with the whole archive.
 */
export async function unpackTar(path: string, options: UnpackOptions): Promise<Unpacking> {
  await using writer = new MemberWriter(options);
  const stream = new TarStream(path, await isGzip(path), writer.maxRatio);
  try {
    for await (const entry of stream.entries()) await addEntry(entry, writer);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!isOfStreams(error)) throw error;
    // A member's stream only says that it was ended; why, the streams before it know.
    const fault = (await stream.fault()) ?? error;
    if (!isCut(fault)) throw asArchiveFault(fault);
    return await writer.done(stream.numBytes);
  }
  if (stream.numBytes === 0) throw new ArchiveFault("ARC_CORRUPT", "it is empty");
  return await writer.done();
}

async function isGzip(path: string): Promise<boolean> {
  await using file = await open(path, "r");
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return buffer.readUInt16BE(0) === 0x1f8b;
}

/** One member: its header, and its content as a stream. */
interface Entry extends AsyncIterable<unknown> {
  readonly header: Pick<Header, "name" | "type" | "size">;
  readonly offset: number;
  resume(): unknown;
}

const CHUNK_BYTES = 2 ** 18;
const RATIO_FREE_BYTES = 2 ** 20;

/** The entries of a tar file, with the ratio of its compression watched. */
class TarStream {
  readonly #path: string;
  readonly #gzip: boolean;
  readonly #maxRatio: number;
  #numPacked = 0;
  #numBytes = 0;
  readonly #settled = Promise.withResolvers<Error | undefined>();

  constructor(path: string, gzip: boolean, maxRatio: number) {
    this.#path = path;
    this.#gzip = gzip;
    this.#maxRatio = maxRatio;
  }

  /** Bytes of the unpacked tar that were read so far. */
  get numBytes(): number {
    return this.#numBytes;
  }

  /** What ended the streams, once they have ended. */
  fault(): Promise<Error | undefined> {
    return this.#settled.promise;
  }

  async *entries(): AsyncGenerator<Entry> {
    const raw = createReadStream(this.#path, { highWaterMark: CHUNK_BYTES });
    const packed = this.#watch((length) => {
      this.#numPacked += length;
    });
    const unpacked = this.#watch((length) => this.#count(length));
    const guard = new TarHeaderGuard();
    const tar = extract();
    const settle = (error: Error | null | undefined): void =>
      this.#settled.resolve(error ?? undefined);
    if (this.#gzip) pipeline(raw, packed, createGunzip(), unpacked, guard, tar, settle);
    else pipeline(raw, packed, unpacked, guard, tar, settle);
    yield* tar;
  }

  #count(length: number): void {
    this.#numBytes += length;
    if (this.#numBytes <= Math.max(RATIO_FREE_BYTES, this.#maxRatio * this.#numPacked)) return;
    const message = `the archive unpacks to more than ${this.#maxRatio} times its bytes`;
    throw new ArchiveFault("ARC_BOMB", message);
  }

  #watch(see: (length: number) => void): Transform {
    return new Transform({
      transform(chunk: Buffer, _encoding, done): void {
        try {
          see(chunk.length);
          done(null, chunk);
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)));
        }
      },
    });
  }
}

const OTHER_TYPES: Readonly<Record<string, string>> = {
  link: "a hard link",
  symlink: "a symbolic link",
  "character-device": "a character device",
  "block-device": "a block device",
  fifo: "a named pipe",
};

async function addEntry(entry: Entry, writer: MemberWriter): Promise<void> {
  const { name, type, size } = entry.header;
  const rawName = Buffer.from(name.replace(/^(?:\.\/)+/, ""));
  const member = {
    rawName,
    byteOffset: entry.offset,
    // The ratio is watched for the whole file.
    packedBytes: size,
    sizeBytes: size,
    crc32: undefined,
  };
  if (type === "file" || type === "contiguous-file")
    await writer.add(member, () => contentOf(entry));
  else if (type !== "directory") {
    const message = `it is ${OTHER_TYPES[type] ?? "no regular file"}`;
    writer.leaveOut(member, new ArchiveFault("ARC_NOT_A_FILE", message));
  }
  entry.resume();
}

async function* contentOf(entry: Entry): AsyncGenerator<Buffer> {
  // Not by for-await: a member that is given up would end the whole stream with it.
  const chunks = entry[Symbol.asyncIterator]();
  const next = async (): Promise<Buffer | undefined> => {
    const { value, done }: IteratorResult<unknown> = await chunks.next();
    return done !== true && Buffer.isBuffer(value) ? value : undefined;
  };
  let chunk = await next();
  try {
    for (; chunk !== undefined; chunk = await next()) yield chunk;
  } finally {
    while (chunk !== undefined) chunk = await next();
  }
}

/** Whether the streams failed, and not the disk or the archive's rules. */
function isOfStreams(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof ArchiveFault) return false;
  const errno = errnoOf(error);
  return errno === undefined || /^(?:Z_|STREAM_|ERR_STREAM)/.test(errno);
}

function isCut(error: unknown): boolean {
  return (
    errnoOf(error) === "Z_BUF_ERROR" ||
    (error instanceof Error && error.message === "Unexpected end of data")
  );
}

function asArchiveFault(error: Error): Error {
  if (!isOfStreams(error)) return error;
  return new ArchiveFault("ARC_CORRUPT", `it is no tar file, or damaged: ${error.message}`, error);
}
