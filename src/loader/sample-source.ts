import { strict as assert } from "node:assert";

import type { JsonValue } from "../core/digest.ts";
import { ConfigError, LeakError } from "../core/errors.ts";
import type { PictureRegions, SceneHead } from "../core/records.ts";
import { ListedSet, listingOf, type SetListing } from "../shards/reading/listed-set.ts";
import type { SplitTable } from "../shards/reading/split-table.ts";
import type { SplitReader } from "../shards/shard-set-reader.ts";
import type { TableNeeds, TableSplit } from "./batching/load-scene-table.ts";
import { emptyTable, type SceneTable } from "./batching/scene-table.ts";
import type { ExcludedName, LoaderSet } from "./options.ts";
import { groupOf, noChains, type PictureChains } from "./pairing/picture-chains.ts";
import type { SceneRange } from "./pairing/replaced-picture.ts";
import { sceneNames } from "./pairing/same-picture.ts";
import type { SampleLookup } from "./collating/sample-plan.ts";

/** What evaluation reads of a split; the shard sets' SplitReader has it. */
export type SceneReader = Pick<SplitReader, "numScenes" | "head" | "pictureBytes" | "regions">;
/** What training reads. */
type TrainingReader = Pick<SplitReader, "numScenes" | "headSoon" | "pictureBytesSoon" | "regions">;

// Unmatched texts come from anywhere in a set. 1.6 KB a scene of COCO: all of its training split stays in memory.
const CACHED_HEAD_BYTES = 256 * 2 ** 20;

/** A loader's set whose index was read; it may be posted to another thread. */
export interface ListedSamples extends LoaderSet {
  readonly listing: SetListing;
  /** Whether one of its splits was prepared from several datasets. */
  readonly isMixed: boolean;
}

/** What a source keeps to. */
interface SourceRules {
  /** Names of pictures that are never given, as `pictureNames` makes them. */
  readonly excluded?: readonly ExcludedName[] | undefined;
  /** Scenes that show one picture by way of third ones. */
  readonly chains?: PictureChains | undefined;
  /** What the loader knows of all scenes. */
  readonly table?: SceneTable;
  /** 1 when left out. */
  readonly picturesPerScene?: number;
}

/** The scenes of several splits under one numbering: sample indexes run through the splits in their given order. */
export class SampleSource implements SampleLookup, AsyncDisposable {
  readonly numSamples: number;
  /** The digests that name the shard sets. */
  readonly setDigests: readonly string[];
  /** What other threads open the same samples by. */
  readonly listed: readonly ListedSamples[];
  /** Scenes of each set. */
  readonly setSizes: readonly number[];
  /** Scenes of each split, set by set. */
  readonly splitSizes: readonly (readonly number[])[];
  readonly #splits: readonly TrainingReader[];
  readonly #tableSplits: readonly TableSplit[];
  readonly #owned: AsyncDisposableStack;
  /** What each excluded name protects, where that is known. */
  readonly #excluded: ReadonlyMap<string, string | undefined>;
  readonly #chains: PictureChains;
  readonly #table: SceneTable;

