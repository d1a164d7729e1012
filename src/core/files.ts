import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes a whole file so that its name never shows a part of it: temporary file, fsync, rename, fsync of the folder.
 * `data` may come in pieces, which are written one after the other.
 */
export async function writeFileAtomically(
  path: string,
  data: Uint8Array | string | Iterable<string>,
): Promise<void> {
  const temporary = `${path}.part`;
  try {
    await using file = await open(temporary, "w");
    await file.writeFile(data);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
