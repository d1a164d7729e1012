import { strict as assert } from "node:assert";
import { availableParallelism } from "node:os";
import { ConfigError } from "../../core/errors.ts";
import { type Progress, silentProgress } from "../../core/progress.ts";
import { HASH_BYTES } from "../perceptual/hash.ts";
import {
  bitMoves,
  controlWords,
  headOffset,
  layOutSearch,
  type SearchLayout,
  tablePlaces,
  writeJoin,
} from "./search-memory.ts";
import {
  equalRows,
  firstRowsOf,
  pairsOf,
  type LoadedRows,
  type LoadedSide,
  MAX_ROWS,
  type NearPairs,
} from "./pair-list.ts";
import { SearchThreads } from "./search-threads.ts";
import { planSlots, type Slot } from "./slot-plan.ts";

/** Hashes of 32 bytes, one after the other. */
export interface HashRows {
  readonly numRows: number;
  /** Fills numRows * 32 bytes, which threads share. */
  readonly read: (into: Uint8Array) => Promise<void> | void;
}

export interface SearchOptions {
  readonly maxDistance: number;
  readonly numThreads?: number | undefined;
  /** Of different hashes; equal ones are grouped, not listed. */
  readonly maxPairs?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_MAX_PAIRS = 50_000_000;
const MAX_DEFAULT_THREADS = 16;
const PAGE_BYTES = 65_536;
/** As native/hamming.wasm was compiled. */
const MAX_PAGES = 65_535;
const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;
const NUM_TASKS = 1024;
/** Hashes of a block of keys, which is compared with whole other blocks: it stays in the nearest cache. */
const BLOCK_HASHES = 256;

/** `rows` as they lie in memory. */
export function hashRows(hashes: Uint8Array): HashRows {
  assert(hashes.length % HASH_BYTES === 0, "whole hashes");
  return { numRows: hashes.length / HASH_BYTES, read: (into) => into.set(hashes) };
}

/**
 * All pairs of rows whose hashes differ in at most `maxDistance` bits, at most 48: exactly those, in the same
 * order whatever the number of threads. Equal rows are groups; a pair is of the first rows of two groups.
 *
 * Throws ConfigError when there are more than `maxPairs` pairs.
 */
export async function findNearPairs(
  rows: HashRows,
  options: SearchOptions,
): Promise<{ readonly rows: LoadedRows; readonly pairs: NearPairs }> {
  await using search = NearPairSearch.open({ maxLeft: rows.numRows, maxRight: 0 }, options);
  const loaded = await search.load("left", rows);
  return { rows: loaded, pairs: await search.pairsWithinLeft() };
}

/** The same for the pairs of a left and a right row; equal rows of the two sides are pairs of distance 0. */
export async function findNearPairsBetween(
  left: HashRows,
  right: HashRows,
  options: SearchOptions,
): Promise<{
  readonly left: LoadedRows;
  readonly right: LoadedRows;
  readonly pairs: NearPairs;
}> {
  const size = { maxLeft: left.numRows, maxRight: right.numRows };
  await using search = NearPairSearch.open(size, options);
  const loadedLeft = await search.load("left", left);
  const loadedRight = await search.load("right", right);
  return { left: loadedLeft, right: loadedRight, pairs: await search.pairsBetween() };
}

/** Memory and threads of a search, into which one side after the other can be loaded. */
export class NearPairSearch implements AsyncDisposable {
  readonly #options: SearchOptions;
  readonly #layout: SearchLayout;
  readonly #memory: WebAssembly.Memory;
  readonly #threads: SearchThreads;
  readonly #sides: { left?: LoadedSide; right?: LoadedSide } = {};

  private constructor(
    options: SearchOptions,
    machine: { layout: SearchLayout; memory: WebAssembly.Memory; threads: SearchThreads },
  ) {
    this.#options = options;
    this.#layout = machine.layout;
    this.#memory = machine.memory;
    this.#threads = machine.threads;
  }

  static open(
    size: { readonly maxLeft: number; readonly maxRight: number },
    options: SearchOptions,
  ): NearPairSearch {
    const numThreads = options.numThreads ?? Math.min(MAX_DEFAULT_THREADS, availableParallelism());
    const layout = layOutSearch({ ...size, numThreads });
    const numPages = Math.ceil(layout.end / PAGE_BYTES);
    if (numPages > MAX_PAGES) {
      throw new ConfigError(`${size.maxLeft + size.maxRight} hashes are too many for one memory`, {
        remedy: "search a file of them in parts, of fewer rows",
      });
    }
    const memory = new WebAssembly.Memory({ initial: numPages, maximum: numPages, shared: true });
    new Uint8Array(memory.buffer).set(bitMoves(), layout.bitTables);
    const threads = new SearchThreads(memory, numThreads);
    return new NearPairSearch(options, { layout, memory, threads });
  }

