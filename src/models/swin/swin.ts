import type * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../../core/errors.ts";
import type { StochasticDepth } from "../dropout.ts";
import { tensor3 } from "../ranks.ts";
import type { Weights } from "../weights.ts";
import { blockForward, normalise } from "./block.ts";
import type { SwinConfig } from "./config.ts";
import type { SwinOutput } from "./output.ts";
import { embedPatches, mergePatches } from "./patches.ts";
import { blocksOf, stagesOf } from "./stages.ts";

// B batch

export interface SwinInput {
  /** [B, height, width, 3], normalised; of any size. */
  readonly pixels: tf.Tensor4D;
  /** `wholeDepth` in evaluation. */
  readonly depth: StochasticDepth;
}

/** Visual parsing (Visual Parsing, eq. 1): pictures to m visual tokens with their last attention. */
export function swinForward(weights: Weights, config: SwinConfig, input: SwinInput): SwinOutput {
  const patches = embedPatches(weights, config, input.pixels);
  let { grid, tokens } = patches;
  let attention: tf.Tensor4D | undefined;
  for (const stage of stagesOf(config, patches.grid)) {
    for (const block of blocksOf(stage, config)) {
      const output = blockForward(weights, block, { tokens, depth: input.depth });
      ({ attention, tokens } = output);
    }
    ({ grid } = stage);
    if (stage.mergesAfter) tokens = mergePatches(weights, stage, tokens);
  }
  if (attention === undefined) throw new ConfigError("a Swin model needs at least one block");
  return { tokens: tensor3(normalise(weights, "norm", tokens)), grid, attention };
}
