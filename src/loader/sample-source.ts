import { strict as assert } from "node:assert";

import { ConfigError } from "../core/errors.ts";
import type { PictureRegions, SceneHead } from "../core/records.ts";
import { ListedSet, listingOf, type SetListing } from "../shards/reading/listed-set.ts";
import type { SplitTable } from "../shards/reading/split-table.ts";
import type { SplitReader } from "../shards/shard-set-reader.ts";
import { loadSceneTable, type TableNeeds, type TableSplit } from "./batching/load-scene-table.ts";
import type { SceneTable } from "./batching/scene-table.ts";
import type { LoaderSet } from "./options.ts";
import type { SampleLookup } from "./collating/sample-plan.ts";

/** What evaluation reads of a split; the shard sets' SplitReader has it. */
export type SceneReader = Pick<SplitReader, "numScenes" | "head" | "pictureBytes">;
/** What training reads. */
type TrainingReader = SceneReader & Pick<SplitReader, "regions">;

// Unmatched texts come from anywhere in a set. 1.6 KB a scene of COCO: all of its training split stays in memory.
const CACHED_HEAD_BYTES = 256 * 2 ** 20;

/** A loader's set whose index was read; it may be posted to another thread. */
export interface ListedSamples extends LoaderSet {
  readonly listing: SetListing;
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
  readonly #splits: readonly TrainingReader[];
  readonly #tableSplits: readonly TableSplit[];
  readonly #owned: AsyncDisposableStack;

  private constructor({ listed, owned, sets, splits }: SourceParts) {
    this.listed = listed;
    this.#splits = splits;
    this.#tableSplits = sets.flatMap((set) => set.splits);
    this.setSizes = sets.map((set) =>
      set.splits.reduce((sum, { numScenes }) => sum + numScenes, 0),
    );
    this.setDigests = sets.map(({ digest }) => digest);
    this.#owned = owned;
    this.numSamples = splits.reduce((sum, { numScenes }) => sum + numScenes, 0);
  }

  /** Opens the sets. ConfigError for a split that a set has not or whose scenes have two pictures; the reader's errors otherwise. */
  static async open(sets: readonly LoaderSet[]): Promise<SampleSource> {
    const listed: ListedSamples[] = [];
    for (const set of sets) listed.push({ ...set, listing: await listingAt(set) });
    return SampleSource.ofListed(listed);
  }

  /** The same over sets whose indexes another thread has read. */
  static async ofListed(listed: readonly ListedSamples[]): Promise<SampleSource> {
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
        const { numScenes, numTexts } = onePictureSplit(listing, name);
        splits.push(split);
        return { setDigest: digest, name, numScenes, numTexts, heads: () => split.heads() };
      });
      sets.push({ digest, splits: ofSet });
    }
    return new SampleSource({ listed, sets, splits, owned: opened.move() });
  }

  /** The same over readers that stay the caller's. */
  static of(splits: readonly TrainingReader[]): SampleSource {
    return new SampleSource({ listed: [], sets: [], splits, owned: new AsyncDisposableStack() });
  }

  /** What batching needs to know of all scenes; empty where it needs nothing. */
  table(needs: TableNeeds): Promise<SceneTable> {
    return loadSceneTable(this.#tableSplits, needs);
  }

  head(sampleIndex: number): Promise<SceneHead> {
    const { split, sceneIndex } = this.#locate(sampleIndex);
    return split.head(sceneIndex);
  }

  pictureBytes(sampleIndex: number, pictureIndex: number): Promise<Uint8Array> {
    const { split, sceneIndex } = this.#locate(sampleIndex);
    return split.pictureBytes(sceneIndex, pictureIndex);
  }

  regions(sampleIndex: number, pictureIndex: number): Promise<PictureRegions | null> {
    const { split, sceneIndex } = this.#locate(sampleIndex);
    return split.regions(sceneIndex, pictureIndex);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
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

async function listingAt({ cache, folder }: LoaderSet): Promise<SetListing> {
  // Only the thread that opens a loader looks at indexes, and only it loads what checks them.
  const { readCheckedIndex } = await import("../shards/shard-set-reader.ts");
  return listingOf(folder, await readCheckedIndex(folder, { policy: "download", cache }));
}

/** What the index says of a split; ConfigError where a scene has not one picture. */
function onePictureSplit({ name: set, splits }: SetListing, split: string): SplitTable {
  const table = splits.find(({ name }) => name === split);
  assert(table !== undefined, `the index of ${set} has no split ${split}`);
  if (table.numPictures === table.numScenes) return table;
  throw new ConfigError(
    `split "${split}" of ${set} has ${table.numPictures} pictures in ${table.numScenes} scenes; pairs are made of scenes with one picture`,
    { record: split, remedy: "train on splits of one-picture scenes" },
  );
}
