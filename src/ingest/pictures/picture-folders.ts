import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../core/errors.ts";

/** A picture file that is there. */
export interface FoundPicture {
  /** Path below the source folder, with forward slashes. */
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * The picture folders of a dataset, listed once. Pictures are found by comparing names with these
 * lists and never by joining a name from an annotation file to a path.
 */
export class PictureFolders {
  readonly #sourceFolder: string;
  /** Per folder, image ids and names that spell none, to file names. */
  readonly #names: ReadonlyMap<string, ReadonlyMap<string, string>>;

  private constructor(
    sourceFolder: string,
    names: ReadonlyMap<string, ReadonlyMap<string, string>>,
  ) {
    this.#sourceFolder = sourceFolder;
    this.#names = names;
  }

  /** Lists the folders; one that is not there is an empty one. */
  static async list(
    sourceFolder: string,
    folders: readonly string[],
    idOfName: (name: string) => string | undefined,
  ): Promise<PictureFolders> {
    const names = new Map<string, ReadonlyMap<string, string>>();
    for (const folder of folders) {
      const files = (await readNames(join(sourceFolder, folder))).toSorted();
      // Reversed, so that of two files with one id the first by name is taken.
      names.set(folder, new Map(files.toReversed().map((name) => [idOfName(name) ?? name, name])));
    }
    return new PictureFolders(sourceFolder, names);
  }

  /** The file of a picture, in the first of `folders` (all, in order, after those) that has one. */
  async find(id: string, preferredFolder: string): Promise<FoundPicture | undefined> {
    for (const folder of [preferredFolder, ...this.#names.keys()]) {
      const name = this.#names.get(folder)?.get(id);
      if (name === undefined) continue;
      const found = await regularFile(this.#sourceFolder, `${folder}/${name}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
    throw error;
  }
}

async function regularFile(sourceFolder: string, path: string): Promise<FoundPicture | undefined> {
  try {
    const found = await stat(join(sourceFolder, path));
    return found.isFile() ? { path, sizeBytes: found.size } : undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ELOOP") return undefined; // a link that leads nowhere
    throw error;
  }
}
