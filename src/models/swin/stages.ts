import { ConfigError } from "../../core/errors.ts";
import type { SwinConfig } from "./config.ts";
import type { Grid } from "./windows.ts";

export interface Stage {
  readonly name: string;
  readonly grid: Grid;
  readonly channels: number;
  readonly depth: number;
  readonly heads: number;
  readonly windowSize: number;
  readonly mergesAfter: boolean;
}

export interface Block {
  readonly name: string;
  readonly stage: Stage;
  readonly shift: number;
}

/** Number of visual tokens m, their size c, and whether the last stage is one window: only then its attention ranks all of them. */
export function swinOutputShape(config: SwinConfig): {
  readonly tokens: number;
  readonly channels: number;
  readonly isGlobal: boolean;
} {
  const last = stagesOf(config).at(-1);
  if (last === undefined) throw new ConfigError("a Swin model needs at least one stage");
  const { channels, grid, windowSize } = last;
  return {
    tokens: grid.height * grid.width,
    channels,
    isGlobal: grid.height === windowSize,
  };
}

export function stagesOf(config: SwinConfig): Stage[] {
  const { depths, embedDim, heads } = config;
  if (heads.length !== depths.length) {
    throw new ConfigError(
      `the Swin model has ${depths.length} stages by its depths, ${heads.length} by its heads`,
    );
  }
  return depths.map((depth, index) => {
    const side = config.imageSize / config.patchSize / 2 ** index;
    const stage = {
      name: `layers.${index}`,
      grid: { height: side, width: side },
      channels: embedDim * 2 ** index,
      depth,
      heads: heads[index] ?? 1,
      // As in the official code a window never exceeds its grid.
      windowSize: Math.min(config.windowSize, side),
      mergesAfter: index < depths.length - 1,
    };
    requireWholeParts(stage);
    return stage;
  });
}

function requireWholeParts({ name, grid, windowSize, channels, heads }: Stage): void {
  const side = grid.width;
  if (!Number.isInteger(side) || side % windowSize !== 0) {
    throw new ConfigError(
      `${name} of the Swin model has a grid of ${side} x ${side} tokens, which windows of ${windowSize} do not tile; choose imageSize = patchSize * windowSize * 2^k`,
    );
  }
  if (channels % heads !== 0) {
    throw new ConfigError(
      `${name} of the Swin model has ${channels} channels, which ${heads} heads cannot share evenly`,
    );
  }
}

export function blocksOf(stage: Stage): Block[] {
  const canShift = stage.grid.height > stage.windowSize;
  return Array.from({ length: stage.depth }, (_, index) => ({
    name: `${stage.name}.blocks.${index}`,
    stage,
    shift: canShift && index % 2 === 1 ? Math.floor(stage.windowSize / 2) : 0,
  }));
}
