import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../../src/core/digest.ts";
import type { RetryPolicy } from "../../../src/core/network/retries.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import type { RemoteOptions } from "../../../src/shards/remote/open-storage.ts";
import type { ShardSetIndex } from "../../../src/shards/shard-set-index.ts";
import { TestClock } from "../../core/network/test-clock.ts";
import { madeUpScene } from "../scenes.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../small-set.ts";
import { type Behave, SetServer } from "./set-server.ts";

export const patient: RetryPolicy = {
  maxAttempts: 4,
  firstDelayMs: 500,
  maxDelayMs: 30_000,
  maxRetryAfterMs: 60_000,
};

interface RemoteSetOptions {
  readonly behave?: Behave;
  readonly numScenes?: number;
  readonly pictureBytes?: number;
}

/** A made-up set on a web server, and room for a cache. */
export class RemoteSet implements AsyncDisposable {
  readonly server: SetServer;
  readonly index: ShardSetIndex;
  readonly root: string;
  readonly clock: TestClock = new TestClock();
  readonly #owned: AsyncDisposableStack;

  private constructor(
    server: SetServer,
    index: ShardSetIndex,
    given: { root: string; owned: AsyncDisposableStack },
  ) {
    this.server = server;
    this.index = index;
    this.root = given.root;
    this.#owned = given.owned;
  }

  /** Pictures of 500 bytes, ten of them in a shard, unless another size is given. */
  static async create(given: RemoteSetOptions = {}): Promise<RemoteSet> {
    const { behave, numScenes = 40, pictureBytes = 500 } = given;
    await using opened = new AsyncDisposableStack();
    const folder = opened.use(await temporaryFolder());
    const set = join(folder.path, "set");
    const scenes = Array.from({ length: numScenes }, (_, id) => madeUpScene(id, pictureBytes));
    const splits = [
      { split: "train", scenes },
      { split: "val", role: "eval", scenes: madeUpScenes(7, 1000) },
    ] as const;
    const index = await writeShardSet(set, splits, {
      targetBatchBytes: 100 * pictureBytes + 50_000,
      maxScenesPerBatch: 5,
      targetShardBytes: 8 * pictureBytes + 20_000,
    });
    const server = opened.use(await SetServer.serve(set, behave));
    const owned = opened.move();
    return new RemoteSet(server, index, { root: folder.path, owned });
  }

  get folder(): string {
    return join(this.root, "set");
  }

  get cacheFolder(): string {
    return join(this.root, "cache");
  }

  /** Of the training split. */
  get numShards(): number {
    return this.index.splits[0]?.shards.length ?? 0;
  }

  /** The names of what is whole in the cache. */
  async filesInCache(): Promise<string[]> {
    const names = await readdir(join(this.cacheFolder, "files"));
    return names.filter((name) => /^[0-9a-f]{64}$/.test(name));
  }

  get shardBytes(): number {
    const shards = this.index.splits.flatMap((split) => split.shards);
    return shards.reduce((sum, shard) => sum + shard.sizeBytes, 0);
  }

  /** Options of a reader that keeps the test's time. */
  options(given: RemoteOptions = {}): RemoteOptions {
    const cache = { folder: this.cacheFolder, maxBytes: 1e9 };
    return { clock: this.clock, retries: patient, cache, ...given };
  }

  open(given: RemoteOptions = {}): Promise<ShardSetReader> {
    return ShardSetReader.open(this.server.url, { remote: this.options(given) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** A digest of everything that a reader gives of a split. */
export async function digestOf(reader: ShardSetReader, name = "train"): Promise<string> {
  const split = reader.split(name);
  const found = await Promise.all(
    Array.from({ length: split.numScenes }, async (_, sceneIndex) => {
      const head = await split.head(sceneIndex);
      const pictures = await Promise.all(
        head.pictures.map(async (_picture, pictureIndex) =>
          sha256(await split.pictureBytes(sceneIndex, pictureIndex)),
        ),
      );
      return { head, pictures };
    }),
  );
  return sha256(JSON.stringify(found));
}

/** The same of the set's folder. */
export async function localDigest(set: RemoteSet): Promise<string> {
  await using reader = await ShardSetReader.open(set.folder);
  return await digestOf(reader);
}
