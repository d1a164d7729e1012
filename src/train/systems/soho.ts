import * as tf from "@tensorflow/tfjs-core";
import { RandomStream } from "../../core/random.ts";
import type { Batch } from "../../loader/options.ts";
import type { NamedTensors } from "../../models/pair-model.ts";
import { vector } from "../../models/ranks.ts";
import { gridExtent, numValidCells } from "../../models/resnet/grid-features.ts";
import { partNames } from "../../models/resnet/config.ts";
import { BACKBONE_PREFIX, type SohoConfig } from "../../models/soho/config.ts";
import type { SohoRun } from "../../models/soho/grid-encoder.ts";
import { nextSohoBuffers, statisticSpecs, stepStatistics } from "../../models/soho/statistics.ts";
import { pictureTensors, sohoModel } from "../../models/soho/soho.ts";
import { flatLayout, flatten, unflatten, type FlatLayout } from "../step/flat-weights.ts";
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
      ...restartTensors(batch, { ...context, recipe }),
    },
  };
}

/**
 * A feature of the global batch for each code to begin anew at: a pair is drawn, and a cell that lies in its picture.
 * None where codes never do.
 */
function restartTensors(
  batch: Batch,
  { firstPair, recipe, seed, step, totals }: BatchContext & { readonly recipe: SohoRecipe },
): NamedTensors {
  const { dictionary, resnet } = recipe.model;
  if (dictionary.restartAfterSteps === 0) return {};
  const picture = { height: batch.shape.pictureHeight, width: batch.shape.pictureWidth };
  const grid = gridExtent(picture, resnet.depths.length);
  const [, numPairs = 0] = totals;
  const drawn = Array.from({ length: dictionary.codes }, (_, code) => {
    const random = new RandomStream(seed, step, code, RESTART_DRAWS);
    const place = batch.pictureOfPair[random.nextInt(numPairs) - firstPair];
    if (place === undefined) return { cell: 0, isOwn: 0 };
    const within = { height: batch.validHeights[place] ?? 0, width: batch.validWidths[place] ?? 0 };
    const row = random.nextInt(numValidCells(within.height, picture.height, grid.height));
    const column = random.nextInt(numValidCells(within.width, picture.width, grid.width));
    return { cell: (place * grid.height + row) * grid.width + column, isOwn: 1 };
  });
  return {
    restartPlaces: tf.tensor1d(
      drawn.map(({ cell }) => cell),
      "int32",
    ),
    restartIsOwn: tf.tensor1d(drawn.map(({ isOwn }) => isOwn)),
  };
}

/** Sets these draws apart from those of the masks. */
const RESTART_DRAWS = 1;

/** A number in [0, 1) that float32 does not round up to 1. */
function roundedDown(uniform: number): number {
  return Math.floor(uniform * 2 ** 24) / 2 ** 24;
}

function restartDraws(batch: NamedTensors): SohoRun["restarts"] {
  const { restartIsOwn, restartPlaces } = batch;
  if (!restartPlaces || !restartIsOwn) return undefined;
  return { places: vector(restartPlaces), isOwn: vector(restartIsOwn) };
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
        restarts: restartDraws(call.batch),
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
