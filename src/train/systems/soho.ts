import type * as tf from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../../models/pair-model.ts";
import { dictionaryNames } from "../../models/dictionary/dictionary.ts";
import { dictionaryUsage, usageText } from "../../models/dictionary/usage.ts";
import { matrix, vector } from "../../models/ranks.ts";
import { partNames } from "../../models/resnet/config.ts";
import { BACKBONE_PREFIX, sohoNames, type SohoConfig } from "../../models/soho/config.ts";
import type { SohoRun } from "../../models/soho/grid-encoder.ts";
import { nextSohoBuffers, statisticSpecs, stepStatistics } from "../../models/soho/statistics.ts";
import { sohoModel } from "../../models/soho/soho.ts";
import { weight, type Weights } from "../../models/weights.ts";
import { cosineFloor } from "../objectives/masked-visual.ts";
import { flatLayout, flatten, unflatten, type FlatLayout } from "../step/flat-weights.ts";
import type { SohoRecipe } from "../recipes/soho-recipe.ts";
import { sohoDeviceBatch, sohoVariants } from "../soho/batch.ts";
import { sohoScales } from "./loss-scales.ts";
import { sohoLosses, sohoReadings } from "../soho/losses.ts";
import {
  croppedOnly,
  decaysByShape,
  type LossCall,
  type System,
  type SystemBatches,
  type SystemLosses,
} from "./system.ts";
import { batchCounts } from "../visual-parsing/batch.ts";

/** SOHO (Huang et al., CVPR 2021) as the trainer knows it. */
export function sohoSystem(recipe: SohoRecipe, vocabularySize: number): System {
  const config = sohoConfig(recipe, vocabularySize);
  const layout = flatLayout(statisticSpecs(config));
  return {
    model: sohoModel(config),
    visualPrefix: BACKBONE_PREFIX,
    scales: sohoScales(recipe),
    decays: decaysOf(config),
    counts: batchCounts,
    deviceBatch: (batch, context) => sohoDeviceBatch(batch, { ...context, recipe }),
    readings: () => sohoReadings,
    losses: (call) => lossesOf(call, { config, recipe, layout }),
    nextBuffers: (buffers, statistics) =>
      nextSohoBuffers(buffers, config, unflatten(layout, statistics)),
    notices: (buffers) => noticesOf(buffers, config),
    batches: batchesOf(recipe),
  };
}

function noticesOf(buffers: Weights, { dictionary, switches }: SohoConfig): string[] {
  const state = (name: string): tf.Tensor => weight(buffers, sohoNames.dictionary + name);
  const usage = dictionaryUsage({
    codes: matrix(state(dictionaryNames.codes)),
    idleSteps: vector(state(dictionaryNames.idleSteps)),
  });
  const floor = cosineFloor(dictionary.codes).toFixed(3);
  return [
    usageText(usage),
    ...(switches.mvmLogits === "cosine"
      ? [`mvm by cosine, which has no temperature, cannot fall below ${floor}`]
      : []),
  ];
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
        freezesBackbone: call.variant === sohoVariants.frozen,
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
    augment: croppedOnly(data),
    mlmProbability: data.mlmProbability,
    predictedPairs: switches.predictedPairs,
  };
}
