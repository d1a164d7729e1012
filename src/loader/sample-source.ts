import { strict as assert } from "node:assert";

import { ConfigError } from "../core/errors.ts";
import type { PictureRegions, SceneHead } from "../core/records.ts";
import type { ShardSetIndex, SplitEntry } from "../shards/shard-set-index.ts";
import { ShardSetReader, type SplitReader } from "../shards/shard-set-reader.ts";
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

/** The scenes of several splits under one numbering: sample indexes run through the splits in their given order. */
export class SampleSource implements SampleLookup, AsyncDisposable {
  readonly numSamples: number;
  /** The digests that name the shard sets. */
  readonly setDigests: readonly string[];
  /** Scenes of each set. */
  readonly setSizes: readonly number[];
  readonly #splits: readonly TrainingReader[];
  readonly #tableSplits: readonly TableSplit[];
  readonly #owned: AsyncDisposableStack;

  private constructor(
    sets: readonly OpenedSet[],
    splits: readonly TrainingReader[],
    owned: AsyncDisposableStack,
  ) {
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
    await using opened = new AsyncDisposableStack();
    const splits: TrainingReader[] = [];
    const read: OpenedSet[] = [];
    for (const { folder, splits: names, cache } of sets) {
      const reader = opened.use(
        await ShardSetReader.open(folder, {
          cachedHeadBytes: CACHED_HEAD_BYTES,
          remote: { policy: "download", cache },
        }),
      );
      const { digest } = reader.index;
      const ofSet = names.map((name) => {
        const split = reader.split(name);
        const { numScenes, numTexts } = onePictureSplit(reader.index, name);
        splits.push(split);
        return { setDigest: digest, name, numScenes, numTexts, heads: () => split.heads() };
      });
      read.push({ digest, splits: ofSet });
    }
    return new SampleSource(read, splits, opened.move());
  }

  /** The same over readers that stay the caller's. */
  static of(splits: readonly TrainingReader[]): SampleSource {
    return new SampleSource([], splits, new AsyncDisposableStack());
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

/** The split's entry; ConfigError where a scene has not one picture. */
function onePictureSplit(index: ShardSetIndex, split: string): SplitEntry {
  const entry = index.splits.find(({ name }) => name === split);
  assert(entry !== undefined, `the index of ${index.name} has no split ${split}`);
  if (entry.numPictures === entry.numScenes) return entry;
  throw new ConfigError(
    `split "${split}" of ${index.name} has ${entry.numPictures} pictures in ${entry.numScenes} scenes; pairs are made of scenes with one picture`,
    { record: split, remedy: "train on splits of one-picture scenes" },
  );
}
