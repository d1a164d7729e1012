import type { FileHandle } from "node:fs/promises";
import { ArchiveFault } from "./archive-fault.ts";

/** The central directory as the records at the end of a zip file give it. */
export interface ZipEnd {
  readonly directoryStart: number;
  readonly directoryEnd: number;
  readonly numEntries: number;
}

const END_SIGNATURE = Buffer.from("PK\x05\x06", "latin1");
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;

/**
 * Reads the end of a zip file; undefined when there is none (the file is cut, or no zip file).
 * Throws ArchiveFault `ARC_AMBIGUOUS` when other readers could find another directory than we do.
 */
export async function readZipEnd(file: FileHandle, sizeBytes: number): Promise<ZipEnd | undefined> {
  const tailStart = Math.max(0, sizeBytes - END_BYTES - MAX_COMMENT_BYTES);
  const tail = await readAt(file, tailStart, sizeBytes - tailStart);
  const ends = placesOf(tail, END_SIGNATURE).filter((at) => endsWithFile(tail, at));
  const [at, ...others] = ends;
  if (at === undefined) return undefined;
  if (others.length > 0 || tail.includes(END_SIGNATURE, at + END_BYTES))
    throw ambiguous("its end is there twice");
  const end = tail.subarray(at, at + END_BYTES);
  if (end.readUInt16LE(4) !== 0 && end.readUInt16LE(4) !== 0xffff)
    throw new ArchiveFault("ARC_UNSUPPORTED", "the archive has several volumes");
  const endOffset = tailStart + at;
  const short = {
    numEntries: end.readUInt16LE(10),
    directoryBytes: end.readUInt32LE(12),
    directoryStart: end.readUInt32LE(16),
  };
  const long = await readEnd64(file, endOffset);
  if (long !== undefined) requireAgreement(short, long);
  const { numEntries, directoryBytes, directoryStart } = long ?? short;
  const directoryEnd = directoryStart + directoryBytes;
  if (directoryEnd !== (long?.offset ?? endOffset))
    throw ambiguous("its directory does not end where its end begins");
  return { directoryStart, directoryEnd, numEntries };
}

interface DirectoryFields {
  readonly numEntries: number;
  readonly directoryBytes: number;
  readonly directoryStart: number;
}

async function readEnd64(
  file: FileHandle,
  endOffset: number,
): Promise<(DirectoryFields & { readonly offset: number }) | undefined> {
  if (endOffset < LOCATOR_BYTES) return undefined;
  const locator = await readAt(file, endOffset - LOCATOR_BYTES, LOCATOR_BYTES);
  if (locator.readUInt32LE(0) !== LOCATOR_SIGNATURE) return undefined;
  const offset = Number(locator.readBigUInt64LE(8));
  if (offset + END64_BYTES > endOffset - LOCATOR_BYTES) throw ambiguous("its ends overlap");
  const end = await readAt(file, offset, END64_BYTES);
  const endsAt = offset + 12 + Number(end.readBigUInt64LE(4));
  if (end.readUInt32LE(0) !== END64_SIGNATURE || endsAt !== endOffset - LOCATOR_BYTES)
    throw ambiguous("its 64-bit end is not where its locator says");
  return {
    offset,
    numEntries: Number(end.readBigUInt64LE(32)),
    directoryBytes: Number(end.readBigUInt64LE(40)),
    directoryStart: Number(end.readBigUInt64LE(48)),
  };
}

/** A short field either refers to the long one by all ones, or says the same. */
function requireAgreement(short: DirectoryFields, long: DirectoryFields): void {
  const agrees =
    (short.numEntries === 0xffff || short.numEntries === long.numEntries) &&
    (short.directoryBytes === 0xffffffff || short.directoryBytes === long.directoryBytes) &&
    (short.directoryStart === 0xffffffff || short.directoryStart === long.directoryStart);
  if (!agrees) throw ambiguous("its two ends name different directories");
}

function endsWithFile(tail: Buffer, at: number): boolean {
  return (
    at + END_BYTES <= tail.length && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length
  );
}

function placesOf(bytes: Buffer, wanted: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(wanted); at !== -1; at = bytes.indexOf(wanted, at + 1))
    places.push(at);
  return places;
}

/** A fault that makes the whole archive unreadable: it means different files to different readers. */
export function ambiguous(why: string): ArchiveFault {
  return new ArchiveFault("ARC_AMBIGUOUS", `the archive can be read in two ways: ${why}`);
}

/** Bytes of a file; throws ArchiveFault `ARC_TRUNCATED` when it ends before them. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead === length) return buffer;
  throw new ArchiveFault("ARC_TRUNCATED", `the file ends before byte ${position + length}`);
}
