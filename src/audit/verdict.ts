import type { ImageKey } from "../core/keys.ts";
import type { SceneHead, SplitRole } from "../core/records.ts";
import type { LeakRule } from "./rules.ts";

/** A split to be audited; its heads are read once, in their order. */
export interface AuditedSplit {
  /** The name of the shard set. */
  readonly set: string;
  readonly setDigest: string;
  readonly split: string;
  readonly role: SplitRole;
  readonly heads: AsyncIterable<SceneHead>;
  /** How many pictures there are, if known; for the progress display alone. */
  readonly numPictures?: number | undefined;
}

/** One picture where it stands. */
export interface PicturePlace {
  readonly set: string;
  readonly split: string;
  readonly sceneKey: string;
  readonly picture: ImageKey;
}

/** A training picture that is also an evaluation picture. */
export interface Leak {
  /** The strongest rule that holds for the pair. */
  readonly rule: LeakRule;
  /** The weaker rules that hold as well, but for those that hold because the strongest does. */
  readonly alsoBy: readonly LeakRule[];
  readonly train: PicturePlace;
  readonly eval: PicturePlace;
  readonly evidence: string;
}

/** A training picture to leave out. */
export interface Exclusion {
  readonly key: ImageKey;
  readonly rule: LeakRule;
  readonly evidence: string;
}

/** A split as it was audited. A picture counts once for each scene it stands in. */
export interface CheckedSplit {
  readonly set: string;
  readonly split: string;
  /** The digest of the shard set. */
  readonly digest: string;
  readonly pictures: number;
  /** How many of these pictures also stand on the other side. */
  readonly leaked: number;
}

export interface RuleYield {
  readonly rule: LeakRule;
  /** Pairs of a training and an evaluation picture that the rule calls the same; exact, however many. */
  readonly pairs: number;
  /** Training pictures that leak by this rule and by no stronger one. */
  readonly added: number;
  /** Pictures the rule could speak of: those with a Flickr photo id, say. */
  readonly comparable: { readonly train: number; readonly eval: number };
}

export interface AuditVerdict {
  /** "unchecked" when there was no training or no evaluation picture to compare. */
  readonly outcome: "clean" | "leaking" | "unchecked";
  readonly clean: boolean;
  /** The pairs, in the order of the training pictures; no more than `listing` allows. */
  readonly leaks: readonly Leak[];
  readonly checked: {
    /** Training pictures. */
    readonly train: number;
    /** Evaluation pictures. */
    readonly eval: number;
    readonly rules: readonly LeakRule[];
    /** The training splits. */
    readonly training: readonly CheckedSplit[];
    /** The evaluation splits: the verdict speaks of these and of no others. */
    readonly against: readonly CheckedSplit[];
  };
  readonly yields: readonly RuleYield[];
  readonly listing: ListingLimits;
  /** Every leaking training picture, by key; never cut. */
  readonly exclusions: readonly Exclusion[];
  /** SHA-256 of the canonical JSON of all above, where the digest of the exclusions stands for them. */
  readonly digest: string;
}

/** What keeps the list of pairs readable when a million pictures are one; the counts stay exact. */
export interface ListingLimits {
  readonly maxPairs: number;
  /** Pairs listed for one shared key, photo, file or picture. */
  readonly maxPairsPerGroup: number;
  /** Evaluation pictures listed for one training picture and one rule. */
  readonly maxPartners: number;
}
