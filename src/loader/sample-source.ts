import { strict as assert } from "node:assert";

import type { SceneHead } from "../core/records.ts";
import { ShardSetReader, type SplitReader } from "../shards/shard-set-reader.ts";
import type { LoaderSet } from "./options.ts";
import type { SampleLookup } from "./sample.ts";

/** What the loader reads of a split; the shard sets' SplitReader has it. */
export type SceneReader = Pick<SplitReader, "numScenes" | "head" | "pictureBytes">;

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

  /** Opens the sets. ConfigError for a split that a set has not; the reader's errors otherwise. */
  static async open(sets: readonly LoaderSet[]): Promise<SampleSource> {
    await using opened = new AsyncDisposableStack();
    const splits: SceneReader[] = [];
    const digests: string[] = [];
    for (const { folder, splits: names } of sets) {
      const reader = opened.use(await ShardSetReader.open(folder));
      digests.push(reader.index.digest);
      splits.push(...names.map((name) => reader.split(name)));
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
