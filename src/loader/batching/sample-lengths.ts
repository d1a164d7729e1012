import type { SampleKey } from "../draws.ts";
import type { LoaderOptions } from "../options.ts";
import { firstPicture, type SceneRange } from "../pairing/replaced-picture.ts";
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
    this.#table = table;
    const sizes = sets.flatMap(({ numScenes, splitSizes = [numScenes] }) => splitSizes);
    let start = 0;
    this.#starts = sizes.map((size) => {
      start += size;
      return start - size;
    });
    this.#numScenes = start;
  }

  /** `text` is the text's number among all; the picture is the one that is shown, which need not be the text's own. */
  of(text: number, key: () => SampleKey): SampleLength {
    const { maxTokens } = this.#options.text;
    const textTokens = Math.min(maxTokens, this.#table.textLengths[text] ?? 0);
    return { textTokens, pictureTokens: this.#pictureTokens(key) };
  }

  /** The fewest and the most that a picture takes. */
  pictureRange(): { readonly least: number; readonly most: number } {
    const { batching } = this.#options;
    if (batching.kind === "pictures") return { least: 0, most: 0 };
    const { tokensPerPicture = 0 } = batching;
    if (tokensPerPicture !== "regions") return { least: tokensPerPicture, most: tokensPerPicture };
    const { regionCounts } = this.#table;
    const most = this.#maxRegions();
    return { least: regionCounts.reduce((least, count) => Math.min(least, count), most), most };
  }

  #pictureTokens(keyOf: () => SampleKey): number {
    const { batching, pairing } = this.#options;
    if (batching.kind === "pictures") return 0;
    const { tokensPerPicture = 0 } = batching;
    if (tokensPerPicture !== "regions") return tokensPerPicture;
    const key = keyOf();
    const shown = firstPicture(key, pairing, this.#rangeOf(key.sampleIndex));
    return Math.min(this.#maxRegions(), this.#table.regionCounts[shown] ?? 0);
  }

  #maxRegions(): number {
    const { regions = "none" } = this.#options;
    return regions === "none" ? 0 : regions.maxRegions;
  }

  /** What an unmatched picture is drawn from. */
  #rangeOf(sampleIndex: number): SceneRange {
    const { unmatchedFrom = "same-split" } = this.#options.pairing;
    if (unmatchedFrom === "all-splits") return { first: 0, size: this.#numScenes };
    const split = lastAtMost(this.#starts, sampleIndex);
    const first = this.#starts[split] ?? 0;
    return { first, size: (this.#starts[split + 1] ?? this.#numScenes) - first };
  }
}
