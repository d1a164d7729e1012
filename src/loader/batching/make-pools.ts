import { ConfigError } from "../../core/errors.ts";
import type { LoaderOptions } from "../options.ts";
import { everyMember, type Members, SelectedMembers } from "./members.ts";
import { type PoolPart, SamplePool } from "./sample-pool.ts";
import { NOT_PAIRED, type SceneTable, type TextNumbers } from "./scene-table.ts";

/** The scenes of a set's splits; a loader numbers them set by set. */
export interface SetSize {
  readonly numScenes: number;
  readonly weight: number | undefined;
  /** Scenes of each of its splits; it is one split when left out. */
  readonly splitSizes?: readonly number[];
}

interface PoolOptions {
  readonly options: LoaderOptions;
  readonly sets: readonly SetSize[];
  readonly table: SceneTable;
  /** Present where a sample is a text. */
  readonly texts: TextNumbers | undefined;
}

/** Scenes [first, first + numScenes) that are passed through together. */
interface SceneRange {
  readonly first: number;
  readonly numScenes: number;
  readonly weight: number;
}

type Orientation = "landscape" | "portrait" | "any";

/**
 * The samples that may stand together, each with its stream. ConfigError when there are none, or when a set with a
 * weight has none.
 */
export function makePools(context: PoolOptions): SamplePool[] {
  const ranges = rangesOf(context.sets);
  const everything = ranges.map((range) => unitsOf(range, "any", context).size);
  refuseEmpty(everything, context);
  const total = everything.reduce((sum, size) => sum + size, 0);
  const orientations: readonly Orientation[] =
    context.options.grouping === "aspect" ? ["landscape", "portrait"] : ["any"];
  return orientations.flatMap((orientation, pool) => {
    const parts = ranges.map((range, index): PoolPart => {
      const units = unitsOf(range, orientation, context);
      // A set's weight is of all its samples; each pool has its part of them.
      const share = units.size / (everything[index] ?? 1);
      const weight = ranges.length === 1 ? 1 : range.weight * share;
      return { units, weight, ordinal: pool * ranges.length + index };
    });
    const filled = parts.filter(({ units }) => units.size > 0);
    if (filled.length === 0) return [];
    const visitsPerEpoch = visitsOf(filled, ranges, total);
    return [new SamplePool(filled, { visitsPerEpoch, seed: context.options.seed })];
  });
}

/** An epoch has as many visits as there are samples; pools share them as they share the draws. */
function visitsOf(
  parts: readonly PoolPart[],
  ranges: readonly SceneRange[],
  total: number,
): number {
  const [only, second] = parts;
  if (only !== undefined && second === undefined && ranges.length === 1) return only.units.size;
  const weights = ranges.reduce((sum, { weight }) => sum + weight, 0);
  const share = parts.reduce((sum, { weight }) => sum + weight, 0) / weights;
  return Math.round(share * total);
}

/** Sets without weights are passed through together, as one. */
function rangesOf(sets: readonly SetSize[]): SceneRange[] {
  let first = 0;
  const ranges = sets.map(({ numScenes, weight }) => {
    first += numScenes;
    return { first: first - numScenes, numScenes, weight };
  });
  if (ranges.every(({ weight }) => weight === undefined)) {
    return [{ first: 0, numScenes: first, weight: 1 }];
  }
  return ranges.map((range) => ({ ...range, weight: range.weight ?? 1 }));
}

/** The samples of a range of scenes whose pictures are of an orientation: scenes, or texts by their own numbers. */
function unitsOf(range: SceneRange, orientation: Orientation, context: PoolOptions): Members {
  const { table, texts } = context;
  const isWanted = (scene: number): boolean =>
    orientation === "any" || table.portrait[scene] === Number(orientation === "portrait");
  if (texts === undefined) {
    if (orientation === "any") return everyMember(range.first, range.numScenes);
    return new SelectedMembers(range.first, range.numScenes, (offset) =>
      isWanted(range.first + offset),
    );
  }
  const first = texts.firstText(range.first);
  const numTexts = texts.firstText(range.first + range.numScenes) - first;
  const { longer, maxTokens } = context.options.text;
  const sceneOf = sceneCursor(range.first, table.textCounts);
  const selected = new SelectedMembers(first, numTexts, (offset) => {
    const length = table.textLengths[first + offset] ?? NOT_PAIRED;
    const isShort = longer === "cut" || length <= maxTokens;
    return length !== NOT_PAIRED && isShort && isWanted(sceneOf(offset));
  });
  return selected.size === numTexts ? everyMember(first, numTexts) : selected;
}

/** The scene of a text, by its number among the texts from a first scene on; to be asked in ascending order. */
function sceneCursor(firstScene: number, textCounts: Uint16Array): (text: number) => number {
  let scene = firstScene;
  let end = textCounts[scene] ?? 0;
  return (text) => {
    while (text >= end) {
      scene += 1;
      end += textCounts[scene] ?? Infinity;
    }
    return scene;
  };
}

function refuseEmpty(sizes: readonly number[], { options, texts }: PoolOptions): void {
  const what = texts === undefined ? "scenes" : "texts";
  const empty = sizes.findIndex((size) => size === 0);
  if (empty === -1) return;
  const set = sizes.length === 1 ? "the splits" : `the splits of ${options.sets[empty]?.folder}`;
  throw new ConfigError(`${set} hold no ${what} to train on`, {
    remedy: "name other splits, or prepare more scenes",
  });
}
