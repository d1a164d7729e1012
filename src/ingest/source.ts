import type { ImageKey } from "../core/keys.ts";
import type { Progress } from "../core/progress.ts";
import type { LedgerEntry, RecordCounts, SceneDraft } from "../core/records.ts";
import type { FileDigest } from "./annotations/annotation-file.ts";
import type { RecipeSplit } from "./recipe.ts";

/** Why a picture and all of its texts stay out of a set. */
export interface Exclusion {
  readonly rule: string;
  readonly evidence: string;
}

/** What a source is planned with. */
export interface SourceOptions {
  /** The folder as a user has it after unpacking the official downloads. */
  readonly folder: string;
  readonly splits: readonly RecipeSplit[];
  readonly exclusions: ReadonlyMap<ImageKey, Exclusion>;
  /** Go on with files that look like an official release but are none. */
  readonly acceptUnknownRelease: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A published dataset. Adding one means one file in `datasets/` and one row in the contract test
 * (test/contracts/source-contract.ts).
 */
export interface Source {
  readonly dataset: string;
  /**
   * Reads the annotation files and decides what becomes of every record, before any picture is
   * opened. Throws SourceError when a file is missing, damaged or not the release it looks like.
   */
  plan(options: SourceOptions): Promise<SourcePlan>;
}

/** Where one record stands; each is one entry of one list of one annotation file. */
export interface RecordPlace {
  /** Path below the source folder. */
  readonly file: string;
  readonly kind: string;
  /** JSON pointer or "line 12". */
  readonly record: string;
  /** The publisher's id, or "" when it cannot be read. */
  readonly id: string;
}

/** A scene to be written, if its pictures turn out to be usable. */
export interface PlannedScene {
  readonly draft: SceneDraft;
  /** Size of each picture's file, in bytes. */
  readonly pictureSizes: readonly number[];
  /** The records that are written with this scene: those of its pictures and those of its texts. */
  readonly records: readonly RecordPlace[];
}

/** How much of a split there is. */
export interface PlannedSplit {
  readonly name: string;
  readonly numScenes: number;
  readonly numPictures: number;
  readonly numTexts: number;
}

/** Pictures that the published split names and no annotation file lists. */
interface UnlistedPictures {
  readonly numPictures: number;
  /** The published files that might list them and are not there. */
  readonly absentFiles: readonly string[];
}

/** What a source has for a preparation: a pure function of the files and the options. */
export interface SourcePlan {
  readonly dataset: string;
  /** Every file that was read, in a fixed order. */
  readonly files: readonly FileDigest[];
  /** Which release the files are, in words: "COCO 2014, Karpathy split" or "unknown". */
  readonly release: string;
  /** Whether records that the split or the release names are not there. */
  readonly partial: boolean;
  readonly splits: readonly PlannedSplit[];
  /** Per file and kind, in a fixed order; `written` counts the records of the planned scenes. */
  readonly counts: readonly RecordCounts[];
  readonly unlisted: UnlistedPictures;
  /** Pictures that are nowhere in the folder, as the paths looked for. */
  readonly missingPictures: readonly string[];
  /** The scenes of a split, always in the same order. */
  scenes(split: string): AsyncIterable<PlannedScene> | Iterable<PlannedScene>;
  /** The records that are already known not to be written, always in the same order. */
  ledger(): AsyncIterable<LedgerEntry> | Iterable<LedgerEntry>;
}
