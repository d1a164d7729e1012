import type { Progress } from "../../core/progress.ts";
import { type HashRows, hashRows, NearPairSearch } from "../hamming/near-pairs.ts";
import type { LoadedRows, NearPairs } from "../hamming/pair-list.ts";
import { bankViews } from "../perceptual/window-bank.ts";
import { CandidateList, type Candidate, type GroupedRows } from "./candidate-list.ts";
import type { NearSettings } from "./near-settings.ts";
import { type RecordSide, type ViewRows, viewRows } from "./record-side.ts";

export interface CandidateSearch {
  readonly train: RecordSide;
  readonly eval: RecordSide;
  readonly settings: NearSettings;
}

export interface CandidateOptions {
  readonly numThreads?: number | undefined;
  /** Training hashes that are searched at once. */
  readonly partRows?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface FoundCandidates {
  /** By training, then by evaluation picture. */
  readonly candidates: readonly Candidate[];
  /** Pairs of views with equal hashes that were left out because the training picture has many such. */
  readonly numUncompared: number;
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
  const { train, eval: protectedSide, settings } = search;
  const { wholeDistance, windowDistance, windows } = settings;
  const list = new CandidateList(search);
  await searchBetween(
    {
      list,
      left: { side: protectedSide, firstView: 0, endView: bankViews.length },
      right: { side: train, firstView: 0, endView: 1 },
      distanceOf: (view) => (view < NUM_WHOLE_VIEWS ? wholeDistance : windowDistance),
      maxDistance: Math.max(wholeDistance, windowDistance),
    },
    options,
  );
  if (windows === "both") {
    await searchBetween(
      {
        list,
        left: { side: protectedSide, firstView: 0, endView: 1 },
        right: { side: train, firstView: 1, endView: Infinity },
        distanceOf: () => windowDistance,
        maxDistance: windowDistance,
      },
      options,
    );
  }
  return list.found();
}

interface ViewRange {
  readonly side: RecordSide;
  readonly firstView: number;
  readonly endView: number;
}

interface SearchPass {
  readonly list: CandidateList;
  readonly left: ViewRange;
  readonly right: ViewRange;
  /** For each view of an evaluation picture. */
  readonly distanceOf: (evalView: number) => number;
  readonly maxDistance: number;
}

async function searchBetween(pass: SearchPass, options: CandidateOptions): Promise<void> {
  const { left, right, maxDistance, list, distanceOf } = pass;
  const { partRows = DEFAULT_PART_ROWS, progress, signal } = options;
  for await (const protectedRows of viewRows(left.side, { ...left, maxRows: Infinity })) {
    const numViews = Math.min(right.endView, right.side.numViews) - right.firstView;
    const maxRows = Math.max(partRows, right.side.numViews);
    const size = {
      maxLeft: protectedRows.views.length,
      maxRight: Math.min(maxRows, right.side.numPictures * numViews),
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
