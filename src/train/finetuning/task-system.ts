import * as tf from "@tensorflow/tfjs-core";
import type { BatchingOptions } from "../../loader/options.ts";
import { picturesOf } from "../../loader/labelled/labelled-task.ts";
import { firstStates, pooled } from "../../models/bert/pooler.ts";
import { rankHeadOfMatching, rankHeadSpecs, rankLogits } from "../../models/heads/matching.ts";
import type { PairModel } from "../../models/pair-model.ts";
import { matrix } from "../../models/ranks.ts";
import { type TaskModel, taskSpecs } from "../../models/tasks/task-model.ts";
import type { TrainingRecipe } from "../recipe.ts";
import { ONLY_VARIANT, type System, type SystemBatches } from "../systems/system.ts";
import { taskCounts, taskDeviceBatch } from "./task-batch.ts";
import { headedLosses, retrievalLosses, taskReadings } from "./task-losses.ts";
import {
  type FineTuningTask,
  type HeadedTask,
  labelledTaskOf,
  taskHeadOf,
  taskName,
} from "./task.ts";

/** A recipe's task head on its system's model. */
export function taskModelOf(recipe: TrainingRecipe, task: HeadedTask): TaskModel {
  const { heads, hiddenSize } = recipe.model.transformer;
  return { head: taskHeadOf(task), heads, hiddenSize, reads: readsOf(recipe) };
}

/** UNITER's tasks read the pooler, whatever its matching does. */
function readsOf({ system }: TrainingRecipe): TaskModel["reads"] {
  return system === "uniter" ? "pooled" : "first";
}

/**
 * A system that is fine-tuned for a task: its model as it is evaluated (a CNN's running statistics and SOHO's dictionary
 * stay as pre-training left them, of which the papers say nothing) with the task's head. The heads of pre-training stay
 * in the model, and where the task does not read them, as they were.
 */
export function taskSystem(
  base: System,
  { recipe, task }: { readonly recipe: TrainingRecipe; readonly task: FineTuningTask },
): System {
  const { model } = base;
  const shared = {
    visualPrefix: base.visualPrefix,
    counts: taskCounts,
    deviceBatch: (batch, context) => ({
      variant: ONLY_VARIANT,
      tensors: taskDeviceBatch(batch, { ...context, model }),
    }),
    readings: () => taskReadings,
    scales: [
      {
        loss: taskName(task),
        weight: 1,
        factor: 1,
        computed: "the task's loss of a sample",
        published: "the same",
      },
    ],
    batches: taskBatches(base.batches, recipe, task),
  } satisfies Partial<System>;
  if (task.kind === "retrieval") {
    const isRanked = task.head === "rank";
    const scoring = isRanked ? rankingModel(model, recipe) : model;
    return {
      ...shared,
      model: scoring,
      ...(isRanked && { derivedStart: rankHeadOfMatching }),
      decays: ({ name, ...spec }) =>
        !isUnread(name, isRanked ? [] : matchingHeads) && base.decays({ name, ...spec }),
      losses: (call) =>
        retrievalLosses(
          { ...call, weights: { ...call.weights, ...call.buffers } },
          { model: scoring, task },
        ),
    };
  }
  const taskModel = taskModelOf(recipe, task);
  return {
    ...shared,
    model: { ...model, specs: [...model.specs, ...taskSpecs(taskModel)] },
    decays: (spec) => !isUnread(spec.name, []) && base.decays(spec),
    losses: (call) =>
      headedLosses(
        { ...call, weights: { ...call.weights, ...call.buffers } },
        { model, task, taskModel },
      ),
  };
}

/** A model whose matching logits are (0, s) of the rank head. */
function rankingModel(model: PairModel, recipe: TrainingRecipe): PairModel {
  const { hiddenSize } = recipe.model.transformer;
  return {
    ...model,
    specs: [...model.specs, ...rankHeadSpecs(hiddenSize)],
    matchingLogits: (weights, { text }) => {
      const pairs = readsOf(recipe) === "pooled" ? pooled(weights, text) : firstStates(text);
      const scores = rankLogits(weights, pairs);
      return matrix(tf.stack([tf.zerosLike(scores), scores], 1));
    },
  };
}

/** What the names of pre-training's heads begin with: no gradient reaches them unless a task reads them. */
const pretrainingHeads: readonly string[] = [
  "feat_regress.",
  "head.match_class.",
  "itm_head.",
  "mfr_head.",
  "mlm_head.",
  "region_classifier.",
];

const matchingHeads: readonly string[] = ["head.match_class.", "itm_head."];

function isUnread(name: string, read: readonly string[]): boolean {
  return pretrainingHeads.some((head) => name.startsWith(head) && !read.includes(head));
}

/** Texts whole and unmasked beside whole pictures, as the system shows them. */
function taskBatches(
  { grouping, letterCase, pictures, regions, text, ...base }: SystemBatches,
  { data }: TrainingRecipe,
  task: FineTuningTask,
): SystemBatches {
  const shown = {
    pictures,
    text: { maxTokens: text.maxTokens, longer: "cut" },
    augment: { crop: "none", flip: "never", randAugment: null },
    mlmProbability: 0,
    // Classes are for the objectives of pre-training.
    ...(regions !== undefined && {
      regions: regions === "none" ? regions : { ...regions, numClasses: 0 },
    }),
    ...(letterCase !== undefined && { letterCase }),
  } as const;
  const { picturesPerBatch } = data;
  if (task.kind === "retrieval") {
    return {
      ...shown,
      grouping,
      batching: { kind: "pictures", picturesPerBatch },
      pairing: { kind: "matched-unmatched", matched: 1, unmatched: task.texts - 1 },
    };
  }
  const labelled = labelledTaskOf(task);
  const texts: BatchingOptions = { kind: "texts", textsPerBatch: picturesPerBatch };
  return {
    ...shown,
    // Two pictures need not lie alike.
    grouping: picturesOf(labelled) === 2 ? "none" : grouping,
    batching: base.batching.kind === "tokens" ? base.batching : texts,
    pairing: { kind: "labelled", task: labelled },
  };
}
