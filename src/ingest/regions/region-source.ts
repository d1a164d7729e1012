import type { ImageKey } from "../../core/keys.ts";
import type { PictureInfo, PictureRegions } from "../../core/records.ts";
import { storedRegions } from "./detections.ts";
import type { EntrySource, OpenOptions } from "./entry-source.ts";
import { openNpzFolders } from "./npz-folders.ts";
import { spelledKey } from "./picture-names.ts";
import type { RegionPolicy } from "./region-policy.ts";
import { openTsvFiles } from "./tsv-files.ts";

/** Region features as a set stores them. */
export interface RegionSource extends Pick<EntrySource, "files" | "digest" | "has">, Disposable {
  /**
   * The regions of a picture that is stored, or undefined when there is nothing for it. Throws RegionFault when
   * they cannot be used, SourceError when a file can no longer be read.
   */
  read(picture: PictureInfo): Promise<PictureRegions | undefined>;
}

/** Opens the files that a recipe's regions come from. Throws SourceError when they are missing or are none. */
export async function openRegions(options: OpenOptions<RegionPolicy>): Promise<RegionSource> {
  const { policy } = options;
  const entries = await openEntries(options);
  return {
    files: entries.files,
    digest: entries.digest,
    has: (key: ImageKey) => entries.has(spelledKey(key)),
    async read(picture) {
      const found = await entries.read(spelledKey(picture.key));
      return found === undefined ? undefined : storedRegions(found, picture, policy);
    },
    [Symbol.dispose]: () => entries[Symbol.dispose](),
  };
}

function openEntries({ policy, ...options }: OpenOptions<RegionPolicy>): Promise<EntrySource> {
  return policy.from === "tsv"
    ? openTsvFiles({ policy, ...options })
    : openNpzFolders({ policy, ...options });
}
