import type { ImageKey } from "../core/keys.ts";
import type { PictureInfo, SceneText } from "../core/records.ts";
import { batchSizeBytes, regionSizes, viewBatch } from "./batch-shape.ts";
import { requiredRegions, type SampleRegions, sampleRegions } from "./collating/sample-regions.ts";
import { writePicture } from "./collating/write-sample.ts";
import type {
  BatchArrays,
  BatchShape,
  LoaderOptions,
  MatchedUnmatchedPairing,
  PictureSizing,
  RegionOptions,
} from "./options.ts";
import { pairTexts } from "./pairing/pair-sample.ts";
import { batchSize, shownSize } from "./pictures/picture-sizes.ts";
import { type Size, wholePicture } from "./pictures/view-geometry.ts";
import { decodeStored } from "./sample.ts";
import type { SceneReader } from "./sample-source.ts";
import { cutTokens, type TextRow, writeTextRow } from "./text/text-rows.ts";
import type { WordPieceTokenizer } from "./text/word-piece.ts";

/**
 * A whole picture, never augmented, as the arrays of a batch of one picture without texts: its pixels and all of its
 * regions, as far as they are asked for, nothing masked. The arrays are the consumer's own.
 */
export interface EvaluationPicture extends Omit<
  BatchArrays,
  "pictureOfPair" | "tokenIds" | "tokenMask" | "mlmLabels" | "matched" | "textBoxes" | "hasTextBox"
> {
  readonly sceneIndex: number;
  /** 0, or 1 for the second picture of a scene of two. */
  readonly pictureIndex: number;
  readonly key: ImageKey;
  readonly numPictures: 1;
  readonly shape: BatchShape;
}

/** How pictures are shown, as in a loader's options. */
export interface PictureOptions extends Pick<LoaderOptions, "pictures" | "regions"> {
  readonly signal?: AbortSignal | undefined;
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

/**
 * All pictures of a split in order, each once, decoded off the calling thread a few ahead of the consumer. ConfigError when
 * one has not the regions that are asked for, ShardError when one is damaged.
 */
export async function* evaluationPictures(
  split: SceneReader,
  options: PictureOptions,
): AsyncGenerator<EvaluationPicture> {
  const ahead: Promise<PromiseSettledResult<EvaluationPicture>>[] = [];
  try {
    for await (const place of picturesInOrder(split, options.signal)) {
      ahead.push(settled(readPicture(split, place, options)));
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
  place: PicturePlace,
  options: PictureOptions,
): Promise<EvaluationPicture> {
  const { picture, pictureIndex, sceneIndex } = place;
  const { pictures, regions: wanted = "none" } = options;
  const shown = shownSize(pictures, picture, wholePicture);
  const [pixels, regions] = await Promise.all([
    pictures.kind === "none" ? new Uint8Array() : pixelsOf(split, place, { shown, pictures }),
    wanted === "none" ? undefined : regionsOf(split, place, { shown, regions: wanted }),
  ]);
  const shape = pictureShape(batchSize(pictures, [shown]), wanted);
  const arrays = viewBatch(new SharedArrayBuffer(batchSizeBytes(shape)), shape);
  writePicture({ pixels, shown, regions }, 0, { arrays, shape });
  return { ...arrays, sceneIndex, pictureIndex, key: picture.key, numPictures: 1, shape };
}

/** Of one picture and no text. */
function pictureShape(size: Size, regions: "none" | RegionOptions): BatchShape {
  return {
    numPictures: 1,
    textsPerPicture: 0,
    textTokens: 0,
    pictureHeight: size.height,
    pictureWidth: size.width,
    ...regionSizes(regions),
    hasTextBoxes: false,
    hasRegionMasks: false,
  };
}

async function pixelsOf(
  split: SceneReader,
  { picture, pictureIndex, sceneIndex }: PicturePlace,
  { pictures, shown }: { pictures: Exclude<PictureSizing, { kind: "none" }>; shown: Size },
): Promise<Uint8Array> {
  const bytes = await split.pictureBytes(sceneIndex, pictureIndex);
  const { sampling } = pictures;
  return decodeStored(bytes, picture, { shown, view: wholePicture, sampling, thread: "pool" });
}

async function regionsOf(
  split: SceneReader,
  { picture, pictureIndex, sceneIndex }: PicturePlace,
  { regions, shown }: { regions: RegionOptions; shown: Size },
): Promise<SampleRegions> {
  const found = requiredRegions(await split.regions(sceneIndex, pictureIndex), picture, regions);
  return sampleRegions(found, picture, { view: wholePicture, shown, regions });
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
