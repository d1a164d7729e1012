import type { ImageKey } from "../core/keys.ts";
import type { CachePlan } from "../shards/remote/cache-plan.ts";
import type { AugmentOptions } from "./pictures/augment.ts";
import type { SamplingOptions } from "./pictures/picture.ts";
import type { LetterCase } from "./text/basic-tokenizer.ts";
import type { LabelledPairing } from "./labelled/labelled-task.ts";
import type { BatchTask } from "./tasks.ts";
import { bertMasking, type MaskingRules } from "./text/masking.ts";

/** Splits of one shard set that are trained on together. */
export interface LoaderSet {
  /** A folder, an http(s) URL, or s3://bucket/prefix. */
  readonly folder: string;
  readonly splits: readonly string[];
  /** Where a set that lies on a server is kept; see `defaultCache` when left out. */
  readonly cache?: CachePlan | undefined;
  /**
   * The set's share of all samples, relative to the other sets' weights; all sets have one or none has. A set
   * with a weight begins its next pass when its samples are used up, whatever the others do. Without weights all
   * sets are passed through together, once an epoch.
   */
  readonly weight?: number;
}

/**
 * How many samples make a batch. "pictures": the same number in every batch; a sample is a picture with its texts.
 * "texts": the same number in every batch; a sample is a text with its picture or pictures ("labelled" pairing). "tokens" (UNITER): each bucket of `bucketSize` samples is sorted by length, and a batch is the largest multiple
 * of `multipleOf` neighbours whose longest length times their number stays within `maxTokens`; a sample is a
 * text with its picture. Lengths are what a model reads: UNITER's code leaves [CLS] and [SEP] out of them, so that its
 * batches are up to two tokens a sample above its budget; and it drops the last batch of a bucket, which is kept here.
 */
export type BatchingOptions =
  | { readonly kind: "pictures"; readonly picturesPerBatch: number }
  | { readonly kind: "texts"; readonly textsPerBatch: number }
  | {
      readonly kind: "tokens";
      /** Of the global batch, over all ranks, padding included. */
      readonly maxTokens: number;
      readonly multipleOf: number;
      readonly bucketSize: number;
      /**
       * Tokens that each picture adds to its text's; none when left out. "regions": as many as the shown picture has
       * regions, at most `regions.maxRegions` (UNITER). A picture that stands in for another has then at most as many
       * regions as the one that was drawn first, whose place it takes where that one is no unmatched one.
       */
      readonly tokensPerPicture?: number | "regions";
      /**
       * The tokens of texts and the regions of pictures are counted as if rounded up to multiples of this (or to the most there
       * may be), and a bucket's last batch gets padding pictures up to the size of the others: batches then have few
       * different shapes, each of which a compiled step is made for. 1 when left out: nothing is rounded or padded.
       */
      readonly lengthMultiple?: number;
    };

/** Which samples may stand together: any, or landscape and portrait pictures each in batches of their own (SOHO). */
type BatchGrouping = "none" | "aspect";

/**
 * Where unmatched texts and pictures are drawn from. "same-split": from the scenes of the sample's own split, as UNITER's
 * code does (its ItmDataset knows one dataset); of mixed datasets, a text in the manner of one beside a picture in the
 * manner of another would give itself away. "all-splits": from everything that is trained on. Papers say neither.
 */
export type UnmatchedSource = "same-split" | "all-splits";

interface PairingSource {
  /** "same-split" when left out. */
  readonly unmatchedFrom?: UnmatchedSource;
}

/** Each picture with texts that are true of it and texts that are not; 2 and 2 in Visual Parsing. */
export interface MatchedUnmatchedPairing extends PairingSource {
  readonly kind: "matched-unmatched";
  readonly matched: number;
  readonly unmatched: number;
}

/**
 * Each picture with so many texts, each of which is another picture's with a probability (SOHO as released: 4 and 0.5, so
 * that a picture can have four matched texts or none).
 */
export interface BernoulliTextsPairing extends PairingSource {
  readonly kind: "bernoulli-texts";
  readonly texts: number;
  readonly probability: number;
  /** Which of another picture's texts stands there: any of them, or always its first one (SOHO as released). */
  readonly unmatchedText: "any" | "first";
}

/** What makes a pair unmatched: another picture beside the text (UNITER), another text, or one of both by a coin. */
type ReplacedSide = "picture" | "text" | "either";

/** Which pairs a batch holds; "bernoulli" and "exact-half" make one pair of each sample, "labelled" is for fine-tuning. */
export type PairingOptions =
  | MatchedUnmatchedPairing
  | BernoulliTextsPairing
  | BernoulliPairing
  | ExactHalfPairing
  | LabelledPairing;

