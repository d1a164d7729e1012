import { sha256 } from "../../core/digest.ts";
import { namesOfPicture } from "../../core/keys.ts";
import type { PictureInfo } from "../../core/records.ts";
import { HASH_BYTES } from "../perceptual/hash.ts";
import {
  MIN_QUALITY,
  type PdqHasher,
  type PerceptualHash,
  type RgbPicture,
} from "../perceptual/pdq.ts";
import { hashViews } from "../perceptual/window-bank.ts";
import { type RecordKind, recordedViews } from "./near-settings.ts";

// A record: scene and picture in 32 bits each, 16 bytes that name the pixels, then a quality and a hash for each view.
const PICTURE_AT = 4;
const PIXELS_AT = 8;
const PIXELS_BYTES = 16;
/** Words that name the pixels of a picture. */
export const PIXELS_WORDS: number = PIXELS_BYTES / Uint32Array.BYTES_PER_ELEMENT;
const QUALITIES_AT = PIXELS_AT + PIXELS_BYTES;

/** Bytes of one picture's record. */
export function recordBytes(kind: RecordKind): number {
  return QUALITIES_AT + recordedViews[kind].length * (1 + HASH_BYTES);
}

/** A decoded picture and where it stands. */
export interface RecordedPicture {
  /** Counted from the first scene of the shard. */
  readonly sceneIndex: number;
  readonly pictureIndex: number;
  readonly info: PictureInfo;
  /** Upright. */
  readonly pixels: RgbPicture;
}

/** The record of one picture. */
export function pictureRecord(
  hasher: PdqHasher,
  kind: RecordKind,
  { sceneIndex, pictureIndex, info, pixels }: RecordedPicture,
): Uint8Array {
  const hashes = hashViews(hasher.open(pixels), recordedViews[kind]);
  return encodeRecord({ sceneIndex, pictureIndex, pixels: pixelIdentity(info), hashes });
}

/** The record of a picture whose stored bytes are those of another one, from the record of that one. */
export function repeatedRecord(
  record: Uint8Array,
  { sceneIndex, pictureIndex, info }: Omit<RecordedPicture, "pixels">,
): Uint8Array {
  const repeated = record.slice();
  const head = new DataView(repeated.buffer);
  head.setUint32(0, sceneIndex, true);
  head.setUint32(PICTURE_AT, pictureIndex, true);
  repeated.set(pixelIdentity(info), PIXELS_AT);
  return repeated;
}

/** The bytes of a record; `pixels` are 16, `hashes` one for each view of its kind. */
export function encodeRecord(content: {
  readonly sceneIndex: number;
  readonly pictureIndex: number;
  readonly pixels: Uint8Array;
  readonly hashes: readonly PerceptualHash[];
}): Uint8Array {
  const { sceneIndex, pictureIndex, pixels, hashes } = content;
  const record = new Uint8Array(QUALITIES_AT + hashes.length * (1 + HASH_BYTES));
  const head = new DataView(record.buffer);
  head.setUint32(0, sceneIndex, true);
  head.setUint32(PICTURE_AT, pictureIndex, true);
  record.set(pixels, PIXELS_AT);
  for (const [view, { hash, quality }] of hashes.entries()) {
    record[QUALITIES_AT + view] = quality;
    record.set(hash, QUALITIES_AT + hashes.length + view * HASH_BYTES);
  }
  return record;
}

/** Equal for pictures that the audit calls the same by their pixels, and for no others. */
function pixelIdentity(info: PictureInfo): Uint8Array {
  const name = namesOfPicture(info).find(({ kind }) => kind === "pixels")?.name;
  return Buffer.from(sha256(name ?? `stored ${info.sha256}`), "hex").subarray(0, PIXELS_BYTES);
}

/** The records of a shard's pictures, in the order of its scenes. */
export class PictureRecords {
  readonly kind: RecordKind;
  readonly numPictures: number;
  readonly numViews: number;
  readonly #bytes: Uint8Array;
  readonly #head: DataView;
  readonly #recordBytes: number;

  constructor(kind: RecordKind, bytes: Uint8Array) {
    this.kind = kind;
    this.numViews = recordedViews[kind].length;
    this.#recordBytes = recordBytes(kind);
    this.numPictures = Math.floor(bytes.length / this.#recordBytes);
    this.#bytes = bytes;
    this.#head = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Counted from the first scene of the shard. */
  sceneIndex(row: number): number {
    return this.#head.getUint32(row * this.#recordBytes, true);
  }

  pictureIndex(row: number): number {
    return this.#head.getUint32(row * this.#recordBytes + PICTURE_AT, true);
  }

  /** Writes what is equal for pictures with equal upright pixels to `words`, which are PIXELS_WORDS. */
  readPixels(row: number, words: Uint32Array): void {
    const start = row * this.#recordBytes + PIXELS_AT;
    for (const word of words.keys()) {
      words[word] = this.#head.getUint32(start + word * Uint32Array.BYTES_PER_ELEMENT, true);
    }
  }

  /** 32 bytes, which are this object's own. */
  hash(row: number, view: number): Uint8Array {
    const start = row * this.#recordBytes + QUALITIES_AT + this.numViews + view * HASH_BYTES;
    return this.#bytes.subarray(start, start + HASH_BYTES);
  }

  /** Whether there is enough in the whole picture to tell it apart from others by its hashes. */
  isComparable(row: number): boolean {
    return this.#quality(row, 0) >= MIN_QUALITY;
  }

  /** Whether there is enough in this view as well. */
  isViewComparable(row: number, view: number): boolean {
    return this.isComparable(row) && this.#quality(row, view) >= MIN_QUALITY;
  }

  #quality(row: number, view: number): number {
    return this.#bytes[row * this.#recordBytes + QUALITIES_AT + view] ?? 0;
  }
}
