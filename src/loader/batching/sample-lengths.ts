import type { SampleKey } from "../draws.ts";
import type { LoaderOptions, PairingOptions } from "../options.ts";
import { firstPicture, type SceneRange } from "../pairing/replaced-picture.ts";
import { optionsOfTasks } from "../tasks.ts";
import { lastAtMost } from "./members.ts";
import type { SetSize } from "./make-pools.ts";
import type { SceneTable } from "./scene-table.ts";

/** How much of a batch's tokens a sample takes. */
export interface SampleLength {
  readonly textTokens: number;
  readonly pictureTokens: number;
}

/** The lengths of samples that are a text with its picture, known from the table alone. */
export class SampleLengths {
  readonly #options: LoaderOptions;
  /** Those of all tasks. */
  readonly #pairings: readonly PairingOptions[];
  readonly #table: SceneTable;
  /** The first scene of each split. */
  readonly #starts: readonly number[];
  readonly #numScenes: number;

  constructor({
    options,
    sets,
    table,
  }: {
    readonly options: LoaderOptions;
    readonly sets: readonly SetSize[];
    readonly table: SceneTable;
  }) {
    this.#options = options;
    this.#pairings = optionsOfTasks(options).map(({ pairing }) => pairing);
    this.#table = table;
    const sizes = sets.flatMap(({ numScenes, splitSizes = [numScenes] }) => splitSizes);
    let start = 0;
    this.#starts = sizes.map((size) => {
      start += size;
      return start - size;
    });
    this.#numScenes = start;
  }

  /**
   * `text` is the text's number among all; the picture is the one that is shown, which need not be the text's own. Where
   * tasks show different ones it is the largest: which task a batch has is not known before the batches are cut.
   */
  of(text: number, key: () => SampleKey): SampleLength {
    const { maxTokens } = this.#options.text;
    const textTokens = this.#rounded(this.#table.textLengths[text] ?? 0, maxTokens);
    return { textTokens, pictureTokens: this.#pictureTokens(key, this.#pairings) };
  }

  /** The same once the batch's task, and so its pairing, is known. */
  underPairing(length: SampleLength, key: SampleKey, pairing: PairingOptions): SampleLength {
    if (this.#pairings.length === 1) return length;
    return { ...length, pictureTokens: this.#pictureTokens(() => key, [pairing]) };
  }

  /** The fewest and the most that a picture takes. */
  pictureRange(): { readonly least: number; readonly most: number } {
    const { batching } = this.#options;
    if (batching.kind !== "tokens") return { least: 0, most: 0 };
    const { tokensPerPicture = 0 } = batching;
    if (tokensPerPicture !== "regions") return { least: tokensPerPicture, most: tokensPerPicture };
    const { regionCounts } = this.#table;
    const most = this.#maxRegions();
    const least = regionCounts.reduce((fewest, count) => Math.min(fewest, count), most);
    return { least: this.#rounded(least, most), most };
  }

  #pictureTokens(keyOf: () => SampleKey, pairings: readonly PairingOptions[]): number {
    const { batching } = this.#options;
    if (batching.kind !== "tokens") return 0;
    const { tokensPerPicture = 0 } = batching;
    if (tokensPerPicture !== "regions") return tokensPerPicture;
    const key = keyOf();
    const counts = pairings.map((pairing) => {
      const shown = firstPicture(key, pairing, this.#rangeOf(key.sampleIndex, pairing));
      return this.#table.regionCounts[shown] ?? 0;
    });
    return this.#rounded(Math.max(...counts), this.#maxRegions());
  }

  /** A count as batches have room for it. */
  #rounded(count: number, most: number): number {
    const { batching } = this.#options;
    const { lengthMultiple = 1 } = batching.kind === "tokens" ? batching : {};
    return Math.min(most, Math.ceil(count / lengthMultiple) * lengthMultiple);
  }

  #maxRegions(): number {
    const { regions = "none" } = this.#options;
    return regions === "none" ? 0 : regions.maxRegions;
  }

  /** What an unmatched picture is drawn from. */
  #rangeOf(sampleIndex: number, pairing: PairingOptions): SceneRange {
    const { unmatchedFrom = "same-split" } = pairing.kind === "labelled" ? {} : pairing;
    if (unmatchedFrom === "all-splits") return { first: 0, size: this.#numScenes };
    const split = lastAtMost(this.#starts, sampleIndex);
    const first = this.#starts[split] ?? 0;
    return { first, size: (this.#starts[split + 1] ?? this.#numScenes) - first };
  }
}
