import { CrossweaveError, ShardError } from "../core/errors.ts";
import type { ImageKey } from "../core/keys.ts";
import type { PictureInfo, SceneHead, SceneText } from "../core/records.ts";
import { sampleDraws, type SampleKey } from "./draws.ts";
import { largestPicture } from "./batch-shape.ts";
import { type LoaderOptions, maskingRules, type SampleStatistics } from "./options.ts";
import { type PairedText, type Pairing, pairSample } from "./pairing/pair-sample.ts";
import { isPairable } from "./pairing/scene-texts.ts";
import type { SceneLookup } from "./pairing/unmatched-search.ts";
import { type DrawnView, drawView, isTextShown, shownTexts } from "./pictures/augment.ts";
import { randAugmented } from "./pictures/rand-augment.ts";
import type { PictureView } from "./pictures/view-geometry.ts";
import { decodeView, type ViewOptions } from "./pictures/picture.ts";
import type { PixelCache } from "./pictures/pixel-cache.ts";
import { type MaskedTokens, maskTokens, NOT_PREDICTED } from "./text/masking.ts";
import { cutTokens } from "./text/text-rows.ts";
import type { WordPieceTokenizer } from "./text/word-piece.ts";
import { type BuildTimings, BuildTimer } from "./timings.ts";

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
  readonly timings: BuildTimings;
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

interface TimedContext extends SampleContext {
  readonly timer: BuildTimer;
}

/** A pure function of the shard sets, the options and the key, but for its timings. ShardError when stored bytes are damaged. */
export async function buildSample(key: SampleKey, untimed: SampleContext): Promise<Sample> {
  const timer = new BuildTimer();
  const context = { ...untimed, samples: timedLookup(untimed.samples, timer), timer };
  const { pairing, picture, drawn } = await timer.measureTexts(() => paired(key, context));
  const { augment, text } = context.options;
  const texts = pairing.pairs.map((pair) => pair.text.text);
  const numTokens = (written: string): number =>
    cutTokens(context.tokenizer.encode(written), text.maxTokens).length;
  const shown = timer.measureNow("textMs", () =>
    shownTexts(drawn, texts, { flip: augment.flip, numTokens }),
  );
  const { height, width } = largestPicture(context.options.pictures);
  const place = { key, pictureIndex: pairing.pictureIndex, picture, view: shown.view };
  const pixels = await pixelsOf(place, context);
  const written = { pairing, texts: shown.texts, key };
  const encoded = timer.measureNow("textMs", () => sampleTexts(written, context));
  return { key: picture.key, pixels, height, width, ...encoded, timings: timer.timings };
}

function timedLookup(samples: SampleLookup, timer: BuildTimer): SampleLookup {
  return {
    numSamples: samples.numSamples,
    head: (sampleIndex) => timer.measure("readMs", () => samples.head(sampleIndex)),
    pictureBytes: (sampleIndex, pictureIndex) =>
      timer.measure("readMs", () => samples.pictureBytes(sampleIndex, pictureIndex)),
  };
}

interface PairedPicture {
  readonly pairing: Pairing;
  readonly picture: PictureInfo;
  readonly drawn: DrawnView;
}

/** A crop that hides what all of a picture's texts speak of gives way to the whole picture. */
async function paired(key: SampleKey, context: SampleContext): Promise<PairedPicture> {
  const { options, samples, tokenizer } = context;
  const head = await samples.head(key.sampleIndex);
  const own = onlyPicture(head);
  const drawn = drawView(own, sampleDraws("augmentation", key), options.augment);
  const { textIndex } = key;
  const texts = textIndex === undefined ? head.texts : head.texts.slice(textIndex, textIndex + 1);
  const isShown = (text: SceneText): boolean => isTextShown(text, own, drawn.crop);
  const isCropUsed = texts.some((text) => isPairable(text) && isShown(text));
  const pairing = await pairSample(key, {
    scenes: samples,
    pairing: options.pairing,
    rules: { tokenizer, ...options.text },
    ...(isCropUsed ? { isShown } : {}),
  });
  if (pairing.pictureIndex === key.sampleIndex) {
    return { pairing, picture: own, drawn: isCropUsed ? drawn : { ...drawn, crop: null } };
  }
  const picture = onlyPicture(await samples.head(pairing.pictureIndex));
  const other = drawView(picture, sampleDraws("augmentation", key), options.augment);
  return { pairing, picture, drawn: other };
}

async function pixelsOf(
  of: { key: SampleKey; pictureIndex: number; picture: PictureInfo; view: PictureView },
  { options, samples, timer, wholePictures }: TimedContext,
): Promise<Uint8Array> {
  const { key, picture, pictureIndex, view } = of;
  const { height, width } = largestPicture(options.pictures);
  const shown = { width, height };
  const decode = async (): Promise<Uint8Array> => {
    const bytes = await samples.pictureBytes(pictureIndex, 0);
    return timer.measure("decodeMs", () => decodeStored(bytes, picture, { shown, view }));
  };
  const isWhole = view.crop === null && !view.mirrored;
  const pixels = await (isWhole ? wholePictures.get(pictureIndex, decode) : decode());
  const { randAugment } = options.augment;
  if (randAugment === null) return pixels;
  return timer.measureNow("decodeMs", () =>
    randAugmented({ pixels, width, height }, sampleDraws("colours", key), randAugment),
  );
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
  options: Omit<ViewOptions, "picture">,
): Promise<Uint8Array> {
  try {
    return await decodeView(bytes, { ...options, picture });
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
  written: { pairing: Pairing; texts: readonly string[]; key: SampleKey },
  context: SampleContext,
): Pick<Sample, "texts" | "statistics"> {
  const { key, pairing } = written;
  const { numDroppedTexts, numRedraws, numRepeats } = pairing;
  let numCutTexts = 0;
  const texts = pairing.pairs.map((pair, part) => {
    const tokenIds = context.tokenizer.encode(written.texts[part] ?? pair.text.text);
    const cut = cutTokens(tokenIds, context.options.text.maxTokens);
    if (cut.length < tokenIds.length) numCutTexts += 1;
    const tokens = maskPair(cut, { pair, part, key }, context);
    return { textId: pair.text.id, matched: pair.matched, tokens };
  });
  return { texts, statistics: { numRedraws, numRepeats, numCutTexts, numDroppedTexts } };
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
