import { join } from "node:path";
import { cacheFolder } from "../../core/cache-folder.ts";
import { ConfigError } from "../../core/errors.ts";

const DEFAULT_CACHE_BYTES = 100e9;

/** Where files of servers are kept, and how much. */
export interface CachePlan {
  readonly folder: string;
  /** Of all files together, those that are being downloaded at their full size. */
  readonly maxBytes: number;
}

export const CACHE_BYTES_VARIABLE = "CROSSWEAVE_SHARD_CACHE_BYTES";

/**
 * `CROSSWEAVE_SHARD_CACHE`, or `shards` in the cache folder; `CROSSWEAVE_SHARD_CACHE_BYTES`, or 100 GB.
 * Throws ConfigError when the latter is no number of bytes.
 */
export function defaultCache(): CachePlan {
  const folder = process.env["CROSSWEAVE_SHARD_CACHE"] ?? "";
  return {
    folder: folder === "" ? join(cacheFolder(), "shards") : folder,
    maxBytes: maxBytesOf(process.env[CACHE_BYTES_VARIABLE] ?? ""),
  };
}

function maxBytesOf(text: string): number {
  if (text === "") return DEFAULT_CACHE_BYTES;
  const maxBytes = Number(text);
  if (maxBytes > 0) return maxBytes;
  throw new ConfigError(`${CACHE_BYTES_VARIABLE} is "${text}", which is no number of bytes`, {
    remedy: "set it to a number above 0, such as 5e9",
  });
}
