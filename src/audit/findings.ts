import type { ImageKey } from "../core/keys.ts";
import type { StepRule } from "./rules.ts";
import type { PicturePlace } from "./verdict.ts";

/** What kind of leak a finding is, by the taxonomy of Ramos, Ramos and Garcia (arXiv 2508.17416). */
export interface LeakKind {
  /** "picture": the picture alone; "picture-and-text": a text about it with its label as well; "text": no picture is shared. */
  readonly modality: "picture" | "picture-and-text" | "text";
  /** Whether both sides are of one dataset. */
  readonly coverage: "within-dataset" | "between-datasets";
  /** "identical" by name, bytes or pixels ("hard"); "near-identical" by verified pixels or similar words ("soft"). */
  readonly degree: "identical" | "near-identical";
}

/** One step of the chain that makes a training picture an evaluation picture: two names of one picture, and what shows it. */
export interface EvidenceStep {
  readonly from: ImageKey;
  readonly to: ImageKey;
  readonly rule: StepRule;
  /** For a person: "linked key coco:391895 (linked by vg:17 in vg/train; key of coco:391895 in coco/test)". */
  readonly evidence: string;
  /** Where each of the two was seen: "set/split", with the file and record where they are known. */
  readonly fromPlace: string;
  readonly toPlace: string;
  /** Of a step that hashes suggested and pixels verified. */
  readonly near?: NearEvidence | undefined;
}

/** What hashes and pixels say of a pair. */
export interface NearEvidence {
  /** Bits of 256 in which the nearest views of the two differ. */
  readonly distanceBits: number;
  /** The views that were nearest, as the window bank names them. */
  readonly trainView: string;
  readonly evalView: string;
  /** Correlation of the aligned pixels, -1 to 1; null when the pixels were not there to be compared. */
  readonly correlation: number | null;
  /** In what share of the places with anything to see the aligned pixels agree, 0 to 1. */
  readonly agreement?: number | undefined;
}

/** How near-duplicates were looked for, and how many there were; all of it is covered by the verdict's digest. */
export interface NearSummary {
  /** For a person: what was hashed, compared and verified. */
  readonly method: string;
  /** Versions, thresholds and what else decides the result, by name. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly hashed: { readonly train: number; readonly eval: number };
  /** Pictures with too little in them to be told apart by such hashes. */
  readonly notComparable: { readonly train: number; readonly eval: number };
  /** The first of these. */
  readonly listedNotComparable: readonly PicturePlace[];
  /** Pairs within the threshold, those of them that pixels verified, and the rest. */
  readonly candidates: number;
  readonly verified: number;
  readonly suspects: number;
  /** What share of planted copies the method finds; null as long as nobody has calibrated it. */
  readonly recall: MeasuredRecall | null;
}

/** A recall as it was measured on pictures of the user's own. */
export interface MeasuredRecall {
  /** 0 to 1. */
  readonly recall: number;
  /** The one-sided lower bound of it at `confidence`. */
  readonly lowerBound: number;
  /** Such as 0.95. */
  readonly confidence: number;
  readonly numPairs: number;
  /** Pairs of different pictures that were compared, and those of them that pixels verified all the same. */
  readonly differentPairs: number;
  readonly falseVerified: number;
  /** The one-sided upper bound of their share at `confidence`. */
  readonly falseUpperBound: number;
  /** SHA-256 of the calibration's document. */
  readonly digest: string;
}

/** The leak policy that an audit keeps to. */
export interface PolicyNote {
  readonly name: string;
  readonly digest: string;
  readonly summary: string;
  /** What it adds to the result, in sentences: what a backbone has seen, say. */
  readonly notes: readonly string[];
  /** What it evaluates on and no evaluation split holds, such as "nlvr2 dev+test1": the verdict says nothing of these. */
  readonly notCompared: readonly string[];
  /** Splits ("set/split") whose recipe trains on what it evaluates on, and that are not compared as training: no proof covers them. */
  readonly trainsOnEvaluation: readonly string[];
}

/** A pair that hashes suggest and pixels did not verify: for a person to look at, never a leak by itself. */
export interface Suspect {
  readonly train: PicturePlace;
  readonly eval: PicturePlace;
  readonly near: NearEvidence;
  /** 0 to 1: how near to being verified it came. */
  readonly score: number;
}

/** One text where it stands. */
export interface TextPlace {
  readonly set: string;
  readonly split: string;
  readonly sceneKey: string;
  readonly textId: string;
  readonly text: string;
  readonly label: string | null;
}

export const textLeakRules = [
  "same-pair-id",
  "same-text-and-picture",
  "same-text",
  "near-text",
] as const;

export type TextLeakRule = (typeof textLeakRules)[number];

/** A text that is trained on and evaluated on. */
export interface TextLeak {
  readonly rule: TextLeakRule;
  readonly kind: LeakKind;
  readonly train: TextPlace;
  readonly eval: TextPlace;
  /** Whether the labels (answers) are equal; null where a side has none. */
  readonly sameLabel: boolean | null;
  /** Jaccard similarity of the shingles, 0 to 1; 1 for equal texts. */
  readonly similarity: number;
  readonly evidence: string;
}
