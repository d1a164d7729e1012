import type { Unpacking } from "./archive-fault.ts";
import type { UnpackOptions } from "./member-writer.ts";
import { unpackTar } from "./unpack-tar.ts";
import { unpackZip } from "./unpack-zip.ts";

/** Unpacks an archive by what its name ends in: .zip, .tar, .tar.gz or .tgz. */
export function unpackArchive(path: string, options: UnpackOptions): Promise<Unpacking> {
  return /\.(?:tar|tar\.gz|tgz)$/.test(path) ? unpackTar(path, options) : unpackZip(path, options);
}
