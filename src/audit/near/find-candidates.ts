import type { Progress } from "../../core/progress.ts";
import { type HashRows, hashRows, NearPairSearch } from "../hamming/near-pairs.ts";
import type { LoadedRows, NearPairs } from "../hamming/pair-list.ts";
import { bankViews } from "../perceptual/window-bank.ts";
import { CandidateList, type GroupedRows } from "./candidate-list.ts";
import { type FoundCandidates, mergeCandidates } from "./merge-candidates.ts";
import type { NearSettings } from "./near-settings.ts";
import {
  numViewsIn,
  type RecordSide,
  type ViewRange,
  type ViewRows,
  viewRows,
} from "./record-side.ts";
import type {
  CandidateCells,
  CandidateMemory,
  CandidateSides,
  ShardCandidates,
} from "./shard-candidates.ts";

export interface CandidateSearch extends CandidateSides {
  readonly settings: NearSettings;
}

export interface CandidateOptions {
  readonly numThreads?: number | undefined;
  /** Training hashes that are searched at once. */
  readonly partRows?: number | undefined;
  /** What is known of shards from before, and where what is found goes. */
  readonly memory?: CandidateMemory | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Fewer pairs of hashes are compared sooner than a second thread has begun. */
const FEW_PAIRS = 50_000_000;
const DEFAULT_PART_ROWS = 1_000_000;
/** The views that show the whole of a protected picture, turned or mirrored, stand first in the bank. */
const NUM_WHOLE_VIEWS = bankViews.filter(({ kind }) => kind === "symmetry").length;

/**
 * All pairs of a training and an evaluation picture that look alike to their hashes: exactly those within the
 * distances of the settings. Pictures with equal pixels stand for each other (the first one of each side, so that a
 * million equal pictures make one candidate); a pair with equal pixels on both sides is none, because it is known.
 */
export async function findCandidates(
  search: CandidateSearch,
  options: CandidateOptions = {},
): Promise<FoundCandidates> {
  const { memory } = options;
  const known = new Map<number, ReadonlyMap<number, ShardCandidates>>();
  const evalShards = shardsOf(search.eval);
  for (const shard of shardsOf(search.train)) {
    const before = (await memory?.read(shard)) ?? new Map<number, ShardCandidates>();
    known.set(shard, before);
  }
  for (const unsearched of unsearchedShards(known, evalShards)) {
    const found = await searchShards(search, unsearched, options);
    for (const [shard, cells] of found) {
      known.set(shard, new Map([...(known.get(shard) ?? []), ...cells]));
      await memory?.write(shard, cells);
    }
  }
  return mergeCandidates(search, known);
}

function shardsOf(side: RecordSide): readonly number[] {
  return Array.from({ length: side.numShards }, (_, shard) => shard);
}

interface ShardsToSearch {
  readonly trainShards: readonly number[];
  readonly evalShards: readonly number[];
}

/** Training shards by the evaluation shards that they have not been compared with, which are searched at once. */
function unsearchedShards(
  known: CandidateCells,
  evalShards: readonly number[],
): readonly ShardsToSearch[] {
  const groups = new Map<string, { trainShards: number[]; evalShards: readonly number[] }>();
  for (const [trainShard, cells] of known) {
    const missing = evalShards.filter((shard) => !cells.has(shard));
    if (missing.length === 0) continue;
    const group = groups.get(missing.join()) ?? { trainShards: [], evalShards: missing };
    group.trainShards.push(trainShard);
    groups.set(missing.join(), group);
  }
  return [...groups.values()];
}

async function searchShards(
  { train, eval: protectedSide, settings }: CandidateSearch,
  { trainShards, evalShards }: ShardsToSearch,
  options: CandidateOptions,
): Promise<CandidateCells> {
  const { wholeDistance, windowDistance, windows } = settings;
  const list = new CandidateList({ train, eval: protectedSide });
  const left = { side: protectedSide, shards: evalShards, firstView: 0, endView: bankViews.length };
  const right = { side: train, shards: trainShards, firstView: 0, endView: 1 };
  const distanceOf = (view: number): number =>
    view < NUM_WHOLE_VIEWS ? wholeDistance : windowDistance;
  const maxDistance = Math.max(wholeDistance, windowDistance);
  await searchBetween({ list, left, right, distanceOf, maxDistance }, options);
  if (windows === "both") {
    const parts = {
      list,
      left: { ...left, endView: 1 },
      right: { ...right, firstView: 1, endView: Infinity },
      distanceOf: () => windowDistance,
      maxDistance: windowDistance,
    };
    await searchBetween(parts, options);
  }
  return list.cells(trainShards, evalShards);
}

interface SideRange extends ViewRange {
  readonly side: RecordSide;
}

interface SearchPass {
  readonly list: CandidateList;
  readonly left: SideRange;
  readonly right: SideRange;
  /** For each view of an evaluation picture. */
  readonly distanceOf: (evalView: number) => number;
  readonly maxDistance: number;
}

async function searchBetween(pass: SearchPass, options: CandidateOptions): Promise<void> {
  const { left, right, maxDistance, list, distanceOf } = pass;
  const { partRows = DEFAULT_PART_ROWS, progress, signal } = options;
  for await (const protectedRows of viewRows(left.side, { ...left, maxRows: Infinity })) {
    const maxRows = Math.max(partRows, right.side.numViews);
    const size = {
      maxLeft: protectedRows.views.length,
      maxRight: Math.min(maxRows, numViewsIn(right.side, right)),
    };
    if (size.maxRight === 0) return;
    const numThreads = size.maxLeft * size.maxRight < FEW_PAIRS ? 1 : options.numThreads;
    await using machine = NearPairSearch.open(size, { maxDistance, numThreads, progress, signal });
    const loadedLeft = await machine.load("left", rowsOf(protectedRows));
    for await (const passing of viewRows(right.side, { ...right, maxRows })) {
      signal?.throwIfAborted();
      const loadedRight = await machine.load("right", rowsOf(passing));
      const pairs = await machine.pairsBetween();
      await list.add({
        pairs,
        distanceOf,
        left: grouped(protectedRows, loadedLeft, pairs.left),
        right: grouped(passing, loadedRight, pairs.right),
      });
    }
  }
}

function rowsOf({ hashes }: ViewRows): HashRows {
  return hashRows(hashes);
}

function grouped(rows: ViewRows, { equal }: LoadedRows, paired: NearPairs["left"]): GroupedRows {
  const wanted = new Set(paired);
  const groups = new Map<number, Uint32Array>();
  for (const members of equal) {
    const [first = 0] = members;
    if (wanted.has(first)) groups.set(first, members);
  }
  return { ...rows, equal: groups };
}
