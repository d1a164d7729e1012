import { readdir } from "node:fs/promises";
import { errnoOf, SourceError } from "../../core/errors.ts";
import { findAnnotationFile } from "../annotations/annotation-file.ts";

const CAPTIONS = "captions.jsonl";

/** A captions.jsonl of the user's. */
export interface CaptionFile {
  /** The name of its folder, directly below the source folder. */
  readonly folder: string;
  /** Below the source folder, without ".gz" or ".zip". */
  readonly path: string;
  /** As it lies there. */
  readonly foundPath: string;
}

/**
 * Every captions.jsonl in a folder directly below the source folder, in the order of the folders' names; the
 * folders may be links. Throws SourceError when there is none, or one in the source folder itself.
 */
export async function captionFiles(sourceFolder: string): Promise<readonly CaptionFile[]> {
  if ((await findAnnotationFile(sourceFolder, CAPTIONS)) !== undefined)
    throw misplaced(sourceFolder);
  const files: CaptionFile[] = [];
  for (const folder of await foldersIn(sourceFolder)) {
    const path = `${folder}/${CAPTIONS}`;
    const found = await findAnnotationFile(sourceFolder, path);
    if (found !== undefined) files.push({ folder, path, foundPath: found.path });
  }
  if (files.length > 0) return files;
  throw new SourceError(
    `no folder in ${sourceFolder} has a ${CAPTIONS} (each also with .gz and .zip)`,
    {
      file: `*/${CAPTIONS}`,
      remedy: `put it and its pictures into a folder of their own there; CAPTIONS.md tells what it holds`,
    },
  );
}

// The folder's name is a part of the pictures' keys, as "coco" and "vg" are.
function misplaced(sourceFolder: string): SourceError {
  return new SourceError(`${sourceFolder} is itself the folder of a ${CAPTIONS}`, {
    file: CAPTIONS,
    remedy:
      "name the folder above it with --source: folders with a captions.jsonl are looked for in there",
  });
}

async function foldersIn(sourceFolder: string): Promise<string[]> {
  try {
    const entries = await readdir(sourceFolder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map((entry) => entry.name)
      .filter((folder) => !folder.startsWith("."))
      .toSorted();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw error;
  }
}
