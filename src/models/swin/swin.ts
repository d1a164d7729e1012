import type * as tf from "@tensorflow/tfjs-core";
import { tensor3 } from "../ranks.ts";
import type { Weights } from "../weights.ts";
import { blockForward, normalise } from "./block.ts";
import type { SwinConfig } from "./config.ts";
import type { SwinOutput } from "./output.ts";
import { embedPatches, mergePatches } from "./patches.ts";
import { blocksOf, stagesOf } from "./stages.ts";

// B batch, S image side

/** Visual parsing (Visual Parsing, eq. 1): pixels [B, S, S, 3], normalised, to m visual tokens with their last attention. */
export function swinForward(weights: Weights, config: SwinConfig, pixels: tf.Tensor4D): SwinOutput {
  let tokens = embedPatches(weights, config, pixels);
  let attention: tf.Tensor3D | undefined;
  for (const stage of stagesOf(config)) {
    for (const block of blocksOf(stage)) {
      const output = blockForward(weights, block, tokens);
      tokens = output.tokens;
      attention = output.attention;
    }
    if (stage.mergesAfter) tokens = mergePatches(weights, stage, tokens);
  }
  return { tokens: tensor3(normalise(weights, "norm", tokens)), attention };
}
