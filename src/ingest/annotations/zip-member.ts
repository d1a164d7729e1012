import { basename } from "node:path";
import { crc32 } from "node:zlib";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { SourceError } from "../../core/errors.ts";
import type { AnnotationFile } from "./annotation-file.ts";

/**
 * The unpacked bytes of the annotation file that a zip holds: the member of the archive's own name
 * without ".zip", in whatever folder. Throws SourceError when it is not there or damaged.
 */
export async function* onlyMemberOf(file: AnnotationFile): AsyncGenerator<Buffer> {
  const wanted = basename(file.path, ".zip");
  // Left to itself, it closes as soon as nobody asks for further members.
  const options = { autoClose: false };
  const zip = await openPromise(file.absolutePath, options).catch((error: unknown) => {
    throw damaged(file, error);
  });
  try {
    const entry = await memberNamed(zip, wanted).catch((error: unknown) => {
      throw damaged(file, error);
    });
    if (entry === undefined) throw withoutMember(file, wanted);
    yield* checkedContent(file, zip, entry);
  } finally {
    zip.close();
  }
}

function withoutMember(file: AnnotationFile, wanted: string): SourceError {
  return new SourceError(`${file.path}: holds no ${wanted}`, {
    file: file.path,
    remedy: "unpack it by hand, or download the file again",
  });
}

async function memberNamed(zip: ZipFile, wanted: string): Promise<Entry | undefined> {
  for await (const entry of zip.eachEntry()) {
    if (basename(entry.fileName) === wanted) return entry;
  }
  return undefined;
}

async function* checkedContent(
  file: AnnotationFile,
  zip: ZipFile,
  entry: Entry,
): AsyncGenerator<Buffer> {
  let checksum = 0;
  try {
    const content: AsyncIterable<Buffer> = await zip.openReadStreamPromise(entry);
    for await (const chunk of content) {
      checksum = crc32(chunk, checksum);
      yield chunk;
    }
  } catch (error) {
    throw damaged(file, error);
  }
  if (checksum !== entry.crc32) throw damaged(file, new Error("the CRC-32 is another"));
}

function damaged(file: AnnotationFile, error: unknown): unknown {
  if (error instanceof SourceError) return error;
  const why = error instanceof Error ? error.message : "unknown fault";
  return new SourceError(`${file.path}: is a damaged or cut zip file (${why})`, {
    file: file.path,
    remedy: "download the file again",
    cause: error,
  });
}
