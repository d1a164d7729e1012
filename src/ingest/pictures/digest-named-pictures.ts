import { existsSync } from "node:fs";
import { join } from "node:path";
import { type FoundPicture, type PictureLookup, regularFile } from "./picture-folders.ts";

/** Endings of the formats that are read, the most frequent first. */
const extensions = ["jpg", "png", "jpeg", "webp", "gif", "avif", "tiff", "bmp"];

/**
 * Pictures that are named by the sha256 of their URL, with any ending. There may be millions of them,
 * so that folders are not listed: a digest of ours can do no harm in a path.
 */
export class DigestNamedPictures implements PictureLookup {
  readonly #sourceFolder: string;
  readonly #folders: readonly string[];
  /** Whether a folder is there, by its path below the source folder. */
  readonly #isThere = new Map<string, boolean>();

  constructor(sourceFolder: string, folders: readonly string[]) {
    this.#sourceFolder = sourceFolder;
    this.#folders = folders;
  }

  /** Throws Error for a name that is no digest. */
  find(wanted: string, preferredFolder: string): FoundPicture | undefined {
    if (!/^[0-9a-f]{64}$/.test(wanted)) throw new Error(`${wanted} is no sha256`);
    for (const folder of [preferredFolder, ...this.#folders]) {
      if (!this.#hasFolder(folder)) continue;
      for (const extension of extensions) {
        const found = regularFile(this.#sourceFolder, `${folder}/${wanted}.${extension}`);
        if (found !== undefined && found !== "link") return found;
      }
    }
    return undefined;
  }

  #hasFolder(folder: string): boolean {
    const known = this.#isThere.get(folder) ?? existsSync(join(this.#sourceFolder, folder));
    this.#isThere.set(folder, known);
    return known;
  }
}
