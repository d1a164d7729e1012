import { CrossweaveError, ShardError } from "../core/errors.ts";
import type { ImageKey } from "../core/keys.ts";
import type { Box, PictureInfo } from "../core/records.ts";
import { picturesPerSample } from "./batch-shape.ts";
import {
  pairOf,
  type PicturePlan,
  planPicture,
  type SampleContext,
} from "./collating/sample-plan.ts";
import { maskedRegionsOf } from "./collating/region-masks.ts";
import { requiredRegions, type SampleRegions, sampleRegions } from "./collating/sample-regions.ts";
import { sampleDraws, type SampleKey } from "./draws.ts";
import { describeLabelled } from "./labelled/labelled-sample.ts";
import type { LabelledText } from "./labelled/labelled-task.ts";
import {
  type LoaderOptions,
  maskingRules,
  type RegionOptions,
  type SampleStatistics,
} from "./options.ts";
import type { PairedText, Pairing } from "./pairing/pair-sample.ts";
import type { SceneLookup } from "./pairing/unmatched-search.ts";
import { shownTexts } from "./pictures/augment.ts";
import { decodeView, type ViewOptions } from "./pictures/picture.ts";
import { shownSize } from "./pictures/picture-sizes.ts";
import { boxInView, type PictureView, type Size } from "./pictures/view-geometry.ts";
import { type MaskedTokens, maskTokens, NOT_PREDICTED } from "./text/masking.ts";
import { cutTokens } from "./text/text-rows.ts";
import { type BuildTimings, BuildTimer } from "./timings.ts";

/** A picture as a batch shows it. */
export interface SamplePicture {
  readonly key: ImageKey;
  /** [shown.height, shown.width, 3], RGB; not to be changed, perhaps in the row itself. Empty where no picture is decoded. */
  readonly pixels: Uint8Array;
  readonly shown: Size;
  /** Undefined where batches carry none. */
  readonly regions: SampleRegions | undefined;
}

/** A picture, or two, with the texts it meets, ready to be written into a batch. */
export interface Sample {
  readonly pictures: readonly SamplePicture[];
  readonly texts: readonly SampleText[];
  /** Present where texts are labelled. */
  readonly labelled?: Pick<LabelledText, "label" | "targets">;
  readonly statistics: SampleStatistics;
  readonly timings: BuildTimings;
}

export interface SampleText {
  readonly textId: string;
  readonly matched: boolean;
  readonly tokens: MaskedTokens;
  /** Where what it speaks of lies in the shown picture; null when it has no box, or is of another picture. */
  readonly box: Box | null;
  /** Where the second of two texts begins among the tokens; left out, or null, where there is one. */
  readonly secondStart?: number | null;
}

interface TimedContext extends SampleContext {
  readonly timer: BuildTimer;
}

/** A picture's place in the sets, and how it is shown. */
export interface ShownPicture {
  /** The sample that owns the picture. */
  readonly pictureIndex: number;
  /** 1 for the second one of its scene. */
  readonly pictureNumber: number;
  readonly picture: PictureInfo;
  readonly view: PictureView;
  readonly shown: Size;
}

/** All of a sample but its picture, which has not been read yet. */
export interface DescribedSample extends Pick<Sample, "texts" | "statistics" | "labelled"> {
  readonly key: SampleKey;
  readonly places: readonly ShownPicture[];
  readonly timer: BuildTimer;
}

/** A picture's row in a batch. */
interface PixelRow {
  /** [height, width, 3]. */
  readonly pixels: Uint8Array;
  readonly width: number;
}

/**
 * A pure function of the shard sets' heads, the options and the key, but for its timings. `plan` is the key's, where it has
 * been planned already. ShardError when a stored head is damaged.
 */
export async function describeSample(
  key: SampleKey,
  untimed: SampleContext,
  plan?: PicturePlan,
): Promise<DescribedSample> {
  const timer = new BuildTimer();
  const context = { ...untimed, samples: timedHeads(untimed.samples, timer) };
  if (context.options.pairing.kind === "labelled") {
    const { task } = context.options.pairing;
    const known = plan ?? (await planPicture(key, context));
    const described = timer.measureNow("textMs", () =>
      describeLabelled(key, known, { context, task }),
    );
    return { ...described, key, timer };
  }
  const { pairing, pictureIndex, picture, drawn } = await timer.measureTexts(async () => {
    const known = plan ?? (await planPicture(key, context));
    return { ...known, pairing: await pairOf(key, known, context) };
  });
  const { augment, pictures, text } = context.options;
  const texts = pairing.pairs.map((pair) => pair.text.text);
  const numTokens = (written: string): number =>
    cutTokens(context.tokenizer.encode(written), text.maxTokens).length;
  return timer.measureNow("textMs", () => {
    const { texts: written, view } = shownTexts(drawn, texts, { flip: augment.flip, numTokens });
    const shown = shownSize(pictures, picture, view);
    const place = { pictureIndex, pictureNumber: 0, picture, view, shown };
    const encoded = sampleTexts({ pairing, texts: written, key, place }, context);
    return { ...encoded, key, places: [place], timer };
  });
}

/**
 * A described sample with its pictures, each decoded into its row where it is as wide and is not to be kept. ShardError when
 * stored bytes are damaged; ConfigError when the set has not the regions that the options ask for.
 */
export async function buildSample(
  described: DescribedSample,
  context: SampleContext,
  rows: readonly PixelRow[] = [],
): Promise<Sample> {
  const { labelled, places, statistics, texts, timer } = described;
  const pictures: SamplePicture[] = [];
  for (const place of places) {
    const row = rows[place.pictureNumber];
    pictures.push(await buildPicture(described, { place, row }, { ...context, timer }));
  }
  const sample = { pictures, texts, statistics, timings: timer.timings };
  return labelled === undefined ? sample : { ...sample, labelled };
}

