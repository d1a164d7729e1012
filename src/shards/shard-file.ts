import { createHash, hash } from "node:crypto";
import { errnoOf, ShardError } from "../core/errors.ts";
import type { SplitRole } from "../core/records.ts";
import { columnDifference } from "./arrow/column-type.ts";
import type { ByteRange } from "./arrow/batch-body.ts";
import type { ArrowFooter, ByteSource } from "./arrow/file-reader.ts";
import { parseBatch, readFooter } from "./arrow/file-reader.ts";
import { ArrowFormatError } from "./arrow/format-error.ts";
import { type ShardStorage, ShortReadError } from "./file-storage.ts";
import { planHead } from "./reading/plan-rows.ts";
import { fileAt } from "./remote/location.ts";
import { sceneFields, type SceneRows, sceneRows } from "./scene-columns.ts";
import type { ListedBatch, ListedShard } from "./reading/split-table.ts";

const REMEDY =
  "`crossweave validate` lists every fault; build the set again with `crossweave prepare … --fresh`";

/** Where in a set a fault lies. */
export interface ShardPlace {
  /** The set's folder or URL; left out where the reader knows which set is spoken of. */
  readonly set?: string | undefined;
  readonly file: string;
  readonly batch?: number | undefined;
  readonly row?: number | undefined;
}

/** "batch 3, row 17", as far as they are known. */
function describePlace(place: ShardPlace): string | undefined {
  if (place.batch === undefined) return undefined;
  return place.row === undefined
    ? `batch ${place.batch}`
    : `batch ${place.batch}, row ${place.row}`;
}

export function shardFault(place: ShardPlace, found: string, cause?: unknown): ShardError {
  const file = place.set === undefined ? place.file : fileAt(place.set, place.file);
  const where = [file, describePlace(place)].filter((part) => part !== undefined).join(", ");
  return new ShardError(`${where}: ${found}`, {
    file,
    record: describePlace(place),
    remedy: REMEDY,
    cause,
  });
}

const MISSING: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "the file is missing"],
  ["ENOTDIR", "the file is missing: what should be its folder is a file"],
  ["ELOOP", "the file is a link that leads back to itself"],
]);

/** What damage an error tells of, or undefined when it is no damage. */
export function describeReadFault(error: unknown): string | undefined {
  if (error instanceof ArrowFormatError || error instanceof ShortReadError) return error.message;
  return MISSING.get(errnoOf(error) ?? "");
}

/** Turns what reading damaged bytes throws into a fault with its place; other errors are given back. */
export function placedFault(error: unknown, place: ShardPlace): unknown {
  const message = describeReadFault(error);
  return message === undefined ? error : shardFault(place, message, error);
}

/** The scenes of a batch and where the bytes of their pictures lie in the file. */
export interface LoadedHead {
  readonly rows: SceneRows;
  readonly sizeBytes: number;
  /** Position in the file of the first byte of the batch's body. */
  readonly bodyOffset: number;
}

/** Opens a shard and checks size, footer and schema against its index entry. */
export async function openShard(
  storage: ShardStorage,
  shard: ListedShard,
  set: string,
): Promise<ByteSource> {
  try {
    const source = await storage.open(shard.file);
    if (source.sizeBytes !== shard.sizeBytes) {
      throw new ArrowFormatError(`${source.sizeBytes} bytes, the index says ${shard.sizeBytes}`);
    }
    await requireFooter(source, shard).catch((error: unknown) => {
      const again = sourceAgain(source);
      if (again === undefined || describeReadFault(error) === undefined) throw error;
      return requireFooter(again, shard);
    });
    return source;
  } catch (error) {
    throw placedFault(error, { set, file: shard.file });
  }
}

const CHUNK_BYTES = 2 ** 20;

/** The SHA-256 of a whole file, of which no more than a piece is in memory; `onRead` is told how large each is. */
export async function sha256OfSource(
  source: ByteSource,
  onRead: (sizeBytes: number) => void = () => {},
): Promise<string> {
  const fileHash = createHash("sha256");
  const memory = new Uint8Array(Math.min(CHUNK_BYTES, source.sizeBytes));
  for (let offset = 0; offset < source.sizeBytes; offset += CHUNK_BYTES) {
    const sizeBytes = Math.min(CHUNK_BYTES, source.sizeBytes - offset);
    fileHash.update(await source.read({ offset, sizeBytes }, memory));
    onRead(sizeBytes);
  }
  return fileHash.digest("hex");
}

