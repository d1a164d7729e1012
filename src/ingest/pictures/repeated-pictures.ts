import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { sha256OfFile } from "../../core/digest.ts";
import { errnoOf, SourceError } from "../../core/errors.ts";

/**
 * For datasets whose pictures are spread over several folders and named by their id alone: a name that
 * is in two of them must be the same picture twice. Throws SourceError when it is not.
 */
export async function requireOnePicturePerName(
  sourceFolder: string,
  folders: readonly string[],
): Promise<void> {
  const folderOf = new Map<string, string>();
  for (const folder of folders) {
    for (const name of await namesIn(join(sourceFolder, folder))) {
      const first = folderOf.get(name);
      if (first === undefined) folderOf.set(name, folder);
      else await requireSameContent(sourceFolder, `${first}/${name}`, `${folder}/${name}`);
    }
  }
}

async function requireSameContent(sourceFolder: string, a: string, b: string): Promise<void> {
  const [digestOfA, digestOfB] = await Promise.all(
    [a, b].map((path) => sha256OfFile(join(sourceFolder, path))),
  );
  if (digestOfA === digestOfB) return;
  throw new SourceError(`${a} and ${b}: one image by their name, two by their content`, {
    file: b,
    remedy: "unpack each picture archive into its own folder again",
  });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
    throw error;
  }
}
