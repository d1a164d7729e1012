import { lstatSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../core/errors.ts";

/** A picture file that is there. */
export interface FoundPicture {
  /** Path below the source folder, with forward slashes. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** Where the pictures of a dataset are. */
export interface PictureLookup {
  /** The file of a picture, in the preferred folder (below the source folder) or another that has it. */
  find(wanted: string, preferredFolder: string): FoundPicture | undefined;
  /** Pictures that were looked for and are links, as paths below the source folder. */
  readonly linksNotFollowed?: readonly string[];
}

/**
 * The picture folders of a dataset, listed once. Pictures are found by comparing names with these
 * lists and never by joining a name from an annotation file to a path. A folder may be a link, since
 * its name is ours and its place the user's; a link among the pictures may lead anywhere, so that it
 * is not followed but listed.
 */
export class PictureFolders implements PictureLookup {
  readonly #sourceFolder: string;
  /** Per folder, image ids and names that spell none, to file names. */
  readonly #names: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #idOfName: (name: string) => string | undefined;
  readonly #linksNotFollowed = new Set<string>();

  private constructor(
    sourceFolder: string,
    names: ReadonlyMap<string, ReadonlyMap<string, string>>,
    idOfName: (name: string) => string | undefined,
  ) {
    this.#sourceFolder = sourceFolder;
    this.#names = names;
    this.#idOfName = idOfName;
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
    return new PictureFolders(sourceFolder, names, idOfName);
  }

  /** The links that stood where a picture was looked for, as paths below the source folder. */
  get linksNotFollowed(): readonly string[] {
    return [...this.#linksNotFollowed];
  }

  /**
   * The file of a picture, in the preferred folder or else the first that has one. `wanted` is an id
   * or any name that spells it. It looks at one file and does not wait: plans ask for 100,000 in a row.
   */
  find(wanted: string, preferredFolder: string): FoundPicture | undefined {
    const id = this.#idOfName(wanted) ?? wanted;
    for (const folder of [preferredFolder, ...this.#names.keys()]) {
      const name = this.#names.get(folder)?.get(id);
      if (name === undefined) continue;
      const path = `${folder}/${name}`;
      const found = regularFile(this.#sourceFolder, path);
      if (found === "link") this.#linksNotFollowed.add(path);
      else if (found !== undefined) return found;
    }
    return undefined;
  }
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(error) ?? "")) return [];
    throw error;
  }
}

/** The file at a path below the source folder, if it is one; a link is not followed. */
export function regularFile(sourceFolder: string, path: string): FoundPicture | "link" | undefined {
  try {
    const found = lstatSync(join(sourceFolder, path));
    if (found.isSymbolicLink()) return "link";
    return found.isFile() ? { path, sizeBytes: found.size } : undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ELOOP") return undefined; // a folder that is a circle of links
    throw error;
  }
}
