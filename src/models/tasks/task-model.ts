import * as tf from "@tensorflow/tfjs-core";
import { gatherRows } from "../../tensor/gather.ts";
import { firstStates, pooled } from "../bert/pooler.ts";
import type { Dropout } from "../dropout.ts";
import {
  choiceHead,
  choiceLogits,
  choiceScores,
  referringHeadSpecs,
  referringLogits,
  type ReferringKind,
} from "../heads/choices.ts";
import { answerHead, twoLayerHeadSpecs, twoLayerLogits } from "../heads/classifier.ts";
import {
  biattentionLogits,
  pairLogits,
  picturePairHeadSpecs,
  type PicturePairKind,
  tripletLogits,
} from "../heads/picture-pairs.ts";
import { linear } from "../layers.ts";
import type { FusionOutput, PairModel, VisualTokens } from "../pair-model.ts";
import { matrix, tensor3 } from "../ranks.ts";
import { linearSpecs, weight, type Weights, type WeightSpec } from "../weights.ts";

// S samples, B rows of text (S, or 4 S with choices), P pictures (S, or 2 S), n text tokens, m visual tokens, D hidden
// size, C answers, labels, choices or regions

/** What a fine-tuned model tells of a text and its picture or pictures, and by which head. */
export type TaskHead =
  | { readonly kind: "answers"; readonly layers: 1 | 2; readonly numAnswers: number }
  | { readonly kind: "picture-pair"; readonly head: PicturePairKind }
  | { readonly kind: "choices" }
  | { readonly kind: "regions"; readonly head: ReferringKind };

/** What is shown of a sample: all, or one side alone, which is what a task's blind control sees. */
export const taskViews = ["both", "text", "picture"] as const;
export type TaskView = (typeof taskViews)[number];

/** A task's head on one of the systems' models. */
export interface TaskModel {
  readonly head: TaskHead;
  readonly hiddenSize: number;
  /** Of the Transformer's attention, and of the head's. */
  readonly heads: number;
  /** Whether a pair's vector is the pooler's tanh(W h) of [CLS] (UNITER), or its state as it is. */
  readonly reads: "pooled" | "first";
}

export interface TaskInput {
  /** [B, n] */
  readonly tokenIds: tf.Tensor2D;
  /** [B, n], 1 = real, 0 = pad */
  readonly tokenMask: tf.Tensor2D;
  /** Of the pictures, [P, m, D]; the two of a pair are neighbours. */
  readonly pictures: VisualTokens;
  /** [B], the row of a text's first picture. */
  readonly pictureOfPair: tf.Tensor1D;
  readonly view: TaskView;
  readonly dropout: Dropout;
}

/** One linear layer from [CLS] to the labels (Visual Parsing and SOHO, SNLI-VE). */
const LABEL_HEAD = "label_output";

/**
 * A vector for each of two pictures, added to their embedded tokens: they stand for the token types 1 and 2 of UNITER's
 * released code. Zeros at the start, so that both begin as the one picture of pre-training.
 */
const PICTURE_TYPES = "picture_types";

/** The weights that a task adds to a model's. */
export function taskSpecs({ head, hiddenSize }: TaskModel): WeightSpec[] {
  switch (head.kind) {
    case "answers":
      return head.layers === 1
        ? linearSpecs(LABEL_HEAD, hiddenSize, head.numAnswers)
        : twoLayerHeadSpecs(answerHead(hiddenSize, head.numAnswers));
    case "picture-pair":
      return [
        { name: PICTURE_TYPES, shape: [2, hiddenSize], initialisation: "zeros" },
        ...picturePairHeadSpecs(head.head, { hiddenSize }),
      ];
    case "choices":
      return twoLayerHeadSpecs(choiceHead(hiddenSize));
    case "regions":
      return referringHeadSpecs(head.head, hiddenSize);
  }
}

