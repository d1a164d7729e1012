import type * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../../core/errors.ts";
import type { StochasticDepth } from "../dropout.ts";
import { tensor3 } from "../ranks.ts";
import type { Weights, WeightSpec } from "../weights.ts";
import { recomputed, type ModelPart } from "../recompute.ts";
import { blockForward, nextDrops, normalise, type BlockInput } from "./block.ts";
import type { SwinConfig } from "./config.ts";
import type { SwinOutput } from "./output.ts";
import { embedPatches, mergePatches } from "./patches.ts";
import { blockSpecs } from "./specs.ts";
import { blocksOf, stagesOf, type Block } from "./stages.ts";

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
      const drops = nextDrops(block, input.depth);
      if (config.recompute && !isLast(block, config)) {
        tokens = recomputedBlock(weights, block, {
          tokens,
          drops,
          specs: blockSpecs(block, config),
        });
      } else {
        ({ attention, tokens } = blockForward(weights, block, { tokens, drops }));
      }
    }
    ({ grid } = stage);
    if (stage.mergesAfter) tokens = mergePatches(weights, stage, tokens);
  }
  if (attention === undefined) throw new ConfigError("a Swin model needs at least one block");
  return { tokens: tensor3(normalise(weights, "norm", tokens)), grid, attention };
}

/** Whether the model ends with this block, whose attention is given too. */
function isLast({ name }: Block, { depths }: SwinConfig): boolean {
  return name === `layers.${depths.length - 1}.blocks.${(depths.at(-1) ?? 0) - 1}`;
}

function recomputedBlock(
  weights: Weights,
  block: Block,
  { drops, specs, tokens }: BlockInput & { readonly specs: readonly WeightSpec[] },
): tf.Tensor3D {
  const part: ModelPart = {
    weights: specs.map(({ name }) => name),
    constants: [],
    run: (x, named) => blockForward(named, block, { tokens: tensor3(x), drops }).tokens,
  };
  return tensor3(recomputed(weights, part, tokens));
}