  private constructor(
    { listed, owned, sets, splits }: SourceParts,
    { chains = noChains, excluded = [], table = emptyTable }: SourceRules = {},
  ) {
    this.listed = listed;
    this.#excluded = new Map(
      excluded.map((its) => (typeof its === "string" ? [its, undefined] : [its.name, its.why])),
    );
    this.#chains = chains;
    this.#table = table;
    this.#splits = splits;
    this.#tableSplits = sets.flatMap((set) => set.splits);
    this.splitSizes = sets.map((set) => set.splits.map(({ numScenes }) => numScenes));
    this.setSizes = this.splitSizes.map((sizes) => sizes.reduce((sum, size) => sum + size, 0));
    this.setDigests = sets.map(({ digest }) => digest);
    this.#owned = owned;
    this.numSamples = splits.reduce((sum, { numScenes }) => sum + numScenes, 0);
  }

  /** Opens the sets. ConfigError for a split that a set has not or whose scenes have another number of pictures; the reader's errors otherwise. */
  static async open(
    sets: readonly LoaderSet[],
    picturesPerScene: number = 1,
  ): Promise<SampleSource> {
    const listed: ListedSamples[] = [];
    for (const set of sets) listed.push(await listedSamples(set));
    return SampleSource.ofListed(listed, { picturesPerScene });
  }

  /** The same over sets whose indexes another thread has read. */
  static async ofListed(
    listed: readonly ListedSamples[],
    rules?: SourceRules,
  ): Promise<SampleSource> {
    await using opened = new AsyncDisposableStack();
    const splits: TrainingReader[] = [];
    const sets: OpenedSet[] = [];
    for (const { cache, listing, splits: names } of listed) {
      const remote = { policy: "download", cache } as const;
      const options = { cachedHeadBytes: CACHED_HEAD_BYTES, remote };
      const set = opened.use(await ListedSet.open(listing, options));
      const { digest } = listing;
      const ofSet = names.map((name) => {
        const split = set.split(name);
        const { numScenes, numTexts } = splitOfPictures(listing, name, rules?.picturesPerScene);
        splits.push(split);
        return {
          setDigest: digest,
          name,
          numScenes,
          numTexts,
          heads: () => split.heads(),
          regionCounts: () => split.regionCounts(),
        };
      });
      sets.push({ digest, splits: ofSet });
    }
    return new SampleSource({ listed, sets, splits, owned: opened.move() }, rules);
  }

  /** What batching needs to know of all scenes; empty where it needs nothing. */
  async table(needs: TableNeeds): Promise<SceneTable> {
    const { portrait, regions, tokenizer } = needs;
    if (!portrait && !regions && tokenizer === undefined) return emptyTable;
    // What keeps tables is loaded where one is needed, and on no thread that builds batches.
    const { loadSceneTable } = await import("./batching/load-scene-table.ts");
    return loadSceneTable(this.#tableSplits, needs);
  }

  /**
   * The scenes that show one picture although some two of them share no name. They are looked for where several splits
   * are read, or one that was prepared from several datasets: within one dataset a picture is one scene, and what two
   * scenes share is seen when they meet.
   */
  async chains(): Promise<PictureChains> {
    const isMixed = this.#tableSplits.length > 1 || this.listed.some((set) => set.isMixed);
    if (!isMixed) return noChains;
    const { loadPictureChains } = await import("./tables/load-picture-chains.ts");
    return loadPictureChains(this.#tableSplits);
  }

  /** LeakError for a scene of an excluded picture. */
  head(sampleIndex: number): SceneHead | Promise<SceneHead> {
    const { split, sceneIndex } = this.#locate(sampleIndex);
    const head = split.headSoon(sceneIndex);
    if (this.#excluded.size === 0) return head;
    const allowed = (its: SceneHead): SceneHead => {
      this.#refuseExcluded(its, sceneIndex);
      return its;
    };
    return head instanceof Promise ? head.then(allowed) : allowed(head);
  }

  splitOf(sampleIndex: number): SceneRange {
    const { split, sceneIndex } = this.#locate(sampleIndex);
    return { first: sampleIndex - sceneIndex, size: split.numScenes };
  }

  chainOf(sampleIndex: number): number | undefined {
    return groupOf(this.#chains, sampleIndex);
  }

  mayStandFor(
    sampleIndex: number,
    { first, other }: { readonly first: number; readonly other: number },
  ): boolean {
    const { portrait, regionCounts } = this.#table;
    const isAsWide = portrait[sampleIndex] === portrait[other];
    return isAsWide && (regionCounts[other] ?? 0) <= (regionCounts[first] ?? 0);
  }

  pictureBytes(
    sampleIndex: number,
    pictureIndex: number,
    into?: Uint8Array,
  ): Uint8Array | Promise<Uint8Array> {
    const { split, sceneIndex } = this.#locate(sampleIndex);
    return split.pictureBytesSoon(sceneIndex, pictureIndex, into);
  }

  regions(sampleIndex: number, pictureIndex: number): Promise<PictureRegions | null> {
    const { split, sceneIndex } = this.#locate(sampleIndex);
    return split.regions(sceneIndex, pictureIndex);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  #refuseExcluded(head: SceneHead, sceneIndex: number): void {
    const name = sceneNames(head).find((its) => this.#excluded.has(its));
    if (name === undefined) return;
    const why = this.#excluded.get(name);
    const picture = why === undefined ? name : `${name}; ${why}`;
    throw new LeakError(
      `scene ${head.sceneKey} (${sceneIndex} of its split) is of an excluded picture: ${picture}`,
      {
        record: head.sceneKey,
        remedy: "prepare the set again without it: crossweave prepare --exclude",
      },
    );
  }

  #locate(sampleIndex: number): { split: TrainingReader; sceneIndex: number } {
    let sceneIndex = sampleIndex;
    for (const split of this.#splits) {
      if (sceneIndex < split.numScenes) return { split, sceneIndex };
      sceneIndex -= split.numScenes;
    }
    assert.fail(`sample ${sampleIndex} of ${this.numSamples}`);
  }
}

interface OpenedSet {
  readonly digest: string;
  readonly splits: readonly TableSplit[];
}

interface SourceParts {
  readonly listed: readonly ListedSamples[];
  readonly sets: readonly OpenedSet[];
  readonly splits: readonly TrainingReader[];
  readonly owned: AsyncDisposableStack;
}

async function listedSamples(set: LoaderSet): Promise<ListedSamples> {
  const { cache, folder, splits } = set;
  // Only the thread that opens a loader looks at indexes, and only it loads what checks them.
  const { readCheckedIndex } = await import("../shards/opening/opened-index.ts");
  const index = await readCheckedIndex(folder, { policy: "download", cache });
  const isMixed = splits.some((split) => numDatasets(index.recipe, split) > 1);
  return { ...set, listing: listingOf(folder, index), isMixed };
}

/** What the index says of a split; ConfigError where scenes have another number of pictures. */
function splitOfPictures(
  { name: set, splits }: SetListing,
  split: string,
  picturesPerScene: number = 1,
): SplitTable {
  const table = splits.find(({ name }) => name === split);
  assert(table !== undefined, `the index of ${set} has no split ${split}`);
  if (table.numPictures === table.numScenes * picturesPerScene) return table;
  if (picturesPerScene > 1) {
    throw new ConfigError(
      `split "${split}" of ${set} has ${table.numPictures} pictures in ${table.numScenes} scenes, the task asks for ${picturesPerScene} a scene`,
      { record: split, remedy: "name splits of such scenes, or another task" },
    );
  }
  throw new ConfigError(
    `split "${split}" of ${set} has ${table.numPictures} pictures in ${table.numScenes} scenes; pairs are made of scenes with one picture`,
    { record: split, remedy: "train on splits of one-picture scenes" },
  );
}

/** Of how many datasets a split was prepared, as far as its set's recipe says. */
function numDatasets(recipe: JsonValue, split: string): number {
  const splits = memberOf(recipe, "splits");
  const planned = Array.isArray(splits)
    ? splits.find((plan: JsonValue) => memberOf(plan, "name") === split)
    : undefined;
  const origins = memberOf(planned, "from");
  return typeof origins === "object" && origins !== null ? Object.keys(origins).length : 0;
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([its]) => its === name)?.[1];
}
