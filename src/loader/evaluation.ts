import type { ImageKey } from "../core/keys.ts";
import type { PictureInfo, SceneText } from "../core/records.ts";
import type { MatchedUnmatchedPairing } from "./options.ts";
import { pairTexts } from "./pairing/pair-sample.ts";
import { wholePicture } from "./pictures/view-geometry.ts";
import { decodeStored } from "./sample.ts";
import type { SceneReader } from "./sample-source.ts";
import { cutTokens, type TextRow, writeTextRow } from "./text/text-rows.ts";
import type { WordPieceTokenizer } from "./text/word-piece.ts";

export interface EvaluationPicture {
  readonly sceneIndex: number;
  /** 0, or 1 for the second picture of a scene of two. */
  readonly pictureIndex: number;
  readonly key: ImageKey;
  /** [S, S, 3], RGB: the whole picture, never augmented. The consumer's own. */
  readonly pixels: Uint8Array;
}

/** A text as a row of tokens: [T] ids, [CLS] and [SEP] included, and [T] mask. Nothing is masked for prediction. */
export interface EvaluationText extends TextRow {
  /** The scene that the text speaks of. */
  readonly sceneIndex: number;
  readonly text: SceneText;
}

/** A picture (by its scene) and a text that is or is not true of it. */
export interface EvaluationPair {
  readonly sceneIndex: number;
  readonly text: EvaluationText;
  readonly matched: boolean;
}

export interface TextOptions {
  readonly tokenizer: WordPieceTokenizer;
  /** Including [CLS] and [SEP]; longer texts are cut. */
  readonly maxTextTokens: number;
  readonly signal?: AbortSignal | undefined;
}

// They decode in libuv's pool, which has four threads; the calling one only resamples them.
const PICTURES_AT_ONCE = 4;

/** All pictures of a split in order, each once, decoded off the calling thread a few ahead of the consumer. */
export async function* evaluationPictures(
  split: SceneReader,
  options: { imageSize: number; signal?: AbortSignal | undefined },
): AsyncGenerator<EvaluationPicture> {
  const ahead: Promise<PromiseSettledResult<EvaluationPicture>>[] = [];
  try {
    for await (const place of picturesInOrder(split, options.signal)) {
      ahead.push(settled(readPicture(split, place, options.imageSize)));
      if (ahead.length >= PICTURES_AT_ONCE) yield valueOf(await ahead.shift());
    }
    while (ahead.length > 0) yield valueOf(await ahead.shift());
  } finally {
    await Promise.all(ahead);
  }
}

interface PicturePlace {
  readonly sceneIndex: number;
  readonly pictureIndex: number;
  readonly picture: PictureInfo;
}

async function* picturesInOrder(
  split: SceneReader,
  signal: AbortSignal | undefined,
): AsyncGenerator<PicturePlace> {
  for (let sceneIndex = 0; sceneIndex < split.numScenes; sceneIndex += 1) {
    signal?.throwIfAborted();
    const { pictures } = await split.head(sceneIndex);
    for (const [pictureIndex, picture] of pictures.entries()) {
      yield { sceneIndex, pictureIndex, picture };
    }
  }
}

async function readPicture(
  split: SceneReader,
  { sceneIndex, pictureIndex, picture }: PicturePlace,
  size: number,
): Promise<EvaluationPicture> {
  const bytes = await split.pictureBytes(sceneIndex, pictureIndex);
  const pixels = await decodeStored(bytes, picture, {
    shown: { width: size, height: size },
    view: wholePicture,
    thread: "pool",
  });
  return { sceneIndex, pictureIndex, key: picture.key, pixels };
}

/** All texts of a split in order: those of scene 0, of scene 1, … */
export async function* evaluationTexts(
  split: SceneReader,
  options: TextOptions,
): AsyncGenerator<EvaluationText> {
  for (let sceneIndex = 0; sceneIndex < split.numScenes; sceneIndex += 1) {
    options.signal?.throwIfAborted();
    const { texts } = await split.head(sceneIndex);
    for (const text of texts) yield encodeText({ sceneIndex, text }, options);
  }
}

/**
 * Each picture of a split with matched and unmatched texts of the split, for image-text matching: the pairs
 * are drawn as in training, by the seed alone (epoch 0), so that every model meets the same ones.
 */
export async function* evaluationPairs(
  split: SceneReader,
  options: TextOptions & { readonly pairing: MatchedUnmatchedPairing; readonly seed: number },
): AsyncGenerator<EvaluationPair> {
  const scenes = {
    numSamples: split.numScenes,
    head: (sceneIndex: number) => split.head(sceneIndex),
    splitOf: () => ({ first: 0, size: split.numScenes }),
    chainOf: () => undefined,
    mayStandFor: () => true,
  };
  for (let sceneIndex = 0; sceneIndex < split.numScenes; sceneIndex += 1) {
    options.signal?.throwIfAborted();
    const key = { seed: options.seed, epoch: 0, sampleIndex: sceneIndex };
    const { pairing, tokenizer } = options;
    const rules = { tokenizer, maxTokens: options.maxTextTokens, longer: "cut" } as const;
    const { pairs } = await pairTexts(key, { scenes, pairing, rules });
    for (const { text, matched, sampleIndex } of pairs) {
      const encoded = encodeText({ sceneIndex: sampleIndex, text }, options);
      yield { sceneIndex, text: encoded, matched };
    }
  }
}

function encodeText(
  of: { sceneIndex: number; text: SceneText },
  options: TextOptions,
): EvaluationText {
  const { maxTextTokens, tokenizer } = options;
  const row = {
    tokenIds: new Int32Array(maxTextTokens),
    tokenMask: new Int32Array(maxTextTokens),
  };
  const tokenIds = cutTokens(tokenizer.encode(of.text.text), maxTextTokens);
  writeTextRow(tokenIds, tokenizer.specials, row);
  return { ...of, ...row };
}

/** A result instead of a rejection, so that one that comes while nobody is waiting ends no process. */
async function settled<Value>(promise: Promise<Value>): Promise<PromiseSettledResult<Value>> {
  const [result] = await Promise.allSettled([promise]);
  return result;
}

function valueOf<Value>(result: PromiseSettledResult<Value> | undefined): Value {
  if (result?.status === "fulfilled") return result.value;
  throw result?.reason;
}
