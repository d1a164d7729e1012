import type { FileHandle } from "node:fs/promises";
import { ArchiveFault } from "./archive-fault.ts";
import type { MemberWriter } from "./member-writer.ts";
import {
  HAS_DESCRIPTOR,
  type LocalHeader,
  memberContent,
  readLocalHeader,
  requireReadable,
  SIZE_ELSEWHERE,
} from "./zip-header.ts";

/**
 * Unpacks the complete members of a zip file that has lost its end, one after the other, and returns
 * the offset from which on nothing could be read. Throws ArchiveFault `ARC_CORRUPT` when the file is
 * no zip file at all.
 */
export async function salvageZip(
  file: FileHandle,
  sizeBytes: number,
  writer: MemberWriter,
): Promise<number> {
  let offset = 0;
  for (;;) {
    const header = await headerAt(file, offset);
    if (header === undefined) break;
    const end = header.dataStart + header.packedBytes;
    // Without a directory, nobody knows where such a member ends.
    const hasKnownEnd =
      (header.flags & HAS_DESCRIPTOR) === 0 && header.packedBytes !== SIZE_ELSEWHERE;
    if (!hasKnownEnd || end > sizeBytes) break;
    await addMember(file, { offset, header }, writer);
    offset = end;
  }
  if (offset === 0 && (await headerAt(file, 0)) === undefined)
    throw new ArchiveFault("ARC_CORRUPT", "it is no zip file");
  return offset;
}

async function headerAt(file: FileHandle, offset: number): Promise<LocalHeader | undefined> {
  try {
    return await readLocalHeader(file, offset);
  } catch (error) {
    if (error instanceof ArchiveFault) return undefined;
    throw error;
  }
}

async function addMember(
  file: FileHandle,
  { offset, header }: { readonly offset: number; readonly header: LocalHeader },
  writer: MemberWriter,
): Promise<void> {
  const { rawName, packedBytes, sizeBytes, crc32, method, dataStart: start } = header;
  if (rawName.at(-1) === 0x2f) return;
  const member = { rawName, byteOffset: offset, packedBytes, sizeBytes, crc32 };
  try {
    requireReadable(header);
  } catch (error) {
    return writer.leaveOut(member, error);
  }
  await writer.add(member, () => memberContent(file, { start, packedBytes, method }));
}
