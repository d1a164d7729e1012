import type { BertConfig } from "../bert/config.ts";
import { partsOf, type ResNetConfig } from "../resnet/config.ts";
import type { SwinConfig } from "../swin/config.ts";
import { stagesOf, type Stage } from "../swin/stages.ts";
import { type Grid, mergedGrid, paddedGrid } from "../swin/windows.ts";

// Work is counted in multiply-adds of matrix products and convolutions, which papers call FLOPs; norms, softmax,
// activations and additions are left out, as fvcore and PyTorch's counter do. One multiply-add is two operations.

const RGB = 3;

/** Of a Transformer's layers on a sequence of this many tokens. */
export function transformerWork(config: BertConfig, tokens: number): number {
  const { hiddenSize, intermediateSize, layers } = config;
  const kernels = 4 * hiddenSize ** 2 + 2 * hiddenSize * intermediateSize;
  return layers * (tokens * kernels + attentionWork(tokens, tokens, hiddenSize));
}

/** Queries by keys and attention by values, over all heads. */
function attentionWork(queries: number, keys: number, channels: number): number {
  return 2 * queries * keys * channels;
}

/** Of a Swin Transformer on a picture of this size in pixels. */
export function swinWork(config: SwinConfig, picture: Grid): number {
  const { embedDim, mlpRatio, patchSize } = config;
  const patches: Grid = {
    height: Math.ceil(picture.height / patchSize),
    width: Math.ceil(picture.width / patchSize),
  };
  const embedding = areaOf(patches) * RGB * patchSize ** 2 * embedDim;
  const stages = stagesOf(config, patches).map((stage) => stageWork(stage, mlpRatio));
  return stages.reduce((sum, work) => sum + work, embedding);
}

function stageWork(stage: Stage, mlpRatio: number): number {
  const { channels, depth, grid, mergesAfter, windowSize } = stage;
  // Windows that the grid does not fill are filled up before the attention.
  const inWindows = areaOf(paddedGrid(grid, windowSize));
  const attention =
    inWindows * 4 * channels ** 2 + attentionWork(inWindows, windowSize ** 2, channels);
  const feedForward = areaOf(grid) * 2 * mlpRatio * channels ** 2;
  const merging = mergesAfter ? areaOf(mergedGrid(grid)) * 8 * channels ** 2 : 0;
  return depth * (attention + feedForward) + merging;
}

/** Of a residual network on a picture of this size in pixels. */
export function resNetWork(config: ResNetConfig, picture: Grid): number {
  const [stem = [], ...stages] = partsOf(config);
  let grid = halved(picture);
  let work = 0;
  for (const { inputs, outputs, size } of stem) work += areaOf(grid) * inputs * outputs * size ** 2;
  grid = halved(grid); // the pooling behind the stem
  for (const convolutions of stages) {
    const strided = convolutions.some(({ stride }) => stride > 1) ? halved(grid) : grid;
    // Of a strided block, what comes before its strided convolution still has the larger grid.
    const first = convolutions.findIndex(({ stride }) => stride > 1);
    for (const [place, { inputs, outputs, size }] of convolutions.entries()) {
      work += areaOf(place < first ? grid : strided) * inputs * outputs * size ** 2;
    }
    grid = strided;
  }
  return work;
}

/** The grid that a residual network makes of a picture: a cell for every 32 pixels, or a part of them. */
export function resNetGrid(config: ResNetConfig, picture: Grid): Grid {
  let grid = halved(halved(picture));
  for (const convolutions of partsOf(config).slice(1)) {
    if (convolutions.some(({ stride }) => stride > 1)) grid = halved(grid);
  }
  return grid;
}

function halved({ height, width }: Grid): Grid {
  return { height: Math.ceil(height / 2), width: Math.ceil(width / 2) };
}

export function areaOf({ height, width }: Grid): number {
  return height * width;
}
