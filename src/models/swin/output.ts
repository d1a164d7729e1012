import * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../../core/errors.ts";
import { tensor3 } from "../ranks.ts";
import type { Grid } from "./windows.ts";

// B batch, m visual tokens, c visual channels, H heads, w window side

export interface SwinOutput {
  /** Visual tokens of the last stage, [B, m, c], row by row. */
  readonly tokens: tf.Tensor3D;
  /** How the tokens lie in the picture. */
  readonly grid: Grid;
  /** The last block's attention before dropout, window by window, [B * windows, H, w * w, w * w]; its rows sum to 1. */
  readonly attention: tf.Tensor4D;
}

/**
 * The last block's attention averaged over its heads (the papers don't say how heads are joined), [B, m, m]: row i is
 * what token i attends to. ConfigError when the last stage has several windows, or its one window holds padding:
 * then no row ranks all tokens.
 */
export function attentionOverPicture({ attention, grid, tokens }: SwinOutput): tf.Tensor3D {
  const [numWindows, , windowTokens] = attention.shape;
  const [batch, numTokens] = tokens.shape;
  if (numWindows === batch && windowTokens === numTokens) return tensor3(tf.mean(attention, 1));
  const side = Math.sqrt(windowTokens);
  throw new ConfigError(
    `the last Swin stage has ${grid.height} x ${grid.width} tokens in several windows of ${side} x ${side}, so there is no attention over the whole picture to rank tokens by`,
    {
      remedy:
        "choose imageSize and windowSize so that the last stage is one window: 224 with 7, 384 with 12",
    },
  );
}