interface BernoulliPairing extends PairingSource {
  readonly kind: "bernoulli";
  readonly probability: number;
  readonly replace: ReplacedSide;
}

interface ExactHalfPairing extends PairingSource {
  readonly kind: "exact-half";
}

interface TextOptions {
  /**
   * Tokens of a text including [CLS] and [SEP], as BERT, ViLT and SOHO count. UNITER's 60 (its max_txt_len) are word pieces
   * without these two: 62 here.
   */
  readonly maxTokens: number;
  /** What becomes of longer texts: they are cut at the end, as in BERT, or never drawn (UNITER). */
  readonly longer: "cut" | "drop";
}

/**
 * The size of pictures, in pixels. "square": stretched to a square. "keep-ratio": scaled until the shorter side is
 * `shorter`, or less where the longer one would pass `longer` (SOHO: 600 and 1000); where the picture is cropped, it
 * is the crop that is scaled. Then padded with black at the right and below to the largest width and the largest
 * height of the global batch, the same on all ranks. "none": no picture is decoded, as for UNITER, which sees
 * regions only; boxes are then in the pixels of the upright, cropped picture at its stored size.
 */
export type PictureSizing =
  | { readonly kind: "square"; readonly size: number; readonly sampling?: SamplingOptions }
  | {
      readonly kind: "keep-ratio";
      readonly shorter: number;
      readonly longer: number;
      /** The batch's height and width are rounded up to multiples of this; 1 when left out. SOHO's is 32. */
      readonly padToMultipleOf?: number;
      readonly sampling?: SamplingOptions;
    }
  | { readonly kind: "none" };

/** What batches carry of the regions that a detector saw (UNITER); the shard sets must have them for every picture. */
export interface RegionOptions {
  /**
   * R, rows for each picture. Of a picture with more regions the first ones that are shown are taken, which are the
   * most confident ones: which regions a set has at all (UNITER: confidence over 0.2, 10 to 100) is its preparation's.
   * Batches of tokens count `batching.tokensPerPicture` for a picture, which is this for a model that takes all rows.
   */
  readonly maxRegions: number;
  /** D, features of a region: 2048 of bottom-up attention. */
  readonly numFeatures: number;
  /** C, classes of the detector (1601 of bottom-up attention), to carry their probabilities; 0, or left out, not to. */
  readonly numClasses?: number;
  /** Regions of whose area a crop leaves less are left out; 0.5 when left out. */
  readonly minVisibleShare?: number;
}

/**
 * How the regions to predict are chosen: each on its own, and, where none was chosen, one of them by a uniform draw
 * ("at-least-one": UNITER as released), or none then ("independent").
 */
type RegionMaskSelection = "at-least-one" | "independent";

/**
 * The pairs whose masked words and regions are predicted: the matched ones (all three papers), or all (SOHO as released,
 * which never clears the labels of the unmatched ones). Words are masked on all pairs alike either way.
 */
type PredictedPairs = "matched" | "all";

export interface LoaderOptions {
  /** The samples are the scenes of these splits, in this order; each scene shows one picture. */
  readonly sets: readonly LoaderSet[];
  /** Path of a vocab.txt. */
  readonly vocabulary: string;
  /** "lower" when left out. */
  readonly letterCase?: LetterCase;
  readonly seed: number;
  readonly batching: BatchingOptions;
  readonly grouping: BatchGrouping;
  readonly pairing: PairingOptions;
  readonly text: TextOptions;
  readonly pictures: PictureSizing;
  /** "none" when left out. */
  readonly regions?: "none" | RegionOptions;
  /** Whether batches say where the texts' boxes lie (region descriptions, referring expressions); not when left out. */
  readonly textBoxes?: boolean;
  readonly augment: AugmentOptions;
  readonly mlmProbability: number;
  /** BERT's way when left out: each token on its own, random ids from the whole vocabulary. */
  readonly mlmRules?: Omit<MaskingRules, "probability">;
  /** The share of a picture's regions to mask; 0.15 in UNITER, 0 when left out. */
  readonly regionMaskProbability?: number;
  /** "at-least-one" when left out. */
  readonly regionMaskSelection?: RegionMaskSelection;
  /** "matched" when left out. */
  readonly predictedPairs?: PredictedPairs;
  /**
   * What batches are for, one task a batch; each has its own pairing and masking, in whose places those above are not read.
   * With batches of tokens, a sample counts for as many regions as under that task that gives it the most.
   */
  readonly tasks?: readonly BatchTask[];
  /** Batches in a row that have one task: as many as a step accumulates. 1 when left out. */
  readonly taskGroup?: number;
  /**
   * What happens at a sample whose stored bytes are damaged. "stop": its ShardError is thrown. "skip": another
   * sample of the same global batch stands in its place, and the batch's statistics name the damaged one.
   */
  readonly onDamage: "stop" | "skip";
  /**
   * Names of pictures that must not be trained on, as `pictureNames` in core/keys makes them ("key coco:391895",
   * "Flickr photo 2945213105", "bytes …", "pixels …"). Where a scene of one is met, however it came into a set, a
   * LeakError that names it is thrown: its picture and its texts are in no batch. None when left out.
   */
  readonly excluded?: readonly ExcludedName[] | undefined;
  readonly rank: number;
  readonly worldSize: number;
  /** Threads that build batches; with 0 they are built on the calling thread, which decodes pictures itself meanwhile. */
  readonly numWorkers: number;
  /** Batches that may lie ready or be built beside the one in use; no more workers than this work at a time. */
  readonly prefetchBatches: number;
  /**
   * How many bytes of pixels each thread may keep, where all pictures of the sets fit: whole pictures are then decoded
   * once a thread instead of once an epoch. 128 MiB when left out, 0 to decode anew each time.
   */
  readonly keptPixelBytes?: number;
}

