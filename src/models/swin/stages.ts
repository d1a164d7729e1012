import { ConfigError } from "../../core/errors.ts";
import type { SwinConfig } from "./config.ts";
import { mergedGrid, type Grid } from "./windows.ts";

export interface Stage {
  readonly name: string;
  readonly grid: Grid;
  readonly channels: number;
  readonly depth: number;
  /** How many blocks of the model come before it. */
  readonly blocksBefore: number;
  readonly heads: number;
  readonly windowSize: number;
  /** The window size for which the stage has bias tables; larger than its windows where the picture is smaller. */
  readonly tableWindow: number;
  readonly mergesAfter: boolean;
}

export interface Block {
  readonly name: string;
  readonly stage: Stage;
  readonly shift: number;
  /** Probability of stochastic depth. */
  readonly dropRate: number;
}

export interface SwinOutputShape {
  /** Number of visual tokens m. */
  readonly tokens: number;
  readonly grid: Grid;
  readonly channels: number;
  /** Whether the last stage is one window: only then its attention ranks all tokens. */
  readonly isGlobal: boolean;
}

/** What the model makes of a picture of its own size. ConfigError when its parts do not go together. */
export function swinOutputShape(config: SwinConfig): SwinOutputShape {
  const last = stagesOf(config, ownGrid(config)).at(-1);
  if (last === undefined) throw new ConfigError("a Swin model needs at least one stage");
  const { channels, grid } = last;
  return { tokens: grid.height * grid.width, grid, channels, isGlobal: isOneWindow(last) };
}

/** Whether the stage's windows are one, and no token in it is padding. */
function isOneWindow({ grid, windowSize }: Stage): boolean {
  return grid.height === windowSize && grid.width === windowSize;
}

/** The patches of a picture of the model's own size. */
export function ownGrid({ imageSize, patchSize }: SwinConfig): Grid {
  const side = Math.ceil(imageSize / patchSize);
  return { height: side, width: side };
}

/** The stages of a picture with this grid of patches, first to last. ConfigError when its parts do not go together. */
export function stagesOf(config: SwinConfig, patches: Grid): Stage[] {
  const { depths, embedDim, heads } = config;
  if (heads.length !== depths.length) {
    throw new ConfigError(
      `the Swin model has ${depths.length} stages by its depths, ${heads.length} by its heads`,
    );
  }
  let [grid, own] = [patches, ownGrid(config)];
  return depths.map((depth, index) => {
    // As in the official code a window never exceeds its grid.
    const tableWindow = Math.min(config.windowSize, own.height);
    const stage = {
      name: `layers.${index}`,
      grid,
      channels: embedDim * 2 ** index,
      depth,
      blocksBefore: sumOf(depths.slice(0, index)),
      heads: heads[index] ?? 1,
      windowSize: Math.min(tableWindow, grid.height, grid.width),
      tableWindow,
      mergesAfter: index < depths.length - 1,
    };
    requireWholeHeads(stage);
    [grid, own] = [mergedGrid(grid), mergedGrid(own)];
    return stage;
  });
}

function requireWholeHeads({ channels, heads, name }: Stage): void {
  if (channels % heads === 0) return;
  throw new ConfigError(
    `${name} of the Swin model has ${channels} channels, which ${heads} heads cannot share evenly`,
  );
}

/** The blocks of a stage; every second one shifts its windows by half, unless the grid is no larger than one. */
export function blocksOf(stage: Stage, config: SwinConfig): Block[] {
  const { grid, windowSize } = stage;
  const canShift = Math.min(grid.height, grid.width) > windowSize;
  return Array.from({ length: stage.depth }, (_, index) => ({
    name: `${stage.name}.blocks.${index}`,
    stage,
    shift: canShift && index % 2 === 1 ? Math.floor(windowSize / 2) : 0,
    dropRate: dropRate(config, stage.blocksBefore + index),
  }));
}

// The rate grows evenly from 0 at the model's first block to the configured one at its last (Huang et al. 2016).
function dropRate({ depths, stochasticDepth }: SwinConfig, block: number): number {
  return (stochasticDepth * block) / Math.max(1, sumOf(depths) - 1);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
