import type { Progress } from "../../core/progress.ts";
import type { FileDigest } from "../annotations/annotation-file.ts";
import type { ListedPicture } from "../source.ts";

/** A picture of a dataset, with what its publisher ships beside its name. */
export interface MemberPicture extends ListedPicture {
  /** A perceptual hash that came with the annotations, 64 bits as hex digits: NLVR2 ships one of each picture. */
  readonly shippedHash?: string | undefined;
}

/** The pictures of a dataset with their parts of one published split, as often as they are asked for. */
export interface ListedDataset extends Disposable {
  readonly dataset: string;
  /** The files that were read, with their digests. */
  readonly files: readonly FileDigest[];
  /** One that is in several parts comes once for each; always in the same order. */
  pictures(): Iterable<MemberPicture>;
}

/** Where and how datasets are listed. */
export interface ListingOptions {
  /** The folder with the official downloads. */
  readonly folder: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Datasets whose files give their pictures another collection's names, and say no more of them. */
const namesOnly: ReadonlySet<string> = new Set(["vqa2"]);
const FLICKR30K = "flickr30k:";

/** Whether a dataset's listing of a picture would say which photo it is and what it is linked to, if anything. */
export function isTold(dataset: string, { isUnlisted, key }: MemberPicture): boolean {
  return key.startsWith(FLICKR30K) || (!isUnlisted && !namesOnly.has(dataset));
}
