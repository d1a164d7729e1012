import { ConfigError } from "../core/errors.ts";
import type { ImageKey } from "../core/keys.ts";
import type { AugmentOptions } from "./pictures/augment.ts";
import type { LetterCase } from "./text/basic-tokenizer.ts";
import { bertMasking, type MaskingRules } from "./text/masking.ts";

/** Splits of one shard set that are trained on together. */
export interface LoaderSet {
  readonly folder: string;
  readonly splits: readonly string[];
}

export interface LoaderOptions {
  /** The samples are the scenes of these splits, in this order; each scene shows one picture. */
  readonly sets: readonly LoaderSet[];
  /** Path of a vocab.txt. */
  readonly vocabulary: string;
  /** "lower" when left out. */
  readonly letterCase?: LetterCase;
  readonly seed: number;
  /** Pictures of the global batch, over all ranks. */
  readonly picturesPerBatch: number;
  readonly matchedTexts: number;
  readonly unmatchedTexts: number;
  /** Tokens of a text including [CLS] and [SEP]; longer texts are cut, as in BERT. */
  readonly maxTextTokens: number;
  /** Side of the square pictures, in pixels. */
  readonly imageSize: number;
  readonly augment: AugmentOptions;
  readonly mlmProbability: number;
  /** BERT's way when left out: each token on its own, random ids from the whole vocabulary. */
  readonly mlmRules?: Omit<MaskingRules, "probability">;
  readonly rank: number;
  readonly worldSize: number;
  /** Threads that build batches; with 0 they are built on the calling thread (pictures still decode in libuv's pool). */
  readonly numWorkers: number;
  /** Batches that may lie ready beside the one in use. */
  readonly prefetchBatches: number;
}

/** What happened while a batch was built; a pure function of the batch's content. */
export interface BatchStatistics {
  /** Unmatched texts rejected because they could be true of the picture. */
  readonly numRedraws: number;
  /** Texts that stand twice with a picture because it has too few. */
  readonly numRepeats: number;
  /** Texts cut to maxTextTokens. */
  readonly numCutTexts: number;
}

/** The arrays of a batch, for P pictures of side S and Q pairs of T tokens. */
export interface BatchArrays {
  /** [P, S, S, 3], RGB. */
  readonly pixels: Uint8Array;
  /** [Q], rows of `pixels`; a picture's pairs are neighbours, the matched ones first. */
  readonly pictureOfPair: Int32Array;
  /** [Q, T], already masked; [PAD] behind the text. */
  readonly tokenIds: Int32Array;
  /** [Q, T], 1 where there is a token. */
  readonly tokenMask: Int32Array;
  /** [Q, T], the id to predict, or -1; all -1 on unmatched pairs, which are masked alike. */
  readonly mlmLabels: Int32Array;
  /** [Q], 1 matched, 0 unmatched, -1 padding. */
  readonly matched: Int32Array;
}

/**
 * A rank's share of a global batch. The arrays belong to the loader: they are valid until the consumer asks
 * for the next batch, and must have been copied (or uploaded) by then.
 */
export interface Batch extends BatchArrays {
  readonly epoch: number;
  readonly batchIndex: number;
  /** The same on every rank and in every batch. */
  readonly numPictures: number;
  readonly numPairs: number;
  /**
   * Pictures that are no padding; they come first. Less than `numPictures`, by one, only on some ranks of a
   * world whose size does not divide `picturesPerBatch`.
   */
  readonly numRealPictures: number;
  /** Per real picture. */
  readonly keys: readonly ImageKey[];
  /** Per real pair. */
  readonly textIds: readonly string[];
  readonly statistics: BatchStatistics;
}

/** The rules for choosing the tokens to predict. */
export function maskingRules(options: LoaderOptions): MaskingRules {
  return { ...bertMasking, ...options.mlmRules, probability: options.mlmProbability };
}

/** ConfigError that names every option out of its range. */
export function checkOptions(options: LoaderOptions): void {
  const { augment, matchedTexts, maxTextTokens, mlmProbability, rank, unmatchedTexts } = options;
  const faults = [
    ...atLeast(1, options, ["picturesPerBatch", "imageSize", "worldSize", "prefetchBatches"]),
    ...atLeast(0, options, ["matchedTexts", "unmatchedTexts", "numWorkers", "rank"]),
    // [CLS], [SEP] and one token of the text
    ...atLeast(3, { maxTextTokens }, ["maxTextTokens"]),
    ...fault(!Number.isSafeInteger(options.seed), `seed is ${options.seed}, expected an integer`),
    ...fault(matchedTexts + unmatchedTexts < 1, "matchedTexts + unmatchedTexts is 0"),
    ...fault(rank >= options.worldSize, `rank is ${rank}, expected less than worldSize`),
    ...fault(
      !(mlmProbability >= 0 && mlmProbability <= 1),
      `mlmProbability is ${mlmProbability}, expected 0 to 1`,
    ),
    ...fault(
      options.picturesPerBatch < options.worldSize,
      `picturesPerBatch is ${options.picturesPerBatch}, fewer than the ${options.worldSize} ranks`,
    ),
    ...cropFaults(augment),
  ];
  if (faults.length > 0) throw new ConfigError(`loader options: ${faults.join("; ")}`);
}

function cropFaults({ crop }: AugmentOptions): string[] {
  if (crop === "none") return [];
  return [
    ...fault(
      !(crop.scale[0] > 0 && crop.scale[0] <= crop.scale[1] && crop.scale[1] <= 1),
      `augment.crop.scale is ${crop.scale.join(" to ")}, expected a range within (0, 1]`,
    ),
    ...fault(
      !(crop.ratio[0] > 0 && crop.ratio[0] <= crop.ratio[1]),
      `augment.crop.ratio is ${crop.ratio.join(" to ")}, expected a positive range`,
    ),
  ];
}

function atLeast<Name extends string>(
  smallest: number,
  values: Readonly<Record<Name, number>>,
  names: readonly Name[],
): string[] {
  return names.flatMap((name) =>
    fault(
      !(Number.isSafeInteger(values[name]) && values[name] >= smallest),
      `${name} is ${values[name]}, expected an integer of at least ${smallest}`,
    ),
  );
}

function fault(isFault: boolean, text: string): string[] {
  return isFault ? [text] : [];
}
