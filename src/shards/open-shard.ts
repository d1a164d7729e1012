import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder } from "../core/files.ts";
import { ArrowFileWriter, type EncodedBatch, type WrittenFile } from "./arrow/file-writer.ts";
import { sceneFields } from "./scene-columns.ts";
import { shardMetadata } from "./shard-file.ts";
import { type ShardEntry, shardName } from "./shard-set-index.ts";
import type { ShardCounts, SplitPlan } from "./unfinished-split.ts";

/** What a shard belongs to. */
export type ShardTarget = Pick<SplitPlan, "folder" | "split" | "role">;

/** A shard that is being written under a temporary name. */
export class OpenShard {
  readonly #path: string;
  readonly #name: string;
  readonly #file: FileHandle;
  readonly #writer: ArrowFileWriter;
  #counts: ShardCounts = { numScenes: 0, numPictures: 0, numTexts: 0 };

  private constructor(
    place: { path: string; name: string },
    file: FileHandle,
    writer: ArrowFileWriter,
  ) {
    this.#path = place.path;
    this.#name = place.name;
    this.#file = file;
    this.#writer = writer;
  }

  static async create(options: ShardTarget, shardIndex: number): Promise<OpenShard> {
    const name = shardName(options.split, shardIndex);
    const path = join(options.folder, name);
    const file = await open(`${path}.part`, "w");
    try {
      const { split, role } = options;
      const metadata = shardMetadata({ name: split, role });
      const writer = await ArrowFileWriter.start(file, sceneFields, metadata);
      return new OpenShard({ path, name }, file, writer);
    } catch (error) {
      await file.close();
      await rm(`${path}.part`, { force: true });
      throw error;
    }
  }

  get sizeBytes(): number {
    return this.#writer.sizeBytes;
  }

  async write(batch: EncodedBatch, counts: ShardCounts): Promise<void> {
    await this.#writer.write(batch);
    this.#counts = {
      numScenes: this.#counts.numScenes + counts.numScenes,
      numPictures: this.#counts.numPictures + counts.numPictures,
      numTexts: this.#counts.numTexts + counts.numTexts,
    };
  }

  async finish(): Promise<{ shard: ShardEntry; counts: ShardCounts }> {
    const written = await this.#writer.finish();
    await this.#file.close();
    await this.#publish();
    return { shard: entryOf(this.#name, written), counts: this.#counts };
  }

  /** Puts the shard in its place when it has this digest; else leaves everything as it was and gives false. */
  async finishAs({ sha256 }: ShardEntry): Promise<boolean> {
    const written = await this.#writer.finish();
    await this.#file.close();
    if (written.sha256 === sha256) await this.#publish();
    else await rm(`${this.#path}.part`, { force: true });
    return written.sha256 === sha256;
  }

  async #publish(): Promise<void> {
    await rename(`${this.#path}.part`, this.#path);
    await syncFolder(dirname(this.#path));
  }

  async abandon(): Promise<void> {
    await this.#file.close();
    await rm(`${this.#path}.part`, { force: true });
  }
}

function entryOf(file: string, written: WrittenFile): ShardEntry {
  const batches = written.batches.map(({ numRows, ...batch }) => ({
    ...batch,
    numScenes: numRows,
  }));
  return {
    file,
    sizeBytes: written.sizeBytes,
    sha256: written.sha256,
    numScenes: batches.reduce((sum, batch) => sum + batch.numScenes, 0),
    batches,
  };
}
