import { strict as assert } from "node:assert";

import { CrossweaveError, ShardError } from "../core/errors.ts";
import type { ImageKey } from "../core/keys.ts";
import type { PictureInfo, SceneHead } from "../core/records.ts";
import { sampleDraws, type SampleKey } from "./draws.ts";
import {
  type LoaderOptions,
  maskingRules,
  type MatchedUnmatchedPairing,
  type PairingOptions,
  type SampleStatistics,
} from "./options.ts";
import { type PairedText, type Pairing, pairTexts, type SceneLookup } from "./pairing.ts";
import { largestPicture } from "./batch-shape.ts";
import { drawView, type PictureView } from "./pictures/augment.ts";
import { decodeView } from "./pictures/picture.ts";
import type { PixelCache } from "./pictures/pixel-cache.ts";
import { type MaskedTokens, maskTokens, NOT_PREDICTED } from "./text/masking.ts";
import { cutTokens } from "./text/text-rows.ts";
import type { WordPieceTokenizer } from "./text/word-piece.ts";

/** Where samples come from: all scenes of the training splits, numbered. */
export interface SampleLookup extends SceneLookup {
  pictureBytes(sampleIndex: number, pictureIndex: number): Promise<Uint8Array>;
}

/** A picture with the texts it meets, ready to be written into a batch. */
export interface Sample {
  readonly key: ImageKey;
  /** [height, width, 3], RGB; not to be changed. */
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly texts: readonly SampleText[];
  readonly statistics: SampleStatistics;
}

interface SampleText {
  readonly textId: string;
  readonly matched: boolean;
  readonly tokens: MaskedTokens;
}

export interface SampleContext {
  readonly samples: SampleLookup;
  readonly tokenizer: WordPieceTokenizer;
  readonly options: LoaderOptions;
  /** Pictures that were shown whole and upright, by sample index. */
  readonly wholePictures: PixelCache;
}

/** A pure function of the shard sets, the options and the key. ShardError when stored bytes are damaged. */
export async function buildSample(key: SampleKey, context: SampleContext): Promise<Sample> {
  const { samples, options } = context;
  const { height: size, width } = largestPicture(options.pictures);
  const head = await samples.head(key.sampleIndex);
  const picture = onlyPicture(head);
  const pairing = await pairTexts(key, samples, matchedUnmatched(options.pairing));
  const view = drawView(picture, sampleDraws("augmentation", key), {
    augment: options.augment,
    texts: pairing.pairs.filter(({ matched }) => matched).map(({ text }) => text.text),
  });
  const decode = async (): Promise<Uint8Array> => {
    const bytes = await samples.pictureBytes(key.sampleIndex, 0);
    return decodeStored(bytes, picture, { size, view });
  };
  const isWhole = view.crop === null && !view.mirrored;
  const pixels = await (isWhole ? context.wholePictures.get(key.sampleIndex, decode) : decode());
  return { key: picture.key, pixels, height: size, width, ...sampleTexts(pairing, key, context) };
}

function matchedUnmatched(pairing: PairingOptions): MatchedUnmatchedPairing {
  assert(pairing.kind === "matched-unmatched", "checkOptions lets no other kind pass yet");
  return pairing;
}

function onlyPicture(head: SceneHead): PictureInfo {
  const [picture, second] = head.pictures;
  if (picture !== undefined && second === undefined) return picture;
  throw new ShardError(
    `scene ${head.sceneKey} has ${head.pictures.length} pictures; pairs are made of scenes with one`,
    { record: head.sceneKey, remedy: "train on splits of one-picture scenes" },
  );
}

/** Decodes a picture from a shard; ShardError, naming the picture, when that fails. */
export async function decodeStored(
  bytes: Uint8Array,
  picture: PictureInfo,
  options: { size: number; view: PictureView },
): Promise<Uint8Array> {
  try {
    return await decodeView(bytes, options);
  } catch (error) {
    if (!(error instanceof CrossweaveError)) throw error;
    const { remedy } = error;
    throw new ShardError(`${picture.key}: ${error.message}`, {
      record: picture.key,
      remedy,
      cause: error,
    });
  }
}

function sampleTexts(
  pairing: Pairing,
  key: SampleKey,
  context: SampleContext,
): Pick<Sample, "texts" | "statistics"> {
  const { numRedraws, numRepeats, pairs } = pairing;
  let numCutTexts = 0;
  const texts = pairs.map((pair, part) => {
    const tokenIds = context.tokenizer.encode(pair.text.text);
    const cut = cutTokens(tokenIds, context.options.text.maxTokens);
    if (cut.length < tokenIds.length) numCutTexts += 1;
    const tokens = maskPair(cut, { pair, part, key }, context);
    return { textId: pair.text.id, matched: pair.matched, tokens };
  });
  return { texts, statistics: { numRedraws, numRepeats, numCutTexts } };
}

/**
 * Unmatched texts are masked as well, or a mask would give the match away; but none of their words are
 * predicted: nothing can be learnt about a word from a picture that does not show it.
 */
function maskPair(
  tokenIds: readonly number[],
  place: { pair: PairedText; part: number; key: SampleKey },
  context: SampleContext,
): MaskedTokens {
  const { key, pair, part } = place;
  const masked = maskTokens(tokenIds, sampleDraws("masking", key, part), {
    rules: maskingRules(context.options),
    tokenizer: context.tokenizer,
  });
  return pair.matched ? masked : { ...masked, labels: tokenIds.map(() => NOT_PREDICTED) };
}
