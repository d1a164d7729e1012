import { type JsonValue, sha256OfFile } from "../../core/digest.ts";
import { HASH_BYTES, spellHash } from "../perceptual/hash.ts";
import { HashFile, partitions, type RowRange } from "./hash-file.ts";
import { NearPairSearch, type SearchOptions } from "./near-pairs.ts";
import { joinBlocks, joinPassing } from "./join-blocks.ts";
import type { EqualRows, LoadedRows, NearPairs } from "./pair-list.ts";
import { type Block, SearchBlocks } from "./search-blocks.ts";

export interface FileSearchOptions extends SearchOptions {
  /** A folder of this search's own, where finished parts are kept; the caller removes it at the end. */
  readonly stateFolder: string;
  /** Rows of a part: two of them are in memory at once, some 60 bytes a row each. */
  readonly partitionRows?: number | undefined;
}

const DEFAULT_PARTITION_ROWS = 8_000_000;

/**
 * `findNearPairs` of a file of hashes of any size: parts of it are compared with themselves and each other,
 * and what was found is kept on disk. A search that was killed and is started again loses one part's work;
 * the result is always that of `findNearPairs`.
 *
 * Throws StateError where the folder holds another search, SourceError where the file is not whole rows.
 */
export async function findNearPairsInFile(
  path: string,
  options: FileSearchOptions,
): Promise<{ readonly rows: LoadedRows; readonly pairs: NearPairs }> {
  await using file = await HashFile.open(path);
  const { partitionRows = DEFAULT_PARTITION_ROWS } = options;
  const parts = partitions(file, partitionRows);
  using blocks = await SearchBlocks.open(options.stateFolder, await settingsOf([path], options));
  const size = { maxLeft: Math.min(partitionRows, file.numRows), maxRight: 0 };
  if (parts.length > 1) size.maxRight = partitionRows;
  await using machine = new LazySearch(size, options);
  const found: Block[] = [];
  for (const [at, left] of parts.entries()) {
    const rest = parts.slice(at).map((right, offset) => ({ right, name: `${at}-${at + offset}` }));
    const within = { file, blocks, machine, left };
    found.push(...(await searchPart(within, rest)));
  }
  return joinBlocks(found, file.numRows);
}

interface PartSearch {
  readonly file: HashFile;
  readonly blocks: SearchBlocks;
  readonly machine: LazySearch;
  readonly left: RowRange;
}

/** One part with itself and with those after it, as far as that has not been done. */
async function searchPart(
  { file, blocks, machine, left }: PartSearch,
  rest: readonly { readonly right: RowRange; readonly name: string }[],
): Promise<readonly Block[]> {
  const found: Block[] = [];
  let loaded: LoadedRows | undefined;
  for (const { right, name } of rest) {
    const known = await blocks.read(name);
    if (known !== undefined) {
      found.push(known);
      continue;
    }
    const search = machine.open();
    loaded ??= await search.load("left", file.rows(left));
    if (left !== right) await search.load("right", file.rows(right));
    const pairs = await (left === right ? search.pairsWithinLeft() : search.pairsBetween());
    const block = shifted({ pairs, equal: left === right ? loaded.equal : [] }, left, right);
    await blocks.write(name, block);
    found.push(block);
  }
  return found;
}

/**
 * `findNearPairsBetween` of two files: the left one, which is protected, is in memory as a whole, the right
 * one passes by in parts. Of the right side, only those groups of equal rows are told that are in a pair.
 */
export async function findNearPairsOfFiles(
  leftPath: string,
  rightPath: string,
  options: FileSearchOptions,
): Promise<{
  readonly left: LoadedRows;
  readonly equalRight: readonly EqualRows[];
  readonly pairs: NearPairs;
}> {
  await using leftFile = await HashFile.open(leftPath);
  await using rightFile = await HashFile.open(rightPath);
  const { partitionRows = DEFAULT_PARTITION_ROWS, stateFolder } = options;
  const settings = await settingsOf([leftPath, rightPath], options);
  using blocks = await SearchBlocks.open(stateFolder, settings);
  const size = { maxLeft: leftFile.numRows, maxRight: Math.min(partitionRows, rightFile.numRows) };
  await using search = NearPairSearch.open(size, options);
  const whole = { first: 0, end: leftFile.numRows };
  const left = await search.load("left", leftFile.rows(whole));
  const found: Block[] = [];
  for (const [at, right] of partitions(rightFile, partitionRows).entries()) {
    let block = await blocks.read(`${at}`);
    if (block === undefined) {
      const { equal } = await search.load("right", rightFile.rows(right));
      const pairs = await search.pairsBetween();
      const paired = new Set(pairs.right);
      const groups = equal.filter(([first = 0]) => paired.has(first));
      block = shifted({ pairs, equal: groups }, whole, right);
      await blocks.write(`${at}`, block);
    }
    found.push(block);
  }
  return { left, ...joinPassing(found, await firstOfEqual(found, rightFile)) };
}

/** Right rows that are in a pair, and are equal to such a row of an earlier part: the first of those. */
async function firstOfEqual(
  blocks: readonly Block[],
  file: HashFile,
): Promise<ReadonlyMap<number, number>> {
  const paired = new Set(blocks.flatMap(({ pairs }) => [...pairs.right]));
  const rowOfHash = new Map<string, number>();
  const first = new Map<number, number>();
  const hash = new Uint8Array(HASH_BYTES);
  for (const row of Uint32Array.from(paired).toSorted()) {
    await file.rows({ first: row, end: row + 1 }).read(hash);
    const known = rowOfHash.get(spellHash(hash));
    if (known === undefined) rowOfHash.set(spellHash(hash), row);
    else first.set(row, known);
  }
  return first;
}

/** A search that is set up when something is left to be done. */
class LazySearch implements AsyncDisposable {
  readonly #size: Parameters<typeof NearPairSearch.open>[0];
  readonly #options: SearchOptions;
  #search: NearPairSearch | undefined;

  constructor(size: Parameters<typeof NearPairSearch.open>[0], options: SearchOptions) {
    this.#size = size;
    this.#options = options;
  }

  open(): NearPairSearch {
    this.#search ??= NearPairSearch.open(this.#size, this.#options);
    return this.#search;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#search?.[Symbol.asyncDispose]();
  }
}

async function settingsOf(
  paths: readonly string[],
  options: FileSearchOptions,
): Promise<JsonValue> {
  const { maxDistance, partitionRows = DEFAULT_PARTITION_ROWS, signal } = options;
  const files: string[] = [];
  for (const path of paths) files.push(await sha256OfFile(path, signal));
  return { format: 1, files, maxDistance, partitionRows };
}

function shifted({ pairs, equal }: Block, left: RowRange, right: RowRange): Block {
  return {
    pairs: {
      left: pairs.left.map((row) => row + left.first),
      right: pairs.right.map((row) => row + right.first),
      distance: pairs.distance,
    },
    equal: equal.map((rows) => rows.map((row) => row + right.first)),
  };
}