async function buildPicture(
  { key, texts }: DescribedSample,
  { place, row }: { readonly place: ShownPicture; readonly row: PixelRow | undefined },
  context: TimedContext,
): Promise<SamplePicture> {
  const { regions: wanted = "none" } = context.options;
  const found = wanted === "none" ? undefined : await regionsOf(place, wanted, context);
  const isPredicted = texts.some(({ matched }) => matched) || predictsAll(context.options);
  const regions = found && isPredicted ? masked(found, key, context.options) : found;
  const pixels = await pixelsOf({ key, place, row }, context);
  const { picture, shown } = place;
  return { key: picture.key, pixels, shown, regions };
}

/** What describing a sample needs of its lookup: no bytes of pictures. */
function timedHeads(samples: SceneLookup, timer: BuildTimer): SceneLookup {
  return {
    numSamples: samples.numSamples,
    splitOf: (sampleIndex) => samples.splitOf(sampleIndex),
    chainOf: (sampleIndex) => samples.chainOf(sampleIndex),
    mayStandFor: (sampleIndex, tried) => samples.mayStandFor(sampleIndex, tried),
    head: (sampleIndex) => timer.measureSoon("readMs", () => samples.head(sampleIndex)),
  };
}

async function regionsOf(
  { picture, pictureIndex, pictureNumber, shown, view }: ShownPicture,
  regions: RegionOptions,
  { samples, timer }: TimedContext,
): Promise<SampleRegions> {
  const found = await timer.measure("readMs", () => samples.regions(pictureIndex, pictureNumber));
  return sampleRegions(requiredRegions(found, picture, regions), picture, { view, shown, regions });
}

function masked(found: SampleRegions, key: SampleKey, options: LoaderOptions): SampleRegions {
  return { ...found, masked: maskedRegionsOf(key, found.shown.length, options) };
}

function predictsAll({ predictedPairs = "matched" }: LoaderOptions): boolean {
  return predictedPairs === "all";
}

async function pixelsOf(
  { key, place, row }: { key: SampleKey; place: ShownPicture; row: PixelRow | undefined },
  { options, readMemory, samples, timer, wholePictures }: TimedContext,
): Promise<Uint8Array> {
  const { picture, pictureIndex, pictureNumber, shown, view } = place;
  const { augment, pairing, pictures } = options;
  if (pictures.kind === "none") return new Uint8Array();
  const { sampling } = pictures;
  const decode = (into?: Uint8Array): Promise<Uint8Array> => {
    const viewOptions = { shown, view, sampling, into };
    return readMemory.lend(
      (memory) =>
        timer.measureSoon("readMs", () =>
          samples.pictureBytes(pictureIndex, pictureNumber, memory),
        ),
      (bytes) => timer.measure("decodeMs", () => decodeStored(bytes, picture, viewOptions)),
    );
  };
  const isKept = wholePictures.isKept && view.crop === null && !view.mirrored;
  const pixels = await (isKept
    ? wholePictures.get(pictureIndex * picturesPerSample(pairing) + pictureNumber, decode)
    : decode(roomFor(shown, row)));
  const { randAugment } = augment;
  if (randAugment === null) return pixels;
  const { randAugmented } = await import("./pictures/rand-augment.ts"); // loaded where it is used
  return timer.measureNow("decodeMs", () =>
    randAugmented({ pixels, ...shown }, sampleDraws("colours", key, pictureNumber), randAugment),
  );
}

function roomFor({ height, width }: Size, row: PixelRow | undefined): Uint8Array | undefined {
  return row?.width === width ? row.pixels.subarray(0, height * width * 3) : undefined;
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

type TextContext = Pick<SampleContext, "options" | "tokenizer">;

interface WrittenTexts {
  readonly pairing: Pairing;
  /** As they are read beside the picture. */
  readonly texts: readonly string[];
  readonly key: SampleKey;
  readonly place: ShownPicture;
}

function sampleTexts(
  { key, pairing, place, texts: written }: WrittenTexts,
  context: TextContext,
): Pick<Sample, "texts" | "statistics"> {
  const { numDroppedTexts, numRedraws, numRepeats } = pairing;
  let numCutTexts = 0;
  const texts = pairing.pairs.map((pair, part) => {
    const tokenIds = context.tokenizer.encode(written[part] ?? pair.text.text);
    const cut = cutTokens(tokenIds, context.options.text.maxTokens);
    if (cut.length < tokenIds.length) numCutTexts += 1;
    const tokens = maskPair(cut, { pair, part, key }, context);
    return { textId: pair.text.id, matched: pair.matched, tokens, box: textBox(pair, place) };
  });
  return { texts, statistics: { numRedraws, numRepeats, numCutTexts, numDroppedTexts } };
}

function textBox(
  { matched, text }: PairedText,
  { picture, shown, view }: ShownPicture,
): Box | null {
  if (!matched || text.box === null) return null;
  return boxInView(text.box, picture, { view, shown })?.box ?? null;
}

/**
 * Unmatched texts are masked as well, or a mask would give the match away; but none of their words are
 * predicted unless the options say so: nothing can be learnt about a word from a picture that does not show it.
 */
function maskPair(
  tokenIds: readonly number[],
  place: { pair: PairedText; part: number; key: SampleKey },
  context: TextContext,
): MaskedTokens {
  const { key, pair, part } = place;
  const words = maskTokens(tokenIds, sampleDraws("masking", key, part), {
    rules: maskingRules(context.options),
    tokenizer: context.tokenizer,
  });
  if (pair.matched || predictsAll(context.options)) return words;
  return { ...words, labels: tokenIds.map(() => NOT_PREDICTED) };
}
