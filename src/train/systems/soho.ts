import * as tf from "@tensorflow/tfjs-core";
import { RandomStream } from "../../core/random.ts";
import type { Batch } from "../../loader/options.ts";
import { partNames } from "../../models/resnet/config.ts";
import { BACKBONE_PREFIX, type SohoConfig } from "../../models/soho/config.ts";
import { nextSohoBuffers, statisticSpecs, stepStatistics } from "../../models/soho/statistics.ts";
import { pictureTensors, sohoModel } from "../../models/soho/soho.ts";
import { flatLayout, flatten, unflatten, type FlatLayout } from "../flat-weights.ts";
import type { SohoRecipe } from "../recipes/soho-recipe.ts";
import { maskedWordTensors, sharesOf } from "./masked-words.ts";
import { sohoLosses, sohoReadings } from "./soho-losses.ts";
import {
  decaysByShape,
  type BatchContext,
  type LossCall,
  type StepBatch,
  type System,
  type SystemBatches,
  type SystemLosses,
} from "./system.ts";
import { batchCounts } from "./visual-parsing-batch.ts";

/** Whether the residual network is trained in a step. */
const variants = { frozen: "frozen-backbone", trained: "all-parts" } as const;

/** SOHO (Huang et al., CVPR 2021) as the trainer knows it. */
export function sohoSystem(recipe: SohoRecipe, vocabularySize: number): System {
  const config = sohoConfig(recipe, vocabularySize);
  const layout = flatLayout(statisticSpecs(config));
  return {
    model: sohoModel(config),
    visualPrefix: BACKBONE_PREFIX,
    decays: decaysOf(config),
    counts: batchCounts,
    deviceBatch: (batch, context) => deviceBatch(batch, { ...context, recipe }),
    readings: () => sohoReadings,
    losses: (call) => lossesOf(call, { config, recipe, layout }),
    nextBuffers: (buffers, statistics) =>
      nextSohoBuffers(buffers, config, unflatten(layout, statistics)),
    batches: batchesOf(recipe),
  };
}

export function sohoConfig({ model, switches }: SohoRecipe, vocabularySize: number): SohoConfig {
  const { dictionary, resnet, transformer } = model;
  return { resnet, dictionary, transformer: { ...transformer, vocabularySize }, switches };
}

/** Frozen parts keep their values, so nothing may pull at them. */
function decaysOf({ resnet, switches }: SohoConfig): System["decays"] {
  const frozen = new Set(
    partNames(resnet)
      .slice(0, switches.frozenParts)
      .flat()
      .map((name) => BACKBONE_PREFIX + name),
  );
  return (spec) => !frozen.has(spec.name) && (switches.decayed === "all" || decaysByShape(spec));
}

function deviceBatch(
  batch: Batch,
  { recipe, ...context }: BatchContext & { readonly recipe: SohoRecipe },
): StepBatch {
  const { firstPair, seed, step, totals } = context;
  const { numPairs, shape } = batch;
  const isFrozen = context.epoch < recipe.optimisation.frozenVisualEpochs;
  const uniforms = Float32Array.from({ length: numPairs }, (_, pair) =>
    roundedDown(new RandomStream(seed, step, firstPair + pair).nextFloat()),
  );
  // One place for all ranks: keyed by no pair.
  const location = roundedDown(new RandomStream(seed, step).nextFloat());
  return {
    variant: isFrozen ? variants.frozen : variants.trained,
    tensors: {
      ...pictureTensors(batch),
      pictureOfPair: tf.tensor1d(batch.pictureOfPair.slice(), "int32"),
      tokenIds: tf.tensor2d(batch.tokenIds.slice(), [numPairs, shape.textTokens], "int32"),
      tokenMask: tf.tensor2d(batch.tokenMask.slice(), [numPairs, shape.textTokens], "int32"),
      matched: tf.tensor1d(batch.matched.slice(), "int32"),
      ...maskedWordTensors(batch.mlmLabels),
      mvmUniforms: tf.tensor1d(uniforms),
      mvmLocation: tf.tensor1d([location]),
      shares: tf.tensor1d(sharesOf(batchCounts(batch), totals)),
    },
  };
}

/** A number in [0, 1) that float32 does not round up to 1. */
function roundedDown(uniform: number): number {
  return Math.floor(uniform * 2 ** 24) / 2 ** 24;
}

interface SystemParts {
  readonly config: SohoConfig;
  readonly recipe: SohoRecipe;
  readonly layout: FlatLayout;
}

function lossesOf(call: LossCall, { config, layout, recipe }: SystemParts): SystemLosses {
  const collected = new Map<string, tf.Tensor>();
  const losses = sohoLosses(
    { ...call, weights: { ...call.weights, ...call.buffers } },
    {
      config,
      objectives: recipe.objectives,
      run: {
        mode: "train",
        freezesBackbone: call.variant === variants.frozen,
        collect: (name, statistic) => collected.set(name, statistic),
      },
    },
  );
  return { ...losses, statistics: flatten(layout, stepStatistics(config, collected)) };
}

function batchesOf({ data, model, switches }: SohoRecipe): SystemBatches {
  const { longer, padToMultipleOf, shorter } = model.pictures;
  const isSquare = shorter === longer;
  return {
    batching: { kind: "pictures", picturesPerBatch: data.picturesPerBatch },
    grouping: isSquare ? "none" : "aspect",
    pairing: {
      kind: "matched-unmatched",
      matched: data.matchedTexts,
      unmatched: data.unmatchedTexts,
    },
    text: { maxTokens: data.maxTextTokens, longer: "cut" },
    pictures: isSquare
      ? { kind: "square", size: shorter }
      : { kind: "keep-ratio", shorter, longer, padToMultipleOf },
    augment: {
      crop:
        data.minimumCropArea === 1
          ? "none"
          : { scale: [data.minimumCropArea, 1], ratio: [3 / 4, 4 / 3] },
      flip: "never",
      randAugment: null,
    },
    mlmProbability: data.mlmProbability,
    predictedPairs: switches.predictedPairs,
  };
}
