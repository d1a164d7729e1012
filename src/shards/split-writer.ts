import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, SourceError } from "../core/errors.ts";
import { explainedWriteError, writeFileAtomically } from "../core/files.ts";
import type { Scene } from "../core/records.ts";
import { encodeBatch } from "./arrow/file-writer.ts";
import { OpenShard } from "./open-shard.ts";
import { sceneFields } from "./scene-columns.ts";
import {
  MAX_BATCH_BYTES,
  MAX_SHARD_BYTES,
  SPLIT_NAME,
  type SplitEntry,
} from "./shard-set-index.ts";
import {
  defaultShardLayout,
  type FinishedShard,
  finishedShards,
  planDigestOf,
  refuseFinishedSet,
  refuseForeignShards,
  removeFrom,
  type ShardCounts,
  sidecarPath,
  type SplitPlan,
  type SplitWriterOptions,
  unfinishedFolder,
} from "./unfinished-split.ts";

// What the metadata and the padding of a batch may add to its scenes.
const BATCH_OVERHEAD_BYTES = 2 ** 18;
// At least what each takes beside its own characters and bytes.
const SCENE_OVERHEAD_BYTES = 64;
const PICTURE_OVERHEAD_BYTES = 512;
const TEXT_OVERHEAD_BYTES = 128;
const REGIONS_OVERHEAD_BYTES = 256;
// A box and a confidence.
const REGION_BYTES = 20;
const STRING_OVERHEAD_BYTES = 16;

/**
 * Writes one split as shards of scenes. The bytes are a pure function of the scenes and the layout:
 * a writer that was killed takes over the finished shards, says in `numScenesDone` how many scenes
 * the caller has to skip, and ends with the same files. Holds one batch in memory.
 *
 * Throws `RefusedError` when the folder holds a finished set or a part of another preparation,
 * `IncompleteError` when the disk is full (nothing that is finished is lost).
 */
export class SplitWriter implements AsyncDisposable {
  readonly numScenesDone: number;
  readonly #options: SplitPlan;
  readonly #plan: string;
  readonly #finished: FinishedShard[];
  #pending: Scene[] = [];
  #pendingBytes = 0;
  #open: OpenShard | undefined;

  private constructor(options: SplitPlan, finished: FinishedShard[]) {
    this.#options = options;
    this.#plan = planDigestOf(options);
    this.#finished = finished;
    this.numScenesDone = finished.reduce((sum, { shard }) => sum + shard.numScenes, 0);
  }

  static async create(given: SplitWriterOptions): Promise<SplitWriter> {
    const options = { layout: defaultShardLayout, planDigest: "", ...given };
    if (!SPLIT_NAME.test(options.split)) {
      throw new ConfigError(`"${options.split}" is no name for a split`, {
        remedy: "use letters, digits, dots, hyphens and underscores, a letter or digit first",
      });
    }
    await refuseFinishedSet(options.folder);
    try {
      await mkdir(join(options.folder, options.split), { recursive: true });
      await refuseForeignShards(options);
      await mkdir(unfinishedFolder(options), { recursive: true });
      const finished = await finishedShards(options);
      await removeFrom(options, finished.length);
      return new SplitWriter(options, finished);
    } catch (error) {
      throw explainedWriteError(error, options.folder);
    }
  }