/** What happened while a sample was built; a pure function of its content. */
export interface SampleStatistics {
  /** Unmatched texts rejected because they could be true of the picture. */
  readonly numRedraws: number;
  /** Texts that stand twice with a picture because it has too few. */
  readonly numRepeats: number;
  /** Texts cut to `text.maxTokens`. */
  readonly numCutTexts: number;
  /** Texts of the scenes that were left out because they are longer. */
  readonly numDroppedTexts: number;
}

/** A sample that could not be read, and what was wrong with it. */
export interface SkippedSample {
  readonly sampleIndex: number;
  /** The sample that stands in its place. */
  readonly replacedBy: number;
  /** The fault's message; it names file, batch and row. */
  readonly fault: string;
  /** The file and the record that the fault is in. */
  readonly file: string | undefined;
  readonly record: string | undefined;
}

/** The same of a rank's share of a batch; a pure function of the batch's content. */
export interface BatchStatistics extends SampleStatistics {
  /** Samples in whose places others stand; always empty unless `onDamage` is "skip". */
  readonly skipped: readonly SkippedSample[];
}

/** The sizes of a rank's share of a batch: the same on all ranks, and in every batch unless the options ask for others. */
export interface BatchShape {
  readonly numPictures: number;
  readonly textsPerPicture: number;
  /** Of each row of tokens. */
  readonly textTokens: number;
  /** 0 where no picture is decoded. */
  readonly pictureHeight: number;
  readonly pictureWidth: number;
  /** R; 0 without regions, and so are D and C, its features and classes. */
  readonly regionsPerPicture: number;
  readonly featuresPerRegion: number;
  readonly classesPerRegion: number;
  readonly hasTextBoxes: boolean;
  readonly hasRegionMasks: boolean;
  /** Present where texts are labelled. */
  readonly labelled?: LabelledShape;
}

/** What a fine-tuning batch has beside texts and pictures. */
interface LabelledShape {
  /** A sample's pictures are neighbours: 2 in NLVR2. */
  readonly picturesPerSample: number;
  /** A; 0 but for the task "answers". */
  readonly answersPerSample: number;
  readonly hasRegionOverlaps: boolean;
}

/**
 * The arrays of a batch, for P pictures of height H and width W, with R regions of D features and C classes, and Q
 * pairs of T tokens. What the options do not ask for is an array of length 0. A box is x, y, width and height, in
 * pixels of the picture as it is shown: upright, cropped, scaled, mirrored. Divided by `validWidths` and `validHeights`
 * it is relative to the picture, as UNITER's seven numbers of a box are, which are the model's to compute.
 */
