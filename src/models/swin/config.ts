/** A Swin Transformer (Liu et al. 2021); weights carry the names of the official implementation. */
export interface SwinConfig {
  /** Side of the square pictures for which windows are sized, in pixels; pictures of other sizes can be parsed too. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly embedDim: number;
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  readonly windowSize: number;
  readonly mlpRatio: number;
  /** The last block's probability of stochastic depth; it grows evenly from 0 at the first block. */
  readonly stochasticDepth: number;
  /** Each block but the last is computed again in the backward pass: less memory, more time (Chen et al. 2016). */
  readonly recompute: boolean;
}

// Liu et al. 2021: section 3.3 for the sizes, appendix A2.1 for stochastic depth.

export const swinTiny: SwinConfig = {
  imageSize: 224,
  patchSize: 4,
  embedDim: 96,
  depths: [2, 2, 6, 2],
  heads: [3, 6, 12, 24],
  windowSize: 7,
  mlpRatio: 4,
  stochasticDepth: 0.2,
  recompute: false,
};
export const swinSmall: SwinConfig = {
  ...swinTiny,
  depths: [2, 2, 18, 2],
  stochasticDepth: 0.3,
};
export const swinBase: SwinConfig = {
  ...swinSmall,
  embedDim: 128,
  heads: [4, 8, 16, 32],
  stochasticDepth: 0.5,
};
export const swinBase384: SwinConfig = { ...swinBase, imageSize: 384, windowSize: 12 };
