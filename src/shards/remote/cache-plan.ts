import { join } from "node:path";
import { cacheFolder } from "../../core/cache-folder.ts";

const DEFAULT_CACHE_BYTES = 100e9;

/** Where files of servers are kept, and how much. */
export interface CachePlan {
  readonly folder: string;
  /** Of all files together, those that are being downloaded at their full size. */
  readonly maxBytes: number;
}

/** `CROSSWEAVE_SHARD_CACHE`, or `shards` in the cache folder; `CROSSWEAVE_SHARD_CACHE_BYTES`, or 100 GB. */
export function defaultCache(): CachePlan {
  const folder = process.env["CROSSWEAVE_SHARD_CACHE"] ?? "";
  const maxBytes = Number(process.env["CROSSWEAVE_SHARD_CACHE_BYTES"] ?? "");
  return {
    folder: folder === "" ? join(cacheFolder(), "shards") : folder,
    maxBytes: maxBytes > 0 ? maxBytes : DEFAULT_CACHE_BYTES,
  };
}
