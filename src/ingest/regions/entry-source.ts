import type { ImageKey } from "../../core/keys.ts";
import type { Progress } from "../../core/progress.ts";
import type { FileDigest } from "../annotations/annotation-file.ts";
import type { Detections } from "./detections.ts";
import type { RegionPolicy } from "./region-policy.ts";

/** Published region features, found by picture. */
export interface EntrySource extends Disposable {
  /** The files that were read as a whole, in a fixed order. */
  readonly files: readonly FileDigest[];
  /** Names what there is: the files' digests, or the names and sizes of one file for each picture. */
  readonly digest: string;
  has(key: ImageKey): boolean;
  /**
   * What is said of a picture, or undefined when there is nothing. Throws RegionFault when the entry is damaged,
   * SourceError when the file can no longer be read.
   */
  read(key: ImageKey): Promise<Detections | undefined>;
}

export interface OpenOptions<Policy extends RegionPolicy> {
  readonly sourceFolder: string;
  readonly policy: Policy;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}
