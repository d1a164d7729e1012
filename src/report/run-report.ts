import type { ComparedSplit } from "./split-table.ts";

/** All that the page of a run shows: plain data, filled by the command line. */
export interface RunReport {
  /** "Visual Parsing on the small world". */
  readonly title: string;
  /** What was done, in a sentence or two. */
  readonly description: string;
  /** The first one is the headline. */
  readonly retrieval: readonly RetrievalResult[];
  readonly accuracies: readonly AccuracyResult[];
  readonly curves: readonly RunCurve[];
  readonly textQueries: readonly TextQuery[];
  readonly pictureQueries: readonly PictureQuery[];
  /** In the order in which they were made: before and after an exclusion, say. The last one speaks of this run. */
  readonly audits: readonly ReportAudit[];
  readonly ledgers: readonly ReportLedger[];
  readonly recipe: readonly RecipeEntry[];
  readonly facts: RunFacts;
}

/** Retrieval over one set of pictures and their texts. Recalls and chance levels are shares, 0 to 1. */
export interface RetrievalResult {
  /** What was searched: "51 photographs, training captions". */
  readonly name: string;
  readonly textToPicture: RetrievalDirection;
  readonly pictureToText: RetrievalDirection;
}

export interface RetrievalDirection {
  readonly numQueries: number;
  readonly numCandidates: number;
  readonly recalls: readonly RecallAt[];
}

interface RecallAt {
  readonly k: number;
  readonly recall: number;
  /** What drawing candidates blindly would reach. */
  readonly chance: number;
}

/** A share of right decisions, 0 to 1, such as image-text matching. */
export interface AccuracyResult {
  readonly name: string;
  /** On what: "held-out scenes". */
  readonly split: string;
  readonly accuracy: number;
  readonly chance: number;
  readonly numExamples: number;
}

/** One number over the steps of a run. */
export interface RunCurve {
  /** "total", "mlm", "learning rate". */
  readonly name: string;
  readonly points: readonly CurvePoint[];
  /** A level to compare with, such as the loss of guessing blindly. */
  readonly reference: { readonly label: string; readonly value: number } | null;
}

export interface CurvePoint {
  readonly step: number;
  readonly value: number;
}

/** An encoded picture (JPEG, PNG or WebP); thumbnails of some 320 pixels keep the page small. */
export interface ReportPicture {
  /** The picture's key. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a text found. */
export interface TextQuery {
  readonly text: string;
  /** The rank of the first right picture, from 1. */
  readonly rank: number;
  readonly numCandidates: number;
  /** The pictures that came first, best first. */
  readonly found: readonly FoundPicture[];
  /** The right picture, shown when it is not among those found. */
  readonly expected: ReportPicture | null;
}

export interface FoundPicture {
  readonly picture: ReportPicture;
  readonly score: number;
  readonly isRight: boolean;
}

/** What a picture found. */
export interface PictureQuery {
  readonly picture: ReportPicture;
  /** The rank of the first right text, from 1. */
  readonly rank: number;
  readonly numCandidates: number;
  readonly found: readonly FoundText[];
  /** A right text, shown when none is among those found. */
  readonly expected: string | null;
}

export interface FoundText {
  readonly text: string;
  readonly score: number;
  readonly isRight: boolean;
}

/** An audit's verdict with the sentence that says against what. */
export interface ReportAudit {
  /** "before the exclusion". */
  readonly stage: string;
  readonly summary: string;
  readonly verdict: ReportVerdict;
  /** How many leaks were planted on purpose and how many of them were found, when leaks were planted. */
  readonly planted: { readonly numPlanted: number; readonly numFound: number } | null;
}

/** The parts of an audit's verdict that the page shows. */
export interface ReportVerdict {
  readonly outcome: "clean" | "leaking" | "unchecked";
  readonly digest: string;
  readonly leaks: readonly ReportLeak[];
  readonly checked: {
    readonly train: number;
    readonly eval: number;
    readonly training: readonly ComparedSplit[];
    readonly against: readonly ComparedSplit[];
  };
  readonly yields: readonly {
    readonly rule: string;
    readonly pairs: number;
    readonly added: number;
  }[];
  readonly exclusions: { readonly length: number };
}

export interface ReportLeak {
  readonly rule: string;
  readonly train: ReportPlace;
  readonly eval: ReportPlace;
  readonly evidence: string;
}

export interface ReportPlace {
  readonly set: string;
  readonly split: string;
  readonly picture: string;
}

/** What became of the records of one shard set. */
export interface ReportLedger {
  readonly set: string;
  readonly counts: readonly LedgerRow[];
}

export interface LedgerRow {
  readonly file: string;
  readonly kind: string;
  readonly read: number;
  readonly written: number;
  readonly excluded: number;
  readonly quarantined: number;
  readonly missing: number;
}

/** One constant of the run. */
export interface RecipeEntry {
  /** The path of the field: "optimizer.learningRate". */
  readonly name: string;
  readonly value: string | number | boolean | null;
}

export interface RunFacts {
  readonly recipe: string;
  readonly seed: number;
  /** "cpu" or the GPU's name. */
  readonly device: string;
  readonly numSteps: number;
  /** Duration of the training. */
  readonly seconds: number;
  readonly picturesPerSecond: number;
  /** The share of the time, 0 to 1, in which the training waited for batches. */
  readonly dataWaitShare: number;
  readonly numParameters: number;
  /** Programs and their versions: Node, TensorFlow, crossweave. */
  readonly versions: readonly { readonly name: string; readonly version: string }[];
  /** The command that makes this run again, or null. */
  readonly command: string | null;
}
