import { lstatSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../core/errors.ts";
import { type FoundPicture, type PictureLookup, regularFile } from "../pictures/picture-folders.ts";

/**
 * Pictures by their paths below a folder of the user's. Folders are not listed, since a file of a hundred million lines
 * may name as many. The outermost folder may be a link, because its place is the user's; the folders and files below
 * it are named by the annotation file, and a link among them may lead anywhere: it is not followed but listed.
 */
export class CaptionPictures implements PictureLookup {
  readonly #sourceFolder: string;
  /** Whether a folder inside is there and no link, by its path below the source folder. */
  readonly #isPlain = new Map<string, boolean>();
  readonly #linksNotFollowed = new Set<string>();

  constructor(sourceFolder: string) {
    this.#sourceFolder = sourceFolder;
  }

  /** The links that stood where a picture was looked for, as paths below the source folder. */
  get linksNotFollowed(): readonly string[] {
    return [...this.#linksNotFollowed];
  }

  /** Takes paths that `pathFault` has nothing to say of. */
  find(path: string, folder: string): FoundPicture | undefined {
    const inside = path.split("/").slice(0, -1);
    const above = inside.map((_, at) => [folder, ...inside.slice(0, at + 1)].join("/"));
    if (!above.every((one) => this.#isPlainFolder(one))) return undefined;
    const found = regularFile(this.#sourceFolder, `${folder}/${path}`);
    if (found !== "link") return found;
    this.#linksNotFollowed.add(`${folder}/${path}`);
    return undefined;
  }

  #isPlainFolder(folder: string): boolean {
    const known = this.#isPlain.get(folder) ?? this.#look(folder);
    this.#isPlain.set(folder, known);
    return known;
  }

  #look(folder: string): boolean {
    try {
      const found = lstatSync(join(this.#sourceFolder, folder));
      if (found.isSymbolicLink()) this.#linksNotFollowed.add(folder);
      return found.isDirectory();
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(error) ?? "")) return false;
      throw error;
    }
  }
}
