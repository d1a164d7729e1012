import type { TextLeak, TextLeakRule } from "../findings.ts";

/** How many training texts are evaluation texts by a rule and by no stronger one. */
export interface TextYield {
  readonly rule: TextLeakRule;
  readonly trainTexts: number;
  /** Of these, how many have the same label as an evaluation text that they are. */
  readonly sameLabel: number;
}

/** What a training split knows of the texts of an evaluation split; both are "set/split". Splits that share nothing are left out. */
export interface TextCell {
  readonly train: string;
  readonly eval: string;
  /** Evaluation texts of which the same published record is trained on. */
  readonly sameRecord: number;
  /** Further ones that are trained on with the same picture. */
  readonly samePicture: number;
  /** Of these two, how many with their label. */
  readonly withLabel: number;
  /** Further ones that are trained on with another picture. */
  readonly sameText: number;
  /** Further ones of which a near-duplicate is trained on. */
  readonly nearText: number;
}

/** How texts were compared, and what came of it; all of it is covered by the verdict's digest. */
export interface TextSummary {
  /** For a person. */
  readonly method: string;
  readonly settings: Readonly<Record<string, number>>;
  readonly compared: { readonly train: number; readonly eval: number };
  /** Texts without a letter or digit, which nothing can be compared of. */
  readonly withoutWords: { readonly train: number; readonly eval: number };
  readonly yields: readonly TextYield[];
  readonly matrix: readonly TextCell[];
  /** The first pairs of equal and near-duplicate texts of different pictures: no leaks by themselves. */
  readonly alike: readonly TextLeak[];
}

/** What a comparison of texts gives a verdict. */
export interface TextFindings {
  readonly summary: TextSummary;
  /** Texts that are trained on with their evaluation pictures; no more than asked for. */
  readonly leaks: readonly TextLeak[];
  /** All such training texts, exact. */
  readonly numLeaks: number;
}