/** Logits of a task: [S, C]; of choices (wrong, right) of each, [B, 2]. */
export function taskLogits(
  weights: Weights,
  { model, task }: { readonly model: PairModel; readonly task: TaskModel },
  input: TaskInput,
): tf.Tensor2D {
  const { dropout } = input;
  const { head, heads } = task;
  const sequences =
    head.kind === "picture-pair" ? pairedSequences(weights, head.head, input) : single(input);
  const output = model.fuse(weights, { ...sequences, dropout });
  const pairs = (): tf.Tensor2D =>
    task.reads === "pooled" ? pooled(weights, output.text) : firstStates(output.text);
  switch (head.kind) {
    case "answers":
      return head.layers === 1
        ? matrix(linear(weights, LABEL_HEAD, pairs()))
        : twoLayerLogits(weights, answerHead(task.hiddenSize, head.numAnswers), pairs());
    case "choices":
      return choiceLogits(weights, pairs());
    case "regions": {
      const regions = { states: output.visual, mask: sequences.visual.mask };
      return referringLogits(weights, head.head, regions);
    }
    case "picture-pair":
      if (head.head === "pair") return pairLogits(weights, pairs());
      if (head.head === "triplet") return tripletLogits(weights, pairs());
      return biattentionLogits(weights, { ...joined(output, sequences), heads, dropout });
  }
}

/** What the answer is the highest of, [S, C], from `taskLogits`. */
export function taskScores({ head }: TaskModel, logits: tf.Tensor2D): tf.Tensor2D {
  return head.kind === "choices" ? choiceScores(logits) : logits;
}

interface Sequences {
  readonly tokenIds: tf.Tensor2D;
  readonly tokenMask: tf.Tensor2D;
  readonly visual: VisualTokens;
}

/** Each text beside its picture. */
function single({ pictureOfPair, pictures, tokenIds, tokenMask, view }: TaskInput): Sequences {
  const seen = shownPictures(pictures, view);
  const visual = {
    tokens: tensor3(gatherRows(seen.tokens, pictureOfPair)),
    mask: matrix(gatherRows(seen.mask, pictureOfPair)),
  };
  return { tokenIds, tokenMask: shownWords(tokenMask, view), visual };
}

/** Each text once beside both pictures, [S], or twice beside one each, [2 S], neighbours. */
function pairedSequences(weights: Weights, head: PicturePairKind, input: TaskInput): Sequences {
  const { pictures, tokenIds, view } = input;
  const [samples, length] = tokenIds.shape;
  const { mask, tokens } = shownPictures(pictures, view);
  const [, visualTokens, hiddenSize] = tokens.shape;
  const types = tf.reshape(weight(weights, PICTURE_TYPES), [1, 2, 1, hiddenSize]);
  const typed = tf.add(tf.reshape(tokens, [samples, 2, visualTokens, hiddenSize]), types);
  const tokenMask = shownWords(input.tokenMask, view);
  if (head === "triplet") {
    const visual = {
      tokens: tf.reshape<tf.Rank.R3>(typed, [samples, 2 * visualTokens, hiddenSize]),
      mask: tf.reshape<tf.Rank.R2>(mask, [samples, 2 * visualTokens]),
    };
    return { tokenIds, tokenMask, visual };
  }
  const twice = (x: tf.Tensor2D): tf.Tensor2D =>
    tf.reshape(tf.tile(tf.expandDims(x, 1), [1, 2, 1]), [2 * samples, length]);
  const shape: [number, number, number] = [2 * samples, visualTokens, hiddenSize];
  const visual = { tokens: tf.reshape<tf.Rank.R3>(typed, shape), mask };
  return { tokenIds: twice(tokenIds), tokenMask: twice(tokenMask), visual };
}

/** Words and visual tokens as one sequence each. */
function joined(
  { text, visual }: FusionOutput,
  { tokenMask, visual: shown }: Sequences,
): { readonly states: tf.Tensor3D; readonly mask: tf.Tensor2D } {
  return { states: tf.concat([text, visual], 1), mask: tf.concat([tokenMask, shown.mask], 1) };
}

/** Without its picture a text stands beside as many tokens of zeros. */
function shownPictures({ mask, tokens }: VisualTokens, view: TaskView): VisualTokens {
  return view === "text" ? { mask, tokens: tensor3(tf.mul(tokens, 0)) } : { mask, tokens };
}

/** Without its text a picture stands beside [CLS] alone. */
function shownWords(tokenMask: tf.Tensor2D, view: TaskView): tf.Tensor2D {
  if (view !== "picture") return tokenMask;
  const [rows, length] = tokenMask.shape;
  const first = tf.ones<tf.Rank.R2>([rows, 1], "int32");
  return length === 1 ? first : matrix(tf.pad(first, [[0, 0], [0, length - 1]])); // prettier-ignore
}
