// What checks an index; it is loaded only where one is met for the first time.
import { z } from "zod";

import { canonicalJson, type JsonValue, sha256 } from "../../core/digest.ts";
import { ShardError } from "../../core/errors.ts";
import {
  LEDGER_FILE,
  PROOF_FILE,
  type ShardEntry,
  type ShardSetIndex,
  SPLIT_NAME,
} from "../shard-set-index.ts";

const digestText = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();
// What JSON.parse gives is a JsonValue already.
const jsonValue = z.custom<JsonValue>((value) => value !== undefined);
const splitName = z.string().regex(SPLIT_NAME);
const fileEntry = z.strictObject({ file: z.string(), sizeBytes: count, sha256: digestText });
const batchEntry = z.strictObject({
  offset: count,
  sizeBytes: count,
  sha256: digestText,
  numScenes: z.int().positive(),
  headSizeBytes: count,
  headSha256: digestText,
});
export const shardEntry: z.ZodType<ShardEntry> = z.strictObject({
  // No path of an index leads out of its folder.
  file: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\/\d{5,}\.arrow$/),
  sizeBytes: count,
  sha256: digestText,
  numScenes: count,
  batches: z.array(batchEntry),
});
const indexSchema: z.ZodType<ShardSetIndex> = z.strictObject({
  format: z.literal("crossweave-shards"),
  version: z.literal(1),
  name: z.string(),
  recipe: jsonValue,
  partial: z.boolean(),
  splits: z.array(
    z.strictObject({
      name: splitName,
      role: z.enum(["train", "eval"]),
      numScenes: count,
      numPictures: count,
      numTexts: count,
      shards: z.array(shardEntry),
    }),
  ),
  counts: z.array(
    z.strictObject({
      file: z.string(),
      kind: z.string(),
      read: count,
      written: count,
      excluded: count,
      quarantined: count,
      missing: count,
    }),
  ),
  sources: z.array(fileEntry),
  ledger: fileEntry.extend({ file: z.literal(LEDGER_FILE), numRows: count }),
  digest: digestText,
  proof: z.strictObject({ file: z.literal(PROOF_FILE), sha256: digestText }).optional(),
});

const anyObject = z.record(z.string(), jsonValue);

/** The index with the digest of its content, which names the set. */
export function digestedIndex(content: Omit<ShardSetIndex, "digest">): ShardSetIndex {
  const plain = anyObject.parse(JSON.parse(JSON.stringify(content)));
  return indexSchema.parse({ ...content, digest: sha256(canonicalJson(plain)) });
}

/** Reads the text of an index.json; ShardError when its content is not what its digest says, or no index. */
export function checkedIndex(path: string, text: string): ShardSetIndex {
  const remedy = "restore the file, or build the set again with `crossweave prepare … --fresh`";
  const parsed = anyObject.safeParse(parsedJson(text));
  if (!parsed.success) {
    throw new ShardError(`${path} is not a JSON object`, { file: path, remedy });
  }
  const { digest, proof: _, ...content } = parsed.data;
  const actual = sha256(canonicalJson(content));
  if (digest !== actual) {
    const stated = JSON.stringify(digest);
    throw new ShardError(
      `${path}: its content has the digest ${actual}, it says ${stated}; the index was changed`,
      { file: path, remedy },
    );
  }
  const index = indexSchema.safeParse(parsed.data);
  if (index.success) return index.data;
  throw new ShardError(`${path} is no index of format version 1: ${z.prettifyError(index.error)}`, {
    file: path,
    remedy: "use the version of crossweave that wrote it, or build the set again",
  });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
