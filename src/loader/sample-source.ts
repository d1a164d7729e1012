import { strict as assert } from "node:assert";

import { ConfigError } from "../core/errors.ts";
import type { SceneHead } from "../core/records.ts";
import type { ShardSetIndex } from "../shards/shard-set-index.ts";
import { ShardSetReader, type SplitReader } from "../shards/shard-set-reader.ts";
import type { LoaderSet } from "./options.ts";
import type { SampleLookup } from "./sample.ts";

/** What the loader reads of a split; the shard sets' SplitReader has it. */
export type SceneReader = Pick<SplitReader, "numScenes" | "head" | "pictureBytes">;

// Unmatched texts come from anywhere in a set. 1.6 KB a scene of COCO: all of its training split stays in memory.
const CACHED_HEAD_BYTES = 256 * 2 ** 20;

/** The scenes of several splits under one numbering: sample indexes run through the splits in their given order. */
export class SampleSource implements SampleLookup, AsyncDisposable {
  readonly numSamples: number;
  /** The digests that name the shard sets. */
  readonly setDigests: readonly string[];
  readonly #splits: readonly SceneReader[];
  readonly #owned: AsyncDisposableStack;

  private constructor(
    splits: readonly SceneReader[],
    setDigests: readonly string[],
    owned: AsyncDisposableStack,
  ) {
    this.#splits = splits;
    this.setDigests = setDigests;
    this.#owned = owned;
    this.numSamples = splits.reduce((sum, { numScenes }) => sum + numScenes, 0);
  }

  /** Opens the sets. ConfigError for a split that a set has not or whose scenes have two pictures; the reader's errors otherwise. */
  static async open(sets: readonly LoaderSet[]): Promise<SampleSource> {
    await using opened = new AsyncDisposableStack();
    const splits: SceneReader[] = [];
    const digests: string[] = [];
    for (const { folder, splits: names } of sets) {
      const reader = opened.use(
        await ShardSetReader.open(folder, { cachedHeadBytes: CACHED_HEAD_BYTES }),
      );
      digests.push(reader.index.digest);
      for (const name of names) {
        splits.push(reader.split(name));
        refuseManyPictures(reader.index, name);
      }
    }
    return new SampleSource(splits, digests, opened.move());
  }

  /** The same over readers that stay the caller's. */
  static of(splits: readonly SceneReader[]): SampleSource {
    return new SampleSource(splits, [], new AsyncDisposableStack());
  }

  head(sampleIndex: number): Promise<SceneHead> {
    const { split, sceneIndex } = this.#locate(sampleIndex);
    return split.head(sceneIndex);
  }

  pictureBytes(sampleIndex: number, pictureIndex: number): Promise<Uint8Array> {
    const { split, sceneIndex } = this.#locate(sampleIndex);
    return split.pictureBytes(sceneIndex, pictureIndex);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  #locate(sampleIndex: number): { split: SceneReader; sceneIndex: number } {
    let sceneIndex = sampleIndex;
    for (const split of this.#splits) {
      if (sceneIndex < split.numScenes) return { split, sceneIndex };
      sceneIndex -= split.numScenes;
    }
    assert.fail(`sample ${sampleIndex} of ${this.numSamples}`);
  }
}

function refuseManyPictures(index: ShardSetIndex, split: string): void {
  const entry = index.splits.find(({ name }) => name === split);
  if (entry === undefined || entry.numPictures === entry.numScenes) return;
  throw new ConfigError(
    `split "${split}" of ${index.name} has ${entry.numPictures} pictures in ${entry.numScenes} scenes; pairs are made of scenes with one picture`,
    { record: split, remedy: "train on splits of one-picture scenes" },
  );
}
