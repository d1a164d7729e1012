import * as tf from "@tensorflow/tfjs-core";
import { stopGradient } from "../../models/layers.ts";
import { type NamedTensors, type PairModel, tensorNamed } from "../../models/pair-model.ts";
import { matrix, tensor3, vector } from "../../models/ranks.ts";
import { taskLogits, type TaskModel, taskScores } from "../../models/tasks/task-model.ts";
import { gatherRows } from "../../tensor/gather.ts";
import { tripletMeans } from "../objectives/ranking.ts";
import { softTargetSums } from "../objectives/soft-targets.ts";
import type { LossCall, SystemLosses } from "../systems/system.ts";
import type { HeadedTask, RetrievalTask } from "./task.ts";

// S samples, B rows of text, C classes, t texts of a picture

/** What a step of a task tells beside its loss: how much of the batch is told right. */
export const taskReadings: readonly string[] = ["accuracy"];

/** What a batch's samples are told of, and what is right. */
interface Told {
  /** What the answer is the highest of, [S, C]. */
  readonly scores: tf.Tensor2D;
  /** 1 for the right class, or each answer's target, [S, C]. */
  readonly truth: tf.Tensor2D;
  /** The loss of each sample, [S]. */
  readonly losses: tf.Tensor;
}

/** A rank's part of the losses of a task with a head of its own. */
export function headedLosses(
  { batch, dropout, weights }: LossCall,
  parts: { readonly model: PairModel; readonly task: HeadedTask; readonly taskModel: TaskModel },
): SystemLosses {
  const { model, task, taskModel } = parts;
  const logits = taskLogits(
    weights,
    { model, task: taskModel },
    { ...rowsOf(batch), pictures: model.embed(weights, batch), view: task.sees, dropout },
  );
  const scores = taskScores(taskModel, logits);
  const truth = truthOf(batch, scores.shape[1]);
  const losses = lossesOf(task, { logits, truth });
  const isSummed = task.kind === "refcoco" && task.scale === "sum";
  return ownPart({ scores, truth, losses }, batch, isSummed ? "sum" : "mean");
}

/** A rank's part of the losses of retrieval: a score is the logit of "matched" less that of "unmatched". */
export function retrievalLosses(
  { batch, dropout, weights }: LossCall,
  { model, task }: { readonly model: PairModel; readonly task: RetrievalTask },
): SystemLosses {
  const { pictureOfPair, ...rows } = rowsOf(batch);
  const { mask, tokens } = model.embed(weights, batch);
  const visual = {
    tokens: tensor3(gatherRows(tokens, pictureOfPair)),
    mask: matrix(gatherRows(mask, pictureOfPair)),
  };
  const logits = model.matchingLogits(weights, model.fuse(weights, { ...rows, visual, dropout }));
  const [unmatched, matched] = tf.split(logits, 2, 1);
  if (!unmatched || !matched) throw new RangeError("the matching head has two logits");
  const scores: tf.Tensor2D = tf.reshape(tf.sub(matched, unmatched), [-1, task.texts]);
  const [samples] = scores.shape;
  // A picture's own text is its first one.
  const own = tf.oneHot(vector(tf.zeros([samples], "int32")), task.texts, 1, 0, "float32");
  const truth = matrix(own);
  return ownPart({ scores, truth, losses: rankingLosses(task, scores, truth) }, batch, "mean");
}

function rowsOf(batch: NamedTensors): {
  readonly tokenIds: tf.Tensor2D;
  readonly tokenMask: tf.Tensor2D;
  readonly pictureOfPair: tf.Tensor1D;
} {
  return {
    tokenIds: matrix(tensorNamed(batch, "tokenIds")),
    tokenMask: matrix(tensorNamed(batch, "tokenMask")),
    pictureOfPair: vector(tensorNamed(batch, "pictureOfPair")),
  };
}

function truthOf(batch: NamedTensors, numClasses: number): tf.Tensor2D {
  const { targets } = batch;
  if (targets !== undefined) return matrix(targets);
  const labels = vector(tensorNamed(batch, "labels"));
  return matrix(tf.oneHot(labels, numClasses, 1, 0, "float32"));
}

function lossesOf(
  task: HeadedTask,
  { logits, truth }: { readonly logits: tf.Tensor2D; readonly truth: tf.Tensor2D },
): tf.Tensor {
  switch (task.kind) {
    case "vqa":
      return softTargetSums(logits, truth);
    case "snli-ve":
      return task.loss === "soft-targets"
        ? softTargetSums(logits, truth)
        : crossEntropies(logits, truth);
    case "nlvr2":
    case "refcoco":
      return crossEntropies(logits, truth);
    case "vcr": {
      // Right or wrong, of each choice (UNITER, A.2).
      const isRight = tf.reshape(truth, [-1, 1]); // [B, 1]
      const sides = matrix(tf.concat([tf.sub(1, isRight), isRight], 1));
      const ofChoices = tf.reshape(crossEntropies(logits, sides), truth.shape);
      return tf.mean(ofChoices, 1);
    }
  }
}

function rankingLosses(
  { loss }: RetrievalTask,
  scores: tf.Tensor2D,
  truth: tf.Tensor2D,
): tf.Tensor {
  switch (loss) {
    // The softmax of two logits is the sigmoid of their difference.
    case "binary":
      return tf.div(softTargetSums(scores, truth), scores.shape[1]);
    case "cross-entropy":
      return crossEntropies(scores, truth);
    case "triplet":
      return tripletMeans(scores);
  }
}

/** Minus log p of the right class of each row, [S, C] to [S]. */
function crossEntropies(logits: tf.Tensor2D, truth: tf.Tensor2D): tf.Tensor1D {
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), truth), 1));
}

/** Over all ranks these add up to the global batch's mean, or sum, over samples that are no padding. */
function ownPart(
  { losses, scores, truth }: Told,
  batch: NamedTensors,
  scale: "mean" | "sum",
): SystemLosses {
  const real = vector(tensorNamed(batch, "real"));
  const [share] = tf.unstack(tensorNamed(batch, "shares"));
  if (share === undefined) throw new RangeError("a task's losses are means over its samples");
  const part = (ofSamples: tf.Tensor): tf.Scalar =>
    tf.mul(tf.div(tf.sum(tf.mul(ofSamples, real)), tf.maximum(tf.sum(real), 1)), share);
  const chosen = tf.argMax(stopGradient(scores), 1);
  const picked = tf.oneHot(vector(chosen), scores.shape[1], 1, 0, "float32");
  const right = tf.sum(tf.mul(picked, truth), 1); // [S]
  const total: tf.Scalar = scale === "mean" ? part(losses) : tf.sum(tf.mul(losses, real));
  return { total, readings: [part(right)] };
}
