import type { ImageKey } from "./keys.ts";

/** Whether a split is trained on or evaluated on. */
export type SplitRole = "train" | "eval";

export const textKinds = [
  "caption",
  "region-description",
  "question",
  "statement",
  "hypothesis",
  "premise",
  "rationale",
  "expression",
] as const;

export type TextKind = (typeof textKinds)[number];

/** A rectangle in pixels of the stored picture; x and y are its left upper corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface AnswerCount {
  readonly answer: string;
  readonly count: number;
}

/** One text about a scene. `id` is the publisher's id of the record it came from. */
export interface SceneText {
  readonly id: string;
  readonly kind: TextKind;
  readonly text: string;
  readonly label: string | null;
  readonly answers: readonly AnswerCount[];
  readonly choices: readonly string[];
  readonly box: Box | null;
  /**
   * The text that this one is judged against: SNLI-VE's premise, the question and right answer of a
   * rationale of VCR. It is kept apart, so that a model that reads it is never mistaken for one that does not.
   */
  readonly context: string | null;
}

/** What is known of a picture before its file is read. */
export interface PictureReference {
  readonly key: ImageKey;
  /** Path below the source folder, with forward slashes: "coco/train2017/000000000790.jpg". */
  readonly path: string;
  readonly url: string | null;
  readonly flickrPhotoId: string | null;
  readonly license: string | null;
  /** Keys of other collections that the publisher says are the same picture (Visual Genome's coco_id). */
  readonly linkedKeys: readonly ImageKey[];
}

/** A scene as the annotation files describe it. */
export interface SceneDraft {
  /** Names the scene in its dataset; for one-picture scenes the picture's key. */
  readonly sceneKey: string;
  readonly split: string;
  readonly pictures: readonly PictureReference[];
  readonly texts: readonly SceneText[];
}

/** What is stored of a picture beside its bytes. Sizes are of the stored pixels, before any EXIF rotation. */
export interface PictureInfo {
  readonly key: ImageKey;
  readonly path: string;
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly sourceSizeBytes: number;
  /** EXIF orientation 1 to 8; it is recorded, not applied, because boxes are in the file's frame. */
  readonly orientation: number;
  /** Digest of the stored bytes, lower-case hex. */
  readonly sha256: string;
  /** Digest of the source file's bytes, lower-case hex; equals `sha256` when stored byte for byte. */
  readonly sourceSha256: string;
  /** Digest of the decoded, upright 8-bit RGB pixels, lower-case hex. */
  readonly pixelSha256: string;
  /** 64 hex digits once an audit has computed it, else null. */
  readonly perceptualHash: string | null;
  readonly url: string | null;
  readonly flickrPhotoId: string | null;
  readonly license: string | null;
  /** Keys of other collections that the publisher says are the same picture. */
  readonly linkedKeys: readonly ImageKey[];
  /** What was done to the file so that it could be stored: "cmyk-to-rgb", "first-of-10-frames" … */
  readonly notes: readonly string[];
}

export interface StoredPicture extends PictureInfo {
  /** The encoded picture, as it lies in the shard. */
  readonly bytes: Uint8Array;
}

/** Everything of a scene but the bytes of its pictures. */
export interface SceneHead {
  readonly sceneKey: string;
  readonly pictures: readonly PictureInfo[];
  readonly texts: readonly SceneText[];
}

/**
 * What a detector saw in one picture: R boxes with features of size D and probabilities of C classes
 * (UNITER). The 16-bit floats are kept as bytes, which is what a shard holds.
 */
export interface PictureRegions {
  /** [R], in pixels of the stored picture */
  readonly boxes: readonly Box[];
  /** [R], 0 to 1; null when the detector's are not known. */
  readonly confidences: readonly number[] | null;
  /** D */
  readonly numFeatures: number;
  /** C; 0 when there are no class probabilities. */
  readonly numClasses: number;
  /** [R, D] float16, little-endian, row after row */
  readonly features: Uint8Array;
  /** [R, C] float16, little-endian, row after row */
  readonly classProbabilities: Uint8Array;
}

/** A scene ready to be written to a shard, or read back from one. */
export interface Scene extends SceneHead {
  readonly pictures: readonly StoredPicture[];
  /** One for each picture, null for a picture that has none; null when the set has none at all. */
  readonly regions: readonly (PictureRegions | null)[] | null;
}

export const ledgerOutcomes = ["excluded", "quarantined", "missing"] as const;

export type LedgerOutcome = (typeof ledgerOutcomes)[number];

/** One record that was not written, and why. */
export interface LedgerEntry {
  /** The annotation file, as a path below the source folder. */
  readonly file: string;
  /** What kind of record of that file: "image", "caption", "region", … */
  readonly kind: string;
  /** Where in the file: a JSON pointer ("/annotations/17") or "line 12". */
  readonly record: string;
  /** The publisher's id of the record, or the picture's key. */
  readonly id: string;
  readonly outcome: LedgerOutcome;
  /** A short code, such as "not-in-any-split" or "IMG_TRUNCATED". */
  readonly reason: string;
  /** What shows it: the other file and record, a distance, an error text. */
  readonly evidence: string;
}

/** What became of the records of one kind in one file; `read` is always the sum of the other four. */
export interface RecordCounts {
  readonly file: string;
  readonly kind: string;
  readonly read: number;
  readonly written: number;
  readonly excluded: number;
  readonly quarantined: number;
  readonly missing: number;
}
