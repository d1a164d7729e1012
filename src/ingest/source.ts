import type { Progress } from "../core/progress.ts";
import type {
  LedgerEntry,
  RecordCounts,
  SceneDraft,
  SplitRole,
  TextKind,
} from "../core/records.ts";
import type { FileDigest } from "./annotations/annotation-file.ts";
import type { ExclusionRules, PictureIdentity } from "./exclusion/exclusion-rules.ts";

/** One split of a set, as one dataset fills it. */
export interface SourceSplit {
  readonly name: string;
  readonly role: SplitRole;
  /** Parts of the published split; "everything" takes every picture that is listed, whatever part it is in. */
  readonly parts: readonly string[] | "everything";
}

/** What a source is planned with. */
export interface SourceOptions {
  /** The folder as a user has it after unpacking the official downloads. */
  readonly folder: string;
  /** Which of the dataset's published splits the parts are of; the manifest's first when not given. */
  readonly publishedSplit?: string | undefined;
  readonly splits: readonly SourceSplit[];
  /** Texts of these kinds only; files that have no others are not read. All kinds when not given. */
  readonly textKinds?: readonly TextKind[] | undefined;
  readonly exclusions: ExclusionRules;
  /** Go on with files that look like an official release but are none. */
  readonly acceptUnknownRelease: boolean;
  /** Plan as if every picture were there. */
  readonly annotationsOnly: boolean;
  /** Only `pictures` will be asked of the plan: files that list no pictures need not be read or be there. */
  readonly picturesOnly?: boolean | undefined;
  /** Throw SourceError at the first faulty record instead of quarantining it. */
  readonly strict: boolean;
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

/** Pictures that are nowhere in the folder. */
interface MissingPictures {
  readonly numPictures: number;
  /** The first few, as the paths looked for. */
  readonly examples: readonly string[];
}

/** A picture that the annotation files list, whatever the recipe takes. */
export interface ListedPicture extends PictureIdentity {
  /** Its part of the published split; undefined when in none. */
  readonly part: string | undefined;
  /** Where it is listed, and where its part is written. */
  readonly evidence: string;
  /** Whether only the split names it: then no annotation file has told its photo or its links. */
  readonly isUnlisted: boolean;
}

/** What a source has for a preparation: a pure function of the files and the options. */
export interface SourcePlan extends Disposable {
  readonly dataset: string;
  /** Every file that was read, in a fixed order. */
  readonly files: readonly FileDigest[];
  /** Names what was found of the pictures: paths and sizes, or that they were not looked for. */
  readonly picturesDigest: string;
  /** Which release the files are, in words: "COCO 2014, Karpathy split" or "unknown". */
  readonly release: string;
  /** Whether records that the split or the release names are not there. */
  readonly partial: boolean;
  readonly splits: readonly PlannedSplit[];
  /** Per file and kind, in a fixed order; `written` counts the records of the planned scenes. */
  readonly counts: readonly RecordCounts[];
  readonly unlisted: UnlistedPictures;
  readonly missing: MissingPictures;
  /** The scenes of a split from the given one on, always in the same order. */
  scenes(split: string, firstScene?: number): AsyncIterable<PlannedScene> | Iterable<PlannedScene>;
  /** All pictures that are listed or named by the split; one that is in several parts comes once for each. */
  pictures(): Iterable<ListedPicture>;
  /** The records that are already known not to be written, always in the same order. */
  ledger(): AsyncIterable<LedgerEntry> | Iterable<LedgerEntry>;
}