  /** Loads a side, instead of what was loaded there before. */
  async load(name: "left" | "right", rows: HashRows): Promise<LoadedRows> {
    const places = this.#layout[name];
    const { numRows } = rows;
    assert(numRows < MAX_ROWS, "rows that can be numbered");
    await rows.read(new Uint8Array(this.#memory.buffer, places.hashes, numRows * HASH_BYTES));
    this.#options.signal?.throwIfAborted();
    await this.#threads.runParts("permute", numRows, (from, to) => [
      places.hashes + from * HASH_BYTES,
      to - from,
      this.#layout.bitTables,
    ]);
    const numPlaces = tablePlaces(numRows);
    new Uint32Array(this.#memory.buffer, places.table, numPlaces).fill(0);
    const { hashes, groups, table } = places;
    const operands = [hashes, numRows, groups, table, numPlaces];
    const numDistinct = await this.#threads.runOnce("keepDistinct", ...operands);
    const groupOf = new Uint32Array(this.#memory.buffer, groups, numRows);
    const firstRows = firstRowsOf(groupOf, numDistinct);
    this.#sides[name] = { ...places, numRows, numDistinct, firstRows };
    return { numRows, numDistinct, equal: equalRows(groupOf, firstRows) };
  }

  /** The near pairs of the left side. */
  pairsWithinLeft(): Promise<NearPairs> {
    const { left } = this.#sides;
    assert(left !== undefined, "a side is loaded");
    return this.#search(left, left);
  }

  /** The near pairs of a left and a right row. */
  pairsBetween(): Promise<NearPairs> {
    const { left, right } = this.#sides;
    assert(left !== undefined && right !== undefined, "both sides are loaded");
    return this.#search(left, right);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads[Symbol.asyncDispose]();
  }

  async #search(left: LoadedSide, right: LoadedSide): Promise<NearPairs> {
    const { maxDistance, progress = silentProgress } = this.#options;
    using stopping = this.#stopWhenAborted();
    const same = left === right;
    const [numLeft, numRight] = [left.numDistinct, right.numDistinct];
    const slots = planSlots({ numLeft, numRight, same, maxDistance });
    const found: Uint32Array[] = [];
    this.#control(controlWords.numPairs, 0);
    for (const [slotIndex, slot] of slots.entries()) {
      await this.#sort(left, slot);
      if (!same) await this.#sort(right, slot);
      found.push(...(await this.#compare({ slots, slotIndex, same, numRight })));
      stopping.signal?.throwIfAborted();
      this.#requireFewPairs();
      const done = slotIndex + 1;
      progress.report({ activity: "near pairs", done, total: slots.length, unit: "slots" });
    }
    return pairsOf(found, left, right);
  }

  // A counting sort, in which every thread lays out the hashes of some keys.
  async #sort(side: LoadedSide, slot: Slot): Promise<void> {
    const { firstBit, numBits } = slot;
    const numKeys = 2 ** numBits;
    const key = [side.hashes, side.numDistinct, firstBit, numBits];
    await this.#threads.runParts("countKeys", numKeys, (from, to) => [...key, from, to, side.ends]);
    await this.#threads.runOnce("startsOfCounts", side.ends, numKeys);
    const into = [side.ends, headOffset(slot), side.heads, side.rows];
    await this.#threads.runParts("scatter", numKeys, (from, to) => [...key, from, to, ...into]);
  }

  #compare(step: {
    readonly slots: readonly Slot[];
    readonly slotIndex: number;
    readonly same: boolean;
    readonly numRight: number;
  }): Promise<readonly Uint32Array[]> {
    const { slots, slotIndex, same, numRight } = step;
    const { maxDistance, maxPairs = DEFAULT_MAX_PAIRS } = this.#options;
    const numKeys = 2 ** (slots[slotIndex]?.numBits ?? 0);
    const perKey = Math.max(1, numRight / numKeys);
    const blockKeys = 2 ** Math.floor(Math.log2(Math.max(1, BLOCK_HASHES / perKey)));
    const tasksKeys = Math.max(blockKeys, numKeys / NUM_TASKS);
    const numTasks = Math.ceil(numKeys / tasksKeys);
    writeJoin(this.#memory, this.#layout, { slots, slotIndex, blockKeys, maxDistance, same });
    this.#control(controlWords.nextTask, 0);
    return this.#threads.compare(this.#layout, { numTasks, tasksKeys, blockKeys, maxPairs });
  }

  #requireFewPairs(): void {
    const { maxPairs = DEFAULT_MAX_PAIRS, maxDistance } = this.#options;
    const numPairs = this.#controlled(controlWords.numPairs);
    if (numPairs <= maxPairs) return;
    throw new ConfigError(
      `more than ${maxPairs} pairs of different hashes lie within distance ${maxDistance}`,
      { remedy: "lower the distance, or leave out pictures of low quality" },
    );
  }

  #stopWhenAborted(): Disposable & { readonly signal: AbortSignal | undefined } {
    const { signal } = this.#options;
    const stop = (): void => this.#control(controlWords.stop, 1);
    this.#control(controlWords.stop, 0);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", stop);
    return { signal, [Symbol.dispose]: () => signal?.removeEventListener("abort", stop) };
  }

  #control(word: number, value: number): void {
    Atomics.store(
      new Uint32Array(this.#memory.buffer),
      this.#layout.control / WORD_BYTES + word,
      value,
    );
  }

  #controlled(word: number): number {
    return Atomics.load(
      new Uint32Array(this.#memory.buffer),
      this.#layout.control / WORD_BYTES + word,
    );
  }
}
