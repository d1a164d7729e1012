import { cp, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { ShardError } from "../../../src/core/errors.ts";
import type { BatchEntry, ShardSetIndex } from "../../../src/shards/shard-set-index.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { validateShardSet } from "../../../src/shards/validation/validate-shard-set.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../small-set.ts";

/** The first shard of the training split. */
export const FIRST = "train/00000.arrow";

/** A set that a test may do anything to, in a new copy for each. */
export interface HostileSet {
  readonly root: string;
  readonly pristine: string;
  readonly index: ShardSetIndex;
  /** The copy of the test that runs. */
  readonly set: string;
}

/** Makes a copy of a set of 30 training scenes in three shards, and one of evaluation, before each test. */
export function hostileSet(): HostileSet {
  let root: Awaited<ReturnType<typeof temporaryFolder>>;
  let index: ShardSetIndex;
  let set = "";
  beforeAll(async () => {
    root = await temporaryFolder();
    index = await writeShardSet(join(root.path, "pristine"), [
      { split: "train", scenes: madeUpScenes(30) },
      { split: "val", role: "eval", scenes: madeUpScenes(10, 30) },
    ]);
  });
  afterAll(() => root[Symbol.asyncDispose]());
  beforeEach(async () => {
    set = join(root.path, `set-${(await readdir(root.path)).length}`);
    await cp(join(root.path, "pristine"), set, { recursive: true });
  });
  return {
    get root() {
      return root.path;
    },
    get pristine() {
      return join(root.path, "pristine");
    },
    get index() {
      return index;
    },
    get set() {
      return set;
    },
  };
}

/** A batch of the first shard. */
export function batchOf({ index }: HostileSet, batchIndex: number): BatchEntry {
  const batch = index.splits[0]?.shards[0]?.batches[batchIndex];
  if (batch === undefined) throw new TypeError(`there is no batch ${batchIndex}`);
  return batch;
}

/** What validation tells: "file/batch/row message". */
export async function placesOfFaults({ set }: HostileSet): Promise<string[]> {
  const { faults } = await validateShardSet(set);
  return faults.map(({ file, batch, row, message }) => `${file}/${batch}/${row} ${message}`);
}

/** What becomes of reading every scene of the training split. */
export async function readTraining({ set }: HostileSet): Promise<{
  readonly numRead: number;
  readonly faults: readonly ShardError[];
}> {
  await using reader = await ShardSetReader.open(set);
  const split = reader.split("train");
  const faults: ShardError[] = [];
  let numRead = 0;
  for (let scene = 0; scene < split.numScenes; scene += 1) {
    try {
      await split.head(scene);
      await split.pictureBytes(scene, 0);
      numRead += 1;
    } catch (error) {
      if (!(error instanceof ShardError)) throw error;
      faults.push(error);
    }
  }
  return { numRead, faults };
}

/** Flips one bit of a byte of a file of the set. */
export async function flipBit({ set }: HostileSet, file: string, position: number): Promise<void> {
  await using handle = await open(join(set, file), "r+");
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
  await handle.write(Buffer.of((buffer[0] ?? 0) ^ 4), 0, 1, position);
}
