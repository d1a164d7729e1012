import { type FileHandle, open } from "node:fs/promises";
import { type Entry, fromFdPromise, type ZipFile } from "yauzl";
import { ArchiveFault, type Unpacking } from "./archive-fault.ts";
import { MemberWriter, type PackedMember, type UnpackOptions } from "./member-writer.ts";
import { salvageZip } from "./salvage-zip.ts";
import { ambiguous, readAt, readZipEnd, type ZipEnd } from "./zip-end.ts";
import {
  HAS_DESCRIPTOR,
  type LocalHeader,
  memberContent,
  readLocalHeader,
  requireReadable,
  SIZE_ELSEWHERE,
} from "./zip-header.ts";

/**
 * Unpacks a zip file below a folder. Members that are unsafe, no files, damaged or not readable are
 * left out with their reason; nothing of the archive is written when two readers could see different
 * files in it. Of a file that is cut, the complete members are kept. Nested archives stay packed.
 * Throws ArchiveFault for what is wrong with the whole archive.
 */
export async function unpackZip(path: string, options: UnpackOptions): Promise<Unpacking> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  await using writer = new MemberWriter(options);
  const end = await readZipEnd(file, size);
  if (end === undefined) return await writer.done(await salvageZip(file, size, writer));
  await requireOneReading(file, end, writer);
  for await (const entry of entriesOf(file)) {
    if (!isFolder(entry)) await addEntry(file, entry, writer);
  }
  return await writer.done();
}

async function* entriesOf(file: FileHandle): AsyncGenerator<Entry> {
  try {
    const zip: ZipFile = await fromFdPromise(file.fd, {
      autoClose: false,
      decodeStrings: false,
      validateEntrySizes: false,
    });
    yield* zip.eachEntry();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof ArchiveFault || "code" in error) throw error;
    throw new ArchiveFault("ARC_CORRUPT", `its directory is damaged: ${error.message}`, error);
  }
}

/**
 * Compares the directory with what lies in the file: the headers before the members say the same, the
 * members do not overlap, and nothing that looks like a member or a directory lies between them.
 */
async function requireOneReading(
  file: FileHandle,
  end: ZipEnd,
  { index }: MemberWriter,
): Promise<void> {
  let directoryEnd = end.directoryStart;
  let numEntries = 0;
  for await (const entry of entriesOf(file)) {
    numEntries += 1;
    directoryEnd += 46 + entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
    const start = entry.relativeOffsetOfLocalHeader;
    const header = await headerOf(file, entry, end);
    requireSame(entry, header);
    index.addExtent({ start, end: header.dataStart + entry.compressedSize });
  }
  if (directoryEnd !== end.directoryEnd || numEntries !== end.numEntries)
    throw ambiguous("its directory holds more than its end says");
  let previousEnd = 0;
  for (const extent of index.extents()) {
    if (extent.start < previousEnd) throw ambiguous(`members overlap at byte ${extent.start}`);
    await requireNothingHidden(file, previousEnd, extent.start);
    previousEnd = extent.end;
  }
  if (previousEnd > end.directoryStart) throw ambiguous("a member overlaps the directory");
  await requireNothingHidden(file, previousEnd, end.directoryStart);
}

async function headerOf(file: FileHandle, entry: Entry, end: ZipEnd): Promise<LocalHeader> {
  const offset = entry.relativeOffsetOfLocalHeader;
  const header = offset < end.directoryStart ? await readLocalHeader(file, offset) : undefined;
  if (header === undefined) throw ambiguous(`there is no member at byte ${offset}`);
  return header;
}

function requireSame(entry: Entry, header: LocalHeader): void {
  const at = `at byte ${entry.relativeOffsetOfLocalHeader}`;
  if (!header.rawName.equals(entry.fileNameRaw)) throw ambiguous(`a member has two names ${at}`);
  if (header.method !== entry.compressionMethod) throw ambiguous(`a member has two methods ${at}`);
  const isElsewhere =
    (header.flags & HAS_DESCRIPTOR) !== 0 || header.packedBytes === SIZE_ELSEWHERE;
  if (!isElsewhere && header.packedBytes !== entry.compressedSize)
    throw ambiguous(`a member has two sizes ${at}`);
}

const SCANNED_BYTES = 2 ** 16;
const HIDDEN = ["PK\x01\x02", "PK\x03\x04", "PK\x05\x06"].map((text) =>
  Buffer.from(text, "latin1"),
);

async function requireNothingHidden(file: FileHandle, start: number, end: number): Promise<void> {
  // Behind a member stands at most a descriptor of 24 bytes, which this check reads, too.
  if (end - start < 4) return;
  const gap = await readAt(file, start, Math.min(end - start, SCANNED_BYTES));
  if (HIDDEN.some((signature) => gap.includes(signature)))
    throw ambiguous(`other members lie hidden at byte ${start}`);
}

async function addEntry(file: FileHandle, entry: Entry, writer: MemberWriter): Promise<void> {
  const member: PackedMember = {
    rawName: entry.fileNameRaw,
    byteOffset: entry.relativeOffsetOfLocalHeader,
    packedBytes: entry.compressedSize,
    sizeBytes: entry.uncompressedSize,
    crc32: entry.crc32,
  };
  try {
    requireFile(entry);
    requireReadable({ flags: entry.generalPurposeBitFlag, method: entry.compressionMethod });
  } catch (error) {
    return writer.leaveOut(member, error);
  }
  await writer.add(member, async function* content() {
    const header = await readLocalHeader(file, entry.relativeOffsetOfLocalHeader);
    if (header === undefined) throw ambiguous("the file changed while it was read");
    const { compressedSize: packedBytes, compressionMethod: method } = entry;
    yield* memberContent(file, { start: header.dataStart, packedBytes, method });
  });
}

const UNIX_HOSTS: ReadonlySet<number> = new Set([3, 19]);
const FILE_TYPE_MASK = 0o170000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;
const OTHER_TYPES: Readonly<Record<number, string>> = {
  0o120000: "a symbolic link",
  0o020000: "a character device",
  0o060000: "a block device",
  0o010000: "a named pipe",
  0o140000: "a socket",
};

function fileTypeOf(entry: Entry): number {
  const isUnix = UNIX_HOSTS.has(entry.versionMadeBy >>> 8);
  return isUnix ? (entry.externalFileAttributes >>> 16) & FILE_TYPE_MASK : 0;
}

function isFolder(entry: Entry): boolean {
  const type = fileTypeOf(entry);
  return entry.fileNameRaw.at(-1) === 0x2f && (type === 0 || type === FOLDER);
}

function requireFile(entry: Entry): void {
  const type = fileTypeOf(entry);
  if (type === 0 || type === REGULAR) return;
  const message = `it is ${OTHER_TYPES[type] ?? "no regular file"}`;
  throw new ArchiveFault("ARC_NOT_A_FILE", message);
}
