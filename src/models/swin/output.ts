import type * as tf from "@tensorflow/tfjs-core";

// B batch, m visual tokens, c visual channels

export interface SwinOutput {
  /** Visual tokens of the last stage, [B, m, c], row by row. */
  readonly tokens: tf.Tensor3D;
  /** Attention of the last block averaged over its heads, [B, m, m]; undefined when the last stage has several windows. */
  readonly attention: tf.Tensor3D | undefined;
}