/** The source with every read made again, where that may help. */
function sourceAgain(source: ByteSource): ByteSource | undefined {
  const { sizeBytes } = source;
  if (source.readAgain === undefined) return undefined;
  return { sizeBytes, read: (range) => source.readAgain?.(range) ?? source.read(range) };
}

async function requireFooter(source: ByteSource, shard: ListedShard): Promise<void> {
  const difference = footerDifference(await readFooter(source), shard);
  if (difference !== undefined) throw new ArrowFormatError(difference);
}

/** What the shards of a split say of themselves in the metadata of their schema. */
export function shardMetadata(split: {
  readonly name: string;
  readonly role: SplitRole;
}): ReadonlyMap<string, string> {
  return new Map([
    ["crossweave.format", "crossweave-shards"],
    ["crossweave.version", "1"],
    ["crossweave.split", split.name],
    ["crossweave.role", split.role],
  ]);
}

/** Where what a file says of itself is not what is expected of it, or undefined. */
export function metadataDifference(
  { metadata }: ArrowFooter,
  expected: ReadonlyMap<string, string>,
): string | undefined {
  for (const [key, value] of expected) {
    const found = metadata.get(key);
    if (found !== value) return `its ${key} is ${JSON.stringify(found)}, expected "${value}"`;
  }
  return undefined;
}

/** Where a shard's schema or list of batches is not what the index says, or undefined. */
export function footerDifference(footer: ArrowFooter, shard: ListedShard): string | undefined {
  const columns = sceneFields.map((field) => field.column);
  const difference = columnDifference(footer.columns, columns);
  if (difference !== undefined) return difference;
  const isSame =
    footer.batches.length === shard.batches.length &&
    footer.batches.every((block, index) => {
      const entry = shard.batches[index];
      const sizeBytes = block.metadataSizeBytes + block.bodySizeBytes;
      return entry?.offset === block.offset && entry.sizeBytes === sizeBytes;
    });
  return isSame ? undefined : "its footer lists other batches than the index";
}

/** Reads and verifies everything of a batch but its pictures: one read, or two where the first may have been spoilt. */
export function loadHead(
  source: ByteSource,
  entry: ListedBatch,
  place: ShardPlace,
): Promise<LoadedHead> {
  return loadHeadBy(source, entry, { place, check: (bytes) => verifiedHead(bytes, entry) });
}

/** The same, where `check` tells whether the bytes are right. */
export async function loadHeadBy(
  source: ByteSource,
  entry: ListedBatch,
  { check, place }: { check: (bytes: Uint8Array) => LoadedHead; place: ShardPlace },
): Promise<LoadedHead> {
  const range = planHead(entry);
  try {
    return await readChecked(source, { range, bytes: await source.read(range) }, check);
  } catch (error) {
    throw placedFault(error, place);
  }
}

/** What `check` makes of bytes that were read, or, where it refuses them, of the same bytes read once more from where they come. */
export async function readChecked<T>(
  source: ByteSource,
  { range, bytes }: { readonly range: ByteRange; readonly bytes: Uint8Array },
  check: (bytes: Uint8Array) => T,
): Promise<T> {
  try {
    return check(bytes);
  } catch (error) {
    if (source.readAgain === undefined) throw error;
    return check(await source.readAgain(range));
  }
}

/** Parses the first bytes of a batch after checking them against the index. */
export function verifiedHead(bytes: Uint8Array, entry: ListedBatch): LoadedHead {
  const actual = hash("sha256", bytes, "hex");
  if (actual !== entry.headSha256) throw headFault(actual, entry);
  return parsedHead(bytes, entry);
}

export function headFault(sha256: string, entry: ListedBatch): ArrowFormatError {
  const expected = entry.headSha256;
  return new ArrowFormatError(
    `its small columns have the digest ${sha256}, the index says ${expected}`,
  );
}

/** Parses the first bytes of a batch, which are known to be the right ones. */
export function parsedHead(bytes: Uint8Array, entry: ListedBatch): LoadedHead {
  const batch = parseBatch(bytes);
  if (batch.numRows !== entry.numScenes) {
    throw new ArrowFormatError(`${batch.numRows} scenes, the index says ${entry.numScenes}`);
  }
  if (batch.metadataSizeBytes + batch.sizeBytes !== entry.sizeBytes) {
    throw new ArrowFormatError("its metadata and the index differ in its size");
  }
  return {
    rows: sceneRows(batch),
    sizeBytes: bytes.byteLength,
    bodyOffset: entry.offset + batch.metadataSizeBytes,
  };
}
