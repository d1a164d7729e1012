import type { ComparedSplit } from "../split-table.ts";

/** All that the page of an audit shows: plain data, filled by the command line. */
export interface AuditPage {
  readonly outcome: "clean" | "leaking" | "unchecked";
  /** The verdict in one sentence that says against what. */
  readonly summary: string;
  /** The digest of the verdict: what a decision list names. */
  readonly digest: string;
  readonly training: readonly ComparedSplit[];
  /** The evaluation splits: the page speaks of these and of no others. */
  readonly against: readonly ComparedSplit[];
  /** Splits on neither side that may join pictures of the two. */
  readonly through: readonly Omit<ComparedSplit, "leaked">[];
  /** How pictures and texts were compared, with thresholds and measured recall. */
  readonly methods: readonly PageMethod[];
  readonly yields: readonly PageYield[];
  readonly matrix: PageMatrix | null;
  readonly taxonomy: readonly PageTaxonomyRow[];
  /** What texts the sides share; null where texts were not compared. */
  readonly texts: PageTexts | null;
  readonly totals: PageTotals;
  /** Leaks, suspects, pairs that a person allowed, text leaks and texts that are alike; in this order. */
  readonly pairs: readonly PagePair[];
  /** Encoded thumbnails (WebP, JPEG or PNG), each picture once; pairs name them by their places. */
  readonly pictures: readonly Uint8Array[];
  /** What a person decided before; a saved list holds these as well. */
  readonly decisions: readonly PageDecision[];
  readonly notes: readonly string[];
}

export interface PageMethod {
  /** "near-duplicates". */
  readonly name: string;
  /** "PDQ within 31 bits, correlation 0.9 or more". */
  readonly detail: string;
}

export interface PageYield {
  readonly rule: string;
  readonly pairs: number;
  /** Training pictures that leak by this rule and by no stronger one. */
  readonly added: number;
  /** Of `pairs` how many have perceptual hashes on both sides, and how many of those the hashes contradict. */
  readonly compared: number;
  readonly contradicted: number;
  readonly comparable: { readonly train: number; readonly eval: number };
}

/** Leaks from each training split (row) into each evaluation split (column). */
export interface PageMatrix {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly name: string; readonly cells: readonly number[] }[];
  /** What a cell counts: "leaking pairs that are listed". */
  readonly unit: string;
}

export interface PageTaxonomyRow {
  readonly modality: string;
  readonly coverage: string;
  readonly degree: string;
  /** Training pictures, each counted once. */
  readonly pictures: number;
}

/** Training texts that are evaluation texts, by rule and by split; exact. */
export interface PageTexts {
  readonly yields: readonly {
    readonly rule: string;
    readonly texts: number;
    readonly sameLabel: number;
  }[];
  readonly columns: readonly string[];
  /** From a training split into an evaluation split: a number for each column. */
  readonly rows: readonly {
    readonly train: string;
    readonly eval: string;
    readonly cells: readonly number[];
  }[];
}

/** Exact counts, however many pairs are listed. */
interface PageTotals {
  readonly leaks: number;
  readonly suspects: number;
  readonly allowed: number;
  readonly texts: number;
  /** Training pictures to leave out. */
  readonly exclusions: number;
}

/** "alike": texts of different pictures that are equal or nearly so, which are no leaks by themselves. */
export type PageList = "leak" | "suspect" | "allowed" | "text" | "alike";

/** One pair, training side first. */
export interface PagePair {
  readonly list: PageList;
  readonly rule: string;
  readonly alsoBy: readonly string[];
  /** "picture · between datasets · near-identical"; empty for a suspect. */
  readonly kind: string;
  readonly train: PagePlace;
  readonly eval: PagePlace;
  /** The chain from the training to the evaluation picture. */
  readonly chain: readonly PageStep[];
  /** Numbers beside the pair: "distance" "12 of 256 bits", "correlation" "0.981". */
  readonly measures: readonly PageMethod[];
  /** Whether names, bytes or pixels prove the pair, so that no person can allow it. */
  readonly proven: boolean;
}

export interface PagePlace {
  readonly set: string;
  readonly split: string;
  readonly scene: string;
  /** The picture's key, or the text's id. */
  readonly key: string;
  /** The place of its thumbnail in `pictures`; null where there is none to show. */
  readonly picture: number | null;
  readonly text: string | null;
  readonly label: string | null;
}

interface PageStep {
  readonly from: string;
  readonly to: string;
  readonly rule: string;
  readonly evidence: string;
}

interface PageDecision {
  readonly train: string;
  readonly eval: string;
  readonly decision: "allow" | "deny";
  readonly rule: string;
  readonly note: string;
}
