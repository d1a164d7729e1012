import { constants } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { JsonValue } from "../core/digest.ts";
import { errnoOf, SourceError } from "../core/errors.ts";
import { explainedWriteError, writeFileAtomically } from "../core/files.ts";
import type { RecordCounts, SplitRole } from "../core/records.ts";
import { croissantText } from "./croissant.ts";
import { fileAt, isRemote, shownLocation } from "./remote/location.ts";
import type { NetworkOptions } from "./remote/remote-files.ts";

/** Written last: a folder that has it holds a finished set. */
export const INDEX_FILE = "index.json";
export const CROISSANT_FILE = "croissant.json";
export const LEDGER_FILE = "ledger.arrow";
/** The proof of a leak audit, where the index names one. */
export const PROOF_FILE = "proof.json";
/** Holds what a preparation needs to go on after an interruption; gone once the index is written. */
export const UNFINISHED_FOLDER = ".unfinished";

/** Batches stay under 64 MB, whatever the options say. */
export const MAX_BATCH_BYTES = 64_000_000;
/** Files stay under 1 GB, whatever the options say. */
export const MAX_SHARD_BYTES = 1_000_000_000;

/** A record batch of a shard. */
export interface BatchEntry {
  /** Position of the batch's first byte in its file. */
  readonly offset: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly numScenes: number;
  /** How many bytes at its start hold everything but the encoded pictures. */
  readonly headSizeBytes: number;
  readonly headSha256: string;
}

/** An Arrow file of a split. */
export interface ShardEntry {
  /** Path below the set's folder, such as "train/00000.arrow". */
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly numScenes: number;
  readonly batches: readonly BatchEntry[];
}

/** A partition of the set, with its files in order. */
export interface SplitEntry {
  readonly name: string;
  readonly role: SplitRole;
  readonly numScenes: number;
  readonly numPictures: number;
  readonly numTexts: number;
  readonly shards: readonly ShardEntry[];
}

/** A file of the set, or a source file it was made from. */
export interface FileEntry {
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface LedgerFileEntry extends FileEntry {
  readonly numRows: number;
}

/** The content of index.json. */
export interface ShardSetIndex {
  readonly format: "crossweave-shards";
  /** Raised by the first change of the columns or of this index after a release has written sets. */
  readonly version: 1;
  readonly name: string;
  /** All constants of the preparation. */
  readonly recipe: JsonValue;
  /** Whether pictures were allowed to be missing. */
  readonly partial: boolean;
  readonly splits: readonly SplitEntry[];
  readonly counts: readonly RecordCounts[];
  readonly sources: readonly FileEntry[];
  readonly ledger: LedgerFileEntry;
  /** SHA-256 of the canonical JSON of everything above; it names the set. */
  readonly digest: string;
  /** The proof of the last audit of the set. It names the set by `digest`, which therefore does not cover it. */
  readonly proof?: ProofReference | undefined;
}

/** The file of a proof, in the set's folder, and its digest. */
interface ProofReference {
  readonly file: typeof PROOF_FILE;
  readonly sha256: string;
}

/** The file of a split's shard, below the set's folder. */
export function shardName(split: string, shardIndex: number): string {
  return `${split}/${String(shardIndex).padStart(5, "0")}.arrow`;
}

/** Where an index lists files in other places than their names say: their scenes would come in another order. */
export function* misplacedFiles({ splits }: ShardSetIndex): Generator<string> {
  for (const { name, shards } of splits) {
    for (const [shardIndex, { file }] of shards.entries()) {
      const expected = shardName(name, shardIndex);
      if (file !== expected) yield `it lists ${file} where ${expected} belongs`;
    }
  }
  const names = new Set(splits.map(({ name }) => name));
  if (names.size < splits.length) yield "it has two splits of the same name";
}

/** What a split may be called: it is the name of a folder in the set. */
export const SPLIT_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** The text of index.json; equal indexes give equal bytes. */
export function indexText(index: ShardSetIndex): string {
  return `${JSON.stringify(index, null, 1)}\n`;
}

/**
 * Completes a shard set: writes croissant.json, then index.json by rename, then removes what an
 * interrupted preparation would have needed. Every file that the index lists must be in place. No
 * proof speaks of the set yet.
 */
export async function commitIndex(
  folder: string,
  given: Omit<ShardSetIndex, "digest">,
): Promise<ShardSetIndex> {
  const { proof: _, ...content } = given;
  const { digestedIndex } = await import("./opening/index-schema.ts");
  const index = digestedIndex(content);
  await rewriteIndex(folder, index);
  await rm(join(folder, UNFINISHED_FOLDER), { recursive: true, force: true });
  return index;
}

/** Writes what follows from an index: croissant.json, then index.json by rename. */
export async function rewriteIndex(folder: string, index: ShardSetIndex): Promise<void> {
  try {
    await writeFileAtomically(join(folder, CROISSANT_FILE), croissantText(index));
    await writeFileAtomically(join(folder, INDEX_FILE), indexText(index));
  } catch (error) {
    throw explainedWriteError(error, folder);
  }
}

const NO_FILE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EISDIR"]);

/**
 * Reads and verifies a set's index.
 * Throws `SourceError` when the location holds no finished set, `ShardError` when its index is damaged.
 */
export async function readIndex(
  location: string,
  network: NetworkOptions = {},
): Promise<ShardSetIndex> {
  const text = await indexTextAt(location, network);
  const { checkedIndex } = await import("./opening/index-schema.ts");
  return checkedIndex(fileAt(location, INDEX_FILE), text);
}

/** The text of a set's index.json, of which nothing is checked; SourceError when the location holds no finished set. */
export async function indexTextAt(location: string, network: NetworkOptions = {}): Promise<string> {
  try {
    return await readSetText(location, INDEX_FILE, network);
  } catch (error) {
    if (!NO_FILE.has(errnoOf(error) ?? "")) throw error;
    const shown = shownLocation(location);
    if (errnoOf(error) === "ENOTDIR") {
      throw new SourceError(`${shown} is no shard set: it is a file`, {
        file: shown,
        remedy: "name the folder that `crossweave prepare … --out` made",
        cause: error,
      });
    }
    throw new SourceError(`${shown} is no finished shard set: it has no ${INDEX_FILE}`, {
      file: fileAt(location, INDEX_FILE),
      remedy: isRemote(location)
        ? "check the address; a set is whole once its index.json is uploaded, as the last of its files"
        : `run \`crossweave prepare … --out ${shown}\`; it goes on where it was interrupted`,
      cause: error,
    });
  }
}

/** The text of one of a set's small files; an error with the code ENOENT where there is none. */
export async function readSetText(
  location: string,
  file: string,
  network: NetworkOptions = {},
): Promise<string> {
  if (!isRemote(location)) return localText(join(location, file));
  // What speaks with servers is loaded where one is spoken with.
  const { readRemoteText } = await import("./remote/open-storage.ts");
  return readRemoteText(location, file, network);
}

async function localText(path: string): Promise<string> {
  // A named pipe would keep waiting whoever opens or reads it.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return await file.readFile("utf8");
  throw Object.assign(new Error(`${path} is no file`), { code: "EISDIR" });
}
