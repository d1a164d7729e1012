import type { Batch, LoaderOptions } from "../options.ts";
import { maskingRules } from "../options.ts";
import { optionsOfTasks } from "../tasks.ts";

/** How much of what could be masked was masked, beside what the rules expect. */
interface MaskCount {
  /** Words of texts, or regions of pictures, in pairs whose words or regions are predicted. */
  readonly numMaskable: number;
  readonly numMasked: number;
  /** p n, and (1 - p)^n more for each text or picture of n where one is forced (REFERENCE, M-3). */
  readonly expectedMasked: number;
  /** How far `numMasked` is from that, in standard deviations of the law. */
  readonly deviations: number;
  readonly numSamples: number;
  /** Texts or pictures of which nothing is masked. */
  readonly numBare: number;
  /** Share of the samples of which one word or region is expected to be forced. */
  readonly expectedForced: number;
}

/** The masks of the batches of one task; of all batches where there are no tasks. */
export interface TaskMasks {
  readonly task: string | null;
  readonly numBatches: number;
  /** Batches that have to predict neither a word nor a region, though they should. */
  readonly numEmptyBatches: number;
  readonly words: MaskCount;
  readonly regions: MaskCount;
}

interface MaskLaw {
  readonly probability: number;
  readonly isForced: boolean;
}

interface Tally {
  numMaskable: number;
  numMasked: number;
  expectedMasked: number;
  variance: number;
  numSamples: number;
  numBare: number;
  forced: number;
}

interface TaskTally {
  readonly task: string | null;
  readonly wordLaw: MaskLaw;
  readonly regionLaw: MaskLaw;
  readonly words: Tally;
  readonly regions: Tally;
  numBatches: number;
  numEmptyBatches: number;
}

/**
 * Counts the masks of batches of a loader with these options, words by their pieces. Where whole words are masked their
 * pieces share a decision: `deviations` is then larger than the rules make it.
 */
export class MaskAudit {
  readonly #predictsAll: boolean;
  readonly #tallies: readonly TaskTally[];

  constructor(options: LoaderOptions) {
    const { predictedPairs = "matched", tasks = [] } = options;
    this.#predictsAll = predictedPairs === "all";
    this.#tallies = optionsOfTasks(options).map((ofTask, index) => {
      const { regionMaskProbability = 0, regionMaskSelection = "at-least-one" } = ofTask;
      const { probability, selection } = maskingRules(ofTask);
      return {
        task: tasks[index]?.name ?? null,
        wordLaw: { probability, isForced: selection === "at-least-first-word" },
        regionLaw: {
          probability: regionMaskProbability,
          isForced: regionMaskSelection === "at-least-one",
        },
        words: emptyTally(),
        regions: emptyTally(),
        numBatches: 0,
        numEmptyBatches: 0,
      };
    });
  }

  /** What has been counted, in the order of the options' tasks. */
  get tasks(): readonly TaskMasks[] {
    return this.#tallies.map(({ numBatches, numEmptyBatches, regions, task, words }) => ({
      task,
      numBatches,
      numEmptyBatches,
      words: countOf(words),
      regions: countOf(regions),
    }));
  }

  /** Counts a rank's share of a batch. */
  add(batch: Batch): void {
    const tally = this.#tallies.find(({ task }) => task === batch.task);
    if (tally === undefined) throw new RangeError(`there is no task ${batch.task}`);
    const { regionLaw, regions, wordLaw, words } = tally;
    const before = words.numMasked + regions.numMasked;
    const pairs = [...batch.matched.keys()].filter((pair) => this.#isPredicted(batch, pair));
    const { regionsPerPicture, textTokens } = batch.shape;
    for (const pair of pairs) {
      const range = { start: pair * textTokens, end: (pair + 1) * textTokens };
      const numTokens = numWhere(batch.tokenMask, range, (mask) => mask === 1);
      const numMasked = numWhere(batch.mlmLabels, range, (label) => label >= 0);
      addSample(words, wordLaw, { numMaskable: numTokens - NUM_SPECIALS, numMasked });
    }
    if (regionsPerPicture > 0) {
      const pictures = new Set(pairs.map((pair) => batch.pictureOfPair[pair] ?? 0));
      for (const picture of pictures) {
        const range = {
          start: picture * regionsPerPicture,
          end: (picture + 1) * regionsPerPicture,
        };
        const numMasked = numWhere(batch.maskedRegions, range, (mask) => mask === 1);
        addSample(regions, regionLaw, {
          numMaskable: batch.numRegions[picture] ?? 0,
          numMasked,
        });
      }
    }
    const isMasking = wordLaw.probability + regionLaw.probability > 0;
    const isEmpty = words.numMasked + regions.numMasked === before;
    tally.numBatches += 1;
    tally.numEmptyBatches += Number(isMasking && isEmpty);
  }

  #isPredicted({ matched }: Batch, pair: number): boolean {
    return this.#predictsAll ? matched[pair] !== -1 : matched[pair] === 1;
  }
}

/** [CLS] and [SEP]. */
const NUM_SPECIALS = 2;

function emptyTally(): Tally {
  return {
    numMaskable: 0,
    numMasked: 0,
    expectedMasked: 0,
    variance: 0,
    numSamples: 0,
    numBare: 0,
    forced: 0,
  };
}

function numWhere(
  values: Int32Array,
  { end, start }: { readonly start: number; readonly end: number },
  counts: (value: number) => boolean,
): number {
  let number = 0;
  for (let place = start; place < Math.min(end, values.length); place += 1) {
    number += Number(counts(values[place] ?? 0));
  }
  return number;
}

/** The number masked of n is a binomial one X, or max(X, 1) where one is forced. */
function addSample(
  tally: Tally,
  { isForced, probability: p }: MaskLaw,
  { numMaskable: n, numMasked }: { readonly numMaskable: number; readonly numMasked: number },
): void {
  const none = isForced && n > 0 && p > 0 ? (1 - p) ** n : 0;
  const mean = n * p + none;
  tally.numMaskable += n;
  tally.numMasked += numMasked;
  tally.expectedMasked += mean;
  tally.variance += n * p * (1 - p) + (n * p) ** 2 + none - mean ** 2;
  tally.numSamples += 1;
  tally.numBare += Number(numMasked === 0);
  tally.forced += none;
}

function countOf(tally: Tally): MaskCount {
  const { expectedMasked, forced, numBare, numMaskable, numMasked, numSamples, variance } = tally;
  return {
    numMaskable,
    numMasked,
    expectedMasked,
    deviations: variance > 0 ? (numMasked - expectedMasked) / Math.sqrt(variance) : 0,
    numSamples,
    numBare,
    expectedForced: numSamples === 0 ? 0 : forced / numSamples,
  };
}