  /** Adds a scene; resolves once the batch it completes is on its way to the disk. */
  async append(scene: Scene): Promise<void> {
    const { targetBatchBytes, maxScenesPerBatch } = this.#options.layout;
    const sizeBytes = sceneSize(scene);
    if (sizeBytes > MAX_BATCH_BYTES - BATCH_OVERHEAD_BYTES) {
      throw new SourceError(
        `scene ${scene.sceneKey} holds ${sizeBytes} bytes, a batch holds at most ${MAX_BATCH_BYTES}`,
        { record: scene.sceneKey, remedy: "exclude the scene or store its pictures smaller" },
      );
    }
    const limit = Math.min(targetBatchBytes, MAX_BATCH_BYTES - BATCH_OVERHEAD_BYTES);
    const isFull =
      this.#pending.length >= maxScenesPerBatch || this.#pendingBytes + sizeBytes > limit;
    if (isFull && this.#pending.length > 0) await this.#flush();
    this.#pending.push(scene);
    this.#pendingBytes += sizeBytes;
  }

  /** Writes what is left and gives the split's entry for the index. */
  async finish(): Promise<SplitEntry> {
    await this.#flush();
    await this.#close();
    const { split, role } = this.#options;
    const sum = (count: (counts: ShardCounts) => number): number =>
      this.#finished.reduce((total, { counts }) => total + count(counts), 0);
    return {
      name: split,
      role,
      numScenes: sum((counts) => counts.numScenes),
      numPictures: sum((counts) => counts.numPictures),
      numTexts: sum((counts) => counts.numTexts),
      shards: this.#finished.map(({ shard }) => shard),
    };
  }

  /** Without `finish`, removes the shard that is not complete; those that are stay for the next run. */
  async [Symbol.asyncDispose](): Promise<void> {
    const shard = this.#open;
    this.#open = undefined;
    await shard?.abandon();
  }

  async #flush(): Promise<void> {
    const scenes = this.#pending;
    if (scenes.length === 0) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    const batch = encodeBatch(scenes, sceneFields);
    const limit = Math.min(
      this.#options.layout.targetShardBytes,
      MAX_SHARD_BYTES - MAX_BATCH_BYTES,
    );
    try {
      if (this.#open !== undefined && this.#open.sizeBytes + batch.sizeBytes > limit) {
        await this.#close();
      }
      this.#open ??= await OpenShard.create(this.#options, this.#finished.length);
      await this.#open.write(batch, countsOf(scenes));
    } catch (error) {
      throw explainedWriteError(error, this.#options.folder);
    }
  }

  async #close(): Promise<void> {
    const current = this.#open;
    if (current === undefined) return;
    try {
      const { shard, counts } = await current.finish();
      const finished = { plan: this.#plan, shard, counts };
      await writeFileAtomically(
        sidecarPath(this.#options, this.#finished.length),
        `${JSON.stringify(finished)}\n`,
      );
      this.#finished.push(finished);
      this.#open = undefined;
    } catch (error) {
      throw explainedWriteError(error, this.#options.folder);
    }
  }
}

function countsOf(scenes: readonly Scene[]): ShardCounts {
  return {
    numScenes: scenes.length,
    numPictures: scenes.reduce((sum, scene) => sum + scene.pictures.length, 0),
    numTexts: scenes.reduce((sum, scene) => sum + scene.texts.length, 0),
  };
}

/** An upper bound of what a scene takes in a batch. */
function sceneSize(scene: Scene): number {
  let sizeBytes = SCENE_OVERHEAD_BYTES + sizeOfStrings([scene.sceneKey]);
  for (const { bytes, key, path, url, license, linkedKeys, notes } of scene.pictures) {
    sizeBytes += PICTURE_OVERHEAD_BYTES + bytes.byteLength;
    sizeBytes += sizeOfStrings([key, path, url, license, ...linkedKeys, ...notes]);
  }
  for (const { id, text, label, context, choices, answers } of scene.texts) {
    sizeBytes += TEXT_OVERHEAD_BYTES + sizeOfStrings([id, text, label, context, ...choices]);
    sizeBytes += sizeOfStrings(answers.map(({ answer }) => answer));
  }
  for (const { boxes, features, classProbabilities } of scene.regions?.filter(
    (each) => each !== null,
  ) ?? []) {
    sizeBytes += REGIONS_OVERHEAD_BYTES + boxes.length * REGION_BYTES;
    sizeBytes += features.byteLength + classProbabilities.byteLength;
  }
  return sizeBytes;
}

// A UTF-16 unit takes at most three bytes of UTF-8.
function sizeOfStrings(strings: readonly (string | null)[]): number {
  return strings.reduce((sum, text) => sum + (text?.length ?? 0) * 3 + STRING_OVERHEAD_BYTES, 0);
}