export interface BatchArrays {
  /**
   * [P, H, W, 3], RGB; black where a picture is padded. Only `validHeights` and `validWidths` tell padding from black
   * pixels of a picture. Normalised by the statistics of ImageNet, padding is about -2 and not 0: a model that convolves
   * over the pictures' sides multiplies by the mask after normalising (SOHO pads normalised pictures by zeros), and
   * one that attends masks what lies in padding, for height and width each by its own.
   */
  readonly pixels: Uint8Array;
  /** [P], rows of a picture's pixels that are no padding; 0 in padding pictures. Of the view where none is decoded. */
  readonly validHeights: Int32Array;
  /** [P], columns of a picture's pixels that are no padding; 0 in padding pictures. Of the view where none is decoded. */
  readonly validWidths: Int32Array;
  /** [P], regions of each picture; they come first, the other rows are 0. Can be 0 where a crop leaves none. */
  readonly numRegions: Int32Array;
  /** [P, R, 4] */
  readonly regionBoxes: Float32Array;
  /**
   * [P, R, D], the detector's. They are of the picture as it was prepared: a crop leaves regions out and mirroring moves
   * boxes, the features stay. Stored as 16-bit floats, which TensorFlow.js does not take.
   */
  readonly regionFeatures: Float32Array;
  /** [P, R, C] */
  readonly classProbabilities: Float32Array;
  /**
   * [P, R], 1 where a region is to be masked and predicted; its features are in `regionFeatures` all the same. All 0 for a
   * picture that only stands in pairs that are not predicted, so a batch that masks regions must not be asked which pairs match.
   */
  readonly maskedRegions: Int32Array;
  /** [Q], rows of `pixels`; a picture's pairs are neighbours, the matched ones first. */
  readonly pictureOfPair: Int32Array;
  /** [Q, T], already masked; [PAD] behind the text. */
  readonly tokenIds: Int32Array;
  /** [Q, T], 1 where there is a token. */
  readonly tokenMask: Int32Array;
  /** [Q, T], the id to predict, or -1; all -1 on unmatched pairs, which are masked alike, unless `predictedPairs` is "all". */
  readonly mlmLabels: Int32Array;
  /** [Q], 1 matched, 0 unmatched, -1 padding. */
  readonly matched: Int32Array;
  /** [Q, 4], where what the text speaks of lies in its picture; 0 where `hasTextBox` is. */
  readonly textBoxes: Float32Array;
  /** [Q], 1 where a matched text has a box; 0 for all unmatched ones, whose boxes are in other pictures. */
  readonly hasTextBox: Int32Array;
  /** Present where texts are labelled. */
  readonly labelled?: LabelledArrays;
}

/**
 * What is to be told of S samples, each of `picturesPerSample` pictures and `textsPerPicture` rows of tokens (the choices);
 * `pictureOfPair` names the first of its pictures.
 */
export interface LabelledArrays {
  /** [Q, T], 1 on the second of two texts of a row and its [SEP]; 0 elsewhere. */
  readonly tokenTypes: Int32Array;
  /** [S], the right label, or the right choice among a sample's rows; -1 for padding and where the task has none. */
  readonly labels: Int32Array;
  /** [S, A], 0 to 1 */
  readonly answerTargets: Float32Array;
  /** [S, R], intersection over union of each region with what the expression means; 0 behind the regions. */
  readonly regionOverlaps: Float32Array;
}

/**
 * A rank's share of a global batch. The arrays belong to the loader: they are valid until the consumer asks
 * for the next batch, and must have been copied (or uploaded) by then.
 */
export interface Batch extends BatchArrays {
  readonly epoch: number;
  readonly batchIndex: number;
  /** The name of the task that the batch is for; null where the options have none. */
  readonly task: string | null;
  readonly shape: BatchShape;
  readonly numPictures: number;
  readonly numPairs: number;
  /**
   * Pictures that are no padding; they come first. Less than `numPictures`, by one, only on some ranks of a
   * world whose size does not divide the pictures of the global batch; and by more in a bucket's last batch where
   * `batching.lengthMultiple` pads it.
   */
  readonly numRealPictures: number;
  /** Per real picture. */
  readonly keys: readonly ImageKey[];
  /** Per real pair. */
  readonly textIds: readonly string[];
  readonly statistics: BatchStatistics;
}

/** How many samples every batch has; undefined where batches are of tokens. */
export function fixedBatchSize(batching: BatchingOptions): number | undefined {
  if (batching.kind === "tokens") return undefined;
  return batching.kind === "texts" ? batching.textsPerBatch : batching.picturesPerBatch;
}

/** Whether a sample is a text with its picture, and not a picture with its texts. */
export function samplesAreTexts({
  batching,
  pairing,
}: Pick<LoaderOptions, "batching" | "pairing">): boolean {
  return batching.kind !== "pictures" || pairing.kind === "labelled";
}

/** The rules for choosing the tokens to predict. */
export function maskingRules(options: LoaderOptions): MaskingRules {
  return { ...bertMasking, ...options.mlmRules, probability: options.mlmProbability };
}

/** A name that a picture must not have, or that name with what it protects: "coco:2, which is coco/test's …". */
export type ExcludedName = string | { readonly name: string; readonly why: string };
