import type { ReportPicture, RunCurve } from "../run-report.ts";

/** What the page of a run that is going on shows: plain data, filled by the command line. */
export interface LiveReport {
  /** "demo, seed 1". */
  readonly title: string;
  /** "step 120 of 1,000". */
  readonly stand: string;
  /** After so many seconds the page looks for newer numbers; null: it is the last one. */
  readonly refreshSeconds: number | null;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly curves: readonly RunCurve[];
  readonly masks: readonly MaskRow[];
  /** What the system says of itself, such as its dictionary's use. */
  readonly notices: readonly string[];
  readonly samples: readonly LiveSample[];
}

/** What was masked so far of what could be. */
export interface MaskRow {
  /** "mlm: words". */
  readonly name: string;
  readonly numMaskable: number;
  readonly numMasked: number;
  /** By the recipe's rules. */
  readonly expectedMasked: number;
  /** How far from that, in standard deviations. */
  readonly deviations: number;
}

/** A picture of a batch with its texts, as the model is shown them. */
export interface LiveSample {
  readonly picture: LivePicture;
  readonly texts: readonly LiveText[];
}

export interface LivePicture {
  readonly name: string;
  /** Null where the model is shown regions only. */
  readonly image: ReportPicture | null;
  /** Of the view, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly regions: readonly LiveRegion[];
}

/** A box in pixels of the view. */
export interface LiveRegion {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly isMasked: boolean;
}

export interface LiveText {
  readonly isMatched: boolean;
  readonly tokens: readonly LiveToken[];
}

interface LiveToken {
  readonly text: string;
  /** What is to be predicted here; null where nothing is. */
  readonly expected: string | null;
}
