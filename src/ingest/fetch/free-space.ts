import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, IncompleteError } from "../../core/errors.ts";

/** What stays free for everything else, and for what files cost beside their bytes. */
const RESERVE_BYTES = 16 * 2 ** 20;
const RESERVE_SHARE = 0.01;

/** Throws IncompleteError, saying how much is missing, when a folder's disk has no room for so many bytes. */
export async function requireFreeSpace(folder: string, neededBytes: number): Promise<void> {
  const freeBytes = await freeSpaceOf(folder);
  const reserveBytes = RESERVE_BYTES + neededBytes * RESERVE_SHARE;
  const missingBytes = neededBytes + reserveBytes - freeBytes;
  if (missingBytes <= 0) return;
  throw new IncompleteError(
    `${inMegabytes(missingBytes)} are missing on the disk of ${folder}: ${inMegabytes(neededBytes)} are to be fetched, ${inMegabytes(freeBytes)} are free`,
    {
      file: folder,
      remedy: "free some space, or name a folder on another disk, then run the command again",
    },
  );
}

async function freeSpaceOf(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    // A folder that is not there yet will be on the disk of the one above.
    if (errnoOf(error) !== "ENOENT" || dirname(folder) === folder) throw error;
    return freeSpaceOf(dirname(folder));
  }
}

function inMegabytes(sizeBytes: number): string {
  return `${Math.ceil(sizeBytes / 1e6).toLocaleString("en")} MB`;
}
