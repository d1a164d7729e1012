import type { ImageKey } from "../core/keys.ts";
import type { SplitRole } from "../core/records.ts";
import type { LeakRule } from "./rules.ts";
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
  readonly rule: LeakRule | "near-duplicate";
  /** For a person: "coco_id 391895 (vg/image_data.json#/17)". */
  readonly evidence: string;
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

/** A split by its role, as the tables of an audit name it. */
export interface SplitName {
  readonly set: string;
  readonly split: string;
  readonly role: SplitRole;
}
