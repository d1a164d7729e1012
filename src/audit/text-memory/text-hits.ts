import type { SceneHead } from "../../core/records.ts";
import type { RelatedSplit } from "../relate-splits.ts";

/** To be raised when other texts are taken for like one another, or the layout changes. */
export const TEXT_HITS_VERSION = 1;

/** Texts of a training scene that are equal or similar to some that are evaluated on. */
export interface HitScene {
  /** The scene and its first picture, counted from the first of the shard. */
  readonly scene: number;
  readonly firstPicture: number;
  /** Which of its texts, ascending. */
  readonly texts: readonly number[];
}

/** What a comparison of all texts of a training shard found: the same for as long as these and the evaluation texts are. */
export interface TextHits {
  readonly numPictures: number;
  /** Texts that are compared, and like none. */
  readonly numUnlike: number;
  readonly numWithoutWords: number;
  readonly scenes: readonly HitScene[];
}

/** The scenes of a training shard. */
export interface TextShard {
  readonly sha256: string;
  readonly heads: () => AsyncIterable<SceneHead>;
  /** Counted from the first of the shard. */
  readonly head: (scene: number) => Promise<SceneHead>;
}

/** What was found of training shards before, by the digest of the evaluation texts. */
export interface TextMemory {
  readonly shardsOf: (split: RelatedSplit) => readonly TextShard[];
  readonly read: (shardSha256: string, evaluated: string) => Promise<TextHits | undefined>;
  readonly write: (shardSha256: string, evaluated: string, hits: TextHits) => Promise<void>;
}

const NUM_COUNTS = 3;
const WORDS_PER_TEXT = 3;

/** Hits as they are kept: the counts, then scene, first picture and number of each text, 32 bits each. */
export function encodeHits({
  numPictures,
  numUnlike,
  numWithoutWords,
  scenes,
}: TextHits): Uint8Array {
  const texts = scenes.flatMap(({ firstPicture, scene, texts: ofScene }) =>
    ofScene.flatMap((text) => [scene, firstPicture, text]),
  );
  const words = [numPictures, numUnlike, numWithoutWords, ...texts];
  const bytes = new Uint8Array(words.length * Uint32Array.BYTES_PER_ELEMENT);
  const view = new DataView(bytes.buffer);
  for (const [at, word] of words.entries()) {
    view.setUint32(at * Uint32Array.BYTES_PER_ELEMENT, word, true);
  }
  return bytes;
}

/** The hits of which `encodeHits` made the bytes; undefined where they cannot be some. */
export function decodeHits(bytes: Uint8Array): TextHits | undefined {
  const numWords = bytes.length / Uint32Array.BYTES_PER_ELEMENT;
  if (numWords < NUM_COUNTS || (numWords - NUM_COUNTS) % WORDS_PER_TEXT !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number): number => view.getUint32(at * Uint32Array.BYTES_PER_ELEMENT, true);
  const scenes: (HitScene & { readonly texts: number[] })[] = [];
  for (let at = NUM_COUNTS; at < numWords; at += WORDS_PER_TEXT) {
    const [scene, firstPicture, text] = [word(at), word(at + 1), word(at + 2)];
    const last = scenes.at(-1);
    if (last?.scene === scene) last.texts.push(text);
    else scenes.push({ scene, firstPicture, texts: [text] });
  }
  return { numPictures: word(0), numUnlike: word(1), numWithoutWords: word(2), scenes };
}
