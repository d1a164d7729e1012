import type { ImageKey } from "../core/keys.ts";
import type { SceneHead, SplitRole } from "../core/records.ts";
import type {
  EvidenceStep,
  LeakKind,
  NearSummary,
  PolicyNote,
  Suspect,
  TextLeak,
} from "./findings.ts";
import type { PictureListing } from "./listing/picture-listing.ts";
import type { LeakRule } from "./rules.ts";
import type { TextSummary } from "./texts/text-findings.ts";

/**
 * What a split is to an audit; "witness" is neither trained nor evaluated on, but its pictures may show that a training
 * picture is an evaluation picture.
 */
export type AuditRole = SplitRole | "witness";

/** A split to be audited; its heads are read once, in their order. */
export interface AuditedSplit {
  /** The name of the shard set. */
  readonly set: string;
  readonly setDigest: string;
  readonly split: string;
  readonly role: AuditRole;
  readonly heads: AsyncIterable<SceneHead>;
  /** What is looked at of the heads, in their order, where it is known without them. */
  readonly listings?: AsyncIterable<PictureListing> | undefined;
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
  /** The strongest rule that holds for the pair itself; "chain" when names join the two by way of other pictures only. */
  readonly rule: LeakRule;
  /** The weaker rules that hold as well, but for those that hold because the strongest does. */
  readonly alsoBy: readonly LeakRule[];
  readonly train: PicturePlace;
  readonly eval: PicturePlace;
  readonly evidence: string;
  readonly kind: LeakKind;
  /** From the training picture to the evaluation picture; one step when the two share a name. */
  readonly chain: readonly EvidenceStep[];
  /** What says that the two are different pictures although a name says they are one; the leak stands all the same. */
  readonly contradiction: Contradiction | null;
}

/** Two pictures with a name in common whose perceptual hashes are too far apart for one picture. */
export interface Contradiction {
  readonly distanceBits: number;
  /** How many bits the hashes have: 256 of PDQ, 64 of those that NLVR2 ships. */
  readonly hashBits: number;
}

/** A training picture to leave out. */
export interface Exclusion {
  readonly key: ImageKey;
  readonly rule: LeakRule;
  readonly evidence: string;
  /** Where it is trained on; the first place in the order of the splits. */
  readonly train: PicturePlace;
  /** The evaluation picture that it is by the shortest chain. */
  readonly eval: PicturePlace;
  readonly chain: readonly EvidenceStep[];
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

/** A split on neither side. */
export type WitnessSplit = Omit<CheckedSplit, "leaked">;

export interface RuleYield {
  readonly rule: LeakRule;
  /** Pairs of a training and an evaluation picture that the rule calls the same; of "chain" all pairs. Exact, however many. */
  readonly pairs: number;
  /** Training pictures that leak by this rule and by no stronger one. */
  readonly added: number;
  /** Pictures the rule could speak of: those with a Flickr photo id, say. */
  readonly comparable: { readonly train: number; readonly eval: number };
  /** Of `pairs` how many have perceptual hashes on both sides that were compared. */
  readonly compared: number;
  /** Of `compared` how many the hashes contradict, and no verification of pixels upholds; these stay leaks. */
  readonly contradicted: number;
}

/** What a training split holds of an evaluation split; both are "set/split". */
export interface MatrixCell {
  readonly train: string;
  readonly eval: string;
  /** Training pictures that are in the evaluation split, by any chain. */
  readonly trainPictures: number;
  /** Evaluation pictures that are in the training split, by any chain. */
  readonly evalPictures: number;
}

/** How many training pictures leak in one way; each counts once, by the nearest evaluation picture. */
export interface KindCount {
  readonly kind: LeakKind;
  readonly pictures: number;
}

/** A person's decisions, and what became of them. */
export interface ReviewNote {
  /** What names the decisions. */
  readonly sha256: string;
  /** Pairs that would be leaks if the list did not allow them; no more than `listing` allows. */
  readonly allowed: readonly Leak[];
  /** All of them, exact. */
  readonly numAllowed: number;
  /** Suspects that are leaks because the list denies them. */
  readonly numDenied: number;
  /** Suspects that are none any more because the list allows them. */
  readonly numDismissed: number;
  /**
   * Decisions that allow pairs which stay leaks: key, bytes or pixels prove them, or what joins the two joins other
   * pairs as well that the list does not allow.
   */
  readonly numOverruled: number;
  /** Decisions on a picture that is not on its side of this audit. */
  readonly numUnmatched: number;
}

export interface AuditVerdict {
  /** "unchecked" when there was no training or no evaluation picture to compare. */
  readonly outcome: "clean" | "leaking" | "unchecked";
  readonly clean: boolean;
  /** The pairs, in the order of the training pictures; no more than `listing` allows. */
  readonly leaks: readonly Leak[];
  /** Pairs of a training and an evaluation picture that are one picture, by chains as well; exact, however many. */
  readonly numPairs: number;
  readonly kinds: readonly KindCount[];
  /** Pairs of splits with a picture in common. */
  readonly matrix: readonly MatrixCell[];
  /** Pairs that hashes suggest and pixels did not verify; no more than `listing` allows. */
  readonly suspects: readonly Suspect[];
  /** All of them, exact. */
  readonly numSuspects: number;
  /** Training texts that are texts of evaluation pictures, with these pictures; no more than `listing` allows. */
  readonly textLeaks: readonly TextLeak[];
  /** All such training texts, exact. */
  readonly numTextLeaks: number;
  /** How texts were compared, and what else they share; null when they were not. */
  readonly texts: TextSummary | null;
  /** How near-duplicates were looked for; null when they were not. */
  readonly near: NearSummary | null;
  /** By which policy; null when none was given. */
  readonly policy: PolicyNote | null;
  /** What a person's list of decisions changed; null without one. */
  readonly review: ReviewNote | null;
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
    /** Splits on neither side, through which chains may lead. */
    readonly through: readonly WitnessSplit[];
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
  /** Pairs listed for one identity: pictures that are the same, by whatever chain. */
  readonly maxPairsPerGroup: number;
  /** Evaluation pictures listed for one training picture. */
  readonly maxPartners: number;
}
