import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LedgerEntry, RecordCounts, Scene, SplitRole } from "../../src/core/records.ts";
import { writeLedger } from "../../src/shards/ledger.ts";
import { commitIndex, type ShardSetIndex } from "../../src/shards/shard-set-index.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import type { ShardLayout } from "../../src/shards/unfinished-split.ts";
import { madeUpScene } from "./scenes.ts";

/** Made-up scenes of 500 bytes fill a batch with 5 and a shard with 10. */
export const smallLayout: ShardLayout = {
  targetBatchBytes: 100_000,
  maxScenesPerBatch: 5,
  targetShardBytes: 30_000,
};

/** A folder below the system's temporary one, removed on disposal. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "crossweave-shards-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export function madeUpScenes(numScenes: number, first = 0): Scene[] {
  return Array.from({ length: numScenes }, (_, index) => madeUpScene(first + index));
}

export interface SplitContent {
  readonly split: string;
  readonly role?: SplitRole;
  readonly scenes: readonly Scene[];
}

export const ledgerEntries: readonly LedgerEntry[] = [
  {
    file: "coco/annotations/captions_train2017.json",
    kind: "image",
    record: "/images/3",
    id: "coco:9",
    outcome: "missing",
    reason: "no-picture",
    evidence: "coco/train2017/000000000009.jpg",
  },
  {
    file: "coco/annotations/captions_train2017.json",
    kind: "caption",
    record: "/annotations/17",
    id: "37",
    outcome: "excluded",
    reason: "not-in-any-split",
    evidence: "",
  },
];

export const recordCounts: readonly RecordCounts[] = [
  {
    file: "coco/annotations/captions_train2017.json",
    kind: "image",
    read: 31,
    written: 30,
    excluded: 0,
    quarantined: 0,
    missing: 1,
  },
  {
    file: "coco/annotations/captions_train2017.json",
    kind: "caption",
    read: 11,
    written: 10,
    excluded: 1,
    quarantined: 0,
    missing: 0,
  },
];

/** Writes a whole shard set. */
export async function writeShardSet(
  folder: string,
  splits: readonly SplitContent[],
  layout: ShardLayout = smallLayout,
): Promise<ShardSetIndex> {
  const entries = [];
  for (const { split, role = "train", scenes } of splits) {
    await using writer = await SplitWriter.create({ folder, split, role, layout });
    for (const scene of scenes) await writer.append(scene);
    entries.push(await writer.finish());
  }
  return commitIndex(folder, {
    format: "crossweave-shards",
    version: 1,
    name: "made-up",
    recipe: { layout: { ...layout }, seed: 1 },
    partial: true,
    splits: entries,
    counts: recordCounts,
    sources: [{ file: "coco/dataset_coco.json", sizeBytes: 3, sha256: "0".repeat(64) }],
    ledger: await writeLedger(folder, ledgerEntries),
  });
}

/** Every file of a folder with its bytes, by its path. */
export async function filesOf(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const files = await Promise.all(
    paths.map(async (path) => [path.slice(folder.length + 1), await readFile(path)] as const),
  );
  return new Map(files);
}
