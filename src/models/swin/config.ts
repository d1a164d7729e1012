/** A Swin Transformer (Liu et al. 2021) for square pictures; weights carry the names of the official implementation. */
export interface SwinConfig {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly embedDim: number;
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  readonly windowSize: number;
  readonly mlpRatio: number;
  /** The last block's probability of stochastic depth; it grows evenly from 0 at the first block. */
  readonly stochasticDepth: number;
}
