import { existsSync } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { canonicalJson, sha256, sha256OfFile } from "../core/digest.ts";
import { errnoOf, RefusedError } from "../core/errors.ts";
import type { SplitRole } from "../core/records.ts";
import { shardEntry } from "./opening/index-schema.ts";
import { INDEX_FILE, type ShardEntry, UNFINISHED_FOLDER } from "./shard-set-index.ts";

/** Where shards and batches are cut. It decides the bytes of a set, so it belongs to the recipe. */
export interface ShardLayout {
  readonly targetBatchBytes: number;
  readonly maxScenesPerBatch: number;
  readonly targetShardBytes: number;
}

/** Batches of about a hundred photographs, shards of about fifteen hundred. */
export const defaultShardLayout: ShardLayout = {
  targetBatchBytes: 32 * 2 ** 20,
  maxScenesPerBatch: 128,
  targetShardBytes: 256 * 2 ** 20,
};

export interface SplitWriterOptions {
  /** The set's folder; made when it is not there. */
  readonly folder: string;
  readonly split: string;
  readonly role: SplitRole;
  readonly layout?: ShardLayout;
  /**
   * Digest of all that decides the scenes (recipe and source). Finished shards of an interrupted run
   * are taken over only when it is the same.
   */
  readonly planDigest?: string;
}

/** The options with every value present. */
export type SplitPlan = Required<SplitWriterOptions>;

/** What a shard or a split holds. */
export interface ShardCounts {
  readonly numScenes: number;
  readonly numPictures: number;
  readonly numTexts: number;
}

/** What is known of a finished shard before there is an index. */
export interface FinishedShard {
  readonly plan: string;
  readonly shard: ShardEntry;
  readonly counts: ShardCounts;
}

const finishedShard: z.ZodType<FinishedShard> = z.strictObject({
  plan: z.string(),
  shard: shardEntry,
  counts: z.strictObject({ numScenes: z.int(), numPictures: z.int(), numTexts: z.int() }),
});

/** Digest of all that decides the bytes of a split. */
export function planDigestOf(options: SplitPlan): string {
  const { split, role, planDigest, layout } = options;
  return sha256(canonicalJson({ split, role, planDigest, layout: { ...layout } }));
}

/** Throws `RefusedError` when the folder has an index. */
export async function refuseFinishedSet(folder: string): Promise<void> {
  const path = join(folder, INDEX_FILE);
  const found = await stat(path).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  });
  if (found === undefined) return;
  throw new RefusedError(`${folder} holds a finished shard set; it would be overwritten`, {
    file: path,
    remedy: "choose another --out folder, or start over with --fresh",
  });
}

/** The shards that an interrupted run with the same plan completed and that still are what it wrote. */
export async function finishedShards(options: SplitPlan): Promise<FinishedShard[]> {
  const plan = planDigestOf(options);
  const finished: FinishedShard[] = [];
  for (;;) {
    const sidecar = await readSidecar(sidecarPath(options, finished.length));
    if (sidecar === undefined) return finished;
    if (sidecar.plan !== plan) {
      throw new RefusedError(
        `${options.folder} holds a part of split ${options.split} from another recipe or source`,
        {
          file: sidecarPath(options, finished.length),
          remedy: "choose another --out folder, or start over with --fresh",
        },
      );
    }
    if (!(await isIntact(options.folder, sidecar.shard))) return finished;
    finished.push(sidecar);
  }
}

async function readSidecar(path: string): Promise<FinishedShard | undefined> {
  try {
    return finishedShard.safeParse(JSON.parse(await readFile(path, "utf8"))).data;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function isIntact(folder: string, shard: ShardEntry): Promise<boolean> {
  const path = join(folder, shard.file);
  try {
    const { size } = await stat(path);
    return size === shard.sizeBytes && (await sha256OfFile(path)) === shard.sha256;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Removes the shards of an interrupted run that are written again, and nothing that no run of ours wrote. */
export async function removeFrom(options: SplitPlan, shardIndex: number): Promise<void> {
  for (const folder of [join(options.folder, options.split), unfinishedFolder(options)]) {
    for (const name of await readdir(folder)) {
      const isOurs = /^\d{5,}\.(?:arrow|json)(?:\.part)?$/.test(name);
      const isKept = Number.parseInt(name, 10) < shardIndex && !name.endsWith(".part");
      if (isOurs && !isKept) await rm(join(folder, name));
    }
  }
}

/** A folder with shards but without the marks of a preparation in progress is somebody's data. */
export async function refuseForeignShards(options: SplitPlan): Promise<void> {
  if (existsSync(unfinishedFolder(options))) return;
  const folder = join(options.folder, options.split);
  const name = (await readdir(folder)).find((file) => file.endsWith(".arrow"));
  if (name === undefined) return;
  throw new RefusedError(`${folder} holds ${name}, which no preparation in progress wrote`, {
    file: join(folder, name),
    remedy: "choose another --out folder, or start over with --fresh",
  });
}

/** Where the sidecars of finished shards lie until the index is written. */
export function unfinishedFolder(options: SplitPlan): string {
  return join(options.folder, UNFINISHED_FOLDER, options.split);
}

/** The sidecar of a finished shard. */
export function sidecarPath(options: SplitPlan, shardIndex: number): string {
  return join(unfinishedFolder(options), `${String(shardIndex).padStart(5, "0")}.json`);
}
