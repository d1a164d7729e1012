import type { BatchingOptions, PairingOptions } from "../../loader/options.ts";
import type { BatchTask } from "../../loader/tasks.ts";
import type { UniterConfig } from "../../models/uniter/config.ts";
import { uniterModel } from "../../models/uniter/uniter.ts";
import type { WeightSpec } from "../../models/weights.ts";
import { type UniterRecipe, type UniterTask, uniterTasks } from "../recipes/uniter-recipe.ts";
import { decaysByShape, type System, type SystemBatches } from "./system.ts";
import { uniterBatch, uniterCounts } from "../uniter/batch.ts";
import { uniterLosses, uniterReadings } from "../uniter/losses.ts";
import { uniterLossScales } from "../uniter/loss-scales.ts";

/** What stands for UNITER's picture encoder: its regions come from a detector that is not trained. */
const IMAGE_EMBEDDING = "img_embeddings.";

/** The number of samples in a token-bucket batch is a multiple of this (UNITER's released code). */
const BATCH_MULTIPLE = 8;

/** Lengths are counted as rounded up to this, so that a run compiles a dozen shapes of batches and not hundreds. */
const LENGTH_MULTIPLE = 16;

/** UNITER (Chen et al., ECCV 2020) as the trainer knows it. */
export function uniterSystem(recipe: UniterRecipe, vocabularySize: number): System {
  const { objectives, switches } = recipe;
  const config = uniterConfigOf(recipe, vocabularySize);
  return {
    model: uniterModel(config),
    visualPrefix: IMAGE_EMBEDDING,
    // The alignment's factor is its weight.
    scales: uniterLossScales(config, objectives).map((scale) =>
      scale.loss === "wra"
        ? { ...scale, factor: 1, weight: scale.factor }
        : { ...scale, weight: 1 },
    ),
    decays: switches.decayedNorms ? decaysByReleasedName : decaysByShape,
    counts: uniterCounts,
    deviceBatch: (batch, context) => uniterBatch(batch, context, objectives),
    readings: (variant) => uniterReadings[taskNamed(variant)],
    losses: ({ batch, dropout, variant, weights }) =>
      uniterLosses(taskNamed(variant), weights, { config, objectives, batch, dropout }),
    batches: batchesOf(recipe),
  };
}

/** The model of a recipe with a vocabulary of this size. */
export function uniterConfigOf(recipe: UniterRecipe, vocabularySize: number): UniterConfig {
  const { model, switches } = recipe;
  const { regionClasses, regionFeatures, transformer } = model;
  return {
    transformer: { ...transformer, vocabularySize },
    regionClasses,
    regionFeatures,
    switches,
  };
}

/** UNITER's released code spares by name: biases, and norms that are called "LayerNorm"; the others' weights decay. */
function decaysByReleasedName({ name }: WeightSpec): boolean {
  return !name.includes("bias") && !name.includes("LayerNorm.weight");
}

function taskNamed(variant: string): UniterTask {
  const task = uniterTasks.find((name) => name === variant);
  if (task === undefined) throw new RangeError(`UNITER has no task "${variant}"`);
  return task;
}

function batchesOf(recipe: UniterRecipe): SystemBatches {
  const { data, model, objectives } = recipe;
  return {
    batching: batchingOf(recipe),
    grouping: "none",
    // In the tasks' places.
    pairing: matchedPairs,
    mlmProbability: data.mlmProbability,
    mlmRules: { selection: "at-least-first-word", randomIds: "words" },
    tasks: uniterTasks
      .filter((task) => objectives.ratios[task] > 0)
      .map((task) => loaderTask(task, recipe)),
    taskGroup: data.taskGroup,
    letterCase: data.letterCase,
    text: { maxTokens: data.maxTextTokens, longer: "drop" },
    pictures: { kind: "none" },
    regions: {
      maxRegions: data.maxRegions,
      numFeatures: model.regionFeatures,
      numClasses: objectives.ratios.mrc + objectives.ratios["mrc-kl"] > 0 ? model.regionClasses : 0,
    },
    augment: { crop: "none", flip: "never", randAugment: null },
  };
}

function batchingOf({ data }: UniterRecipe): BatchingOptions {
  const { bucketSize, picturesPerBatch, tokensPerBatch } = data;
  if (tokensPerBatch === null) return { kind: "pictures", picturesPerBatch };
  return {
    kind: "tokens",
    maxTokens: tokensPerBatch,
    multipleOf: BATCH_MULTIPLE,
    bucketSize,
    tokensPerPicture: "regions",
    lengthMultiple: LENGTH_MULTIPLE,
  };
}

const matchedPairs: PairingOptions = { kind: "bernoulli", probability: 0, replace: "picture" };

/** What the loader does for a task: matching draws unmatched pairs and masks nothing, the others mask matched pairs. */
function loaderTask(task: UniterTask, { data, objectives, switches }: UniterRecipe): BatchTask {
  const isJoint = data.masking === "joint";
  const ratio = objectives.ratios[task];
  if (task === "itm") {
    const probability = data.unmatchedProbability;
    return {
      name: task,
      ratio,
      pairing: { kind: "bernoulli", probability, replace: switches.replacedSide },
      mlmProbability: 0,
      regionMaskProbability: 0,
    };
  }
  return {
    name: task,
    ratio,
    pairing: matchedPairs,
    mlmProbability: task === "mlm" || isJoint ? data.mlmProbability : 0,
    regionMaskProbability: task !== "mlm" || isJoint ? data.regionMaskProbability : 0,
  };
}
