// The steps that are measured: the same maths, weights and batch for every contestant.
import * as tf from "@tensorflow/tfjs-core";
import { RandomStream } from "../../src/core/random.ts";
import { attentionBias } from "../../src/models/bert/attention.ts";
import type { BertConfig } from "../../src/models/bert/config.ts";
import { encode, encoderSpecs } from "../../src/models/bert/encoder.ts";
import { noDropout, wholeDepth } from "../../src/models/dropout.ts";
import { linear } from "../../src/models/layers.ts";
import { tensor3, tensor4, vector } from "../../src/models/ranks.ts";
import { swinTiny } from "../../src/models/swin/config.ts";
import { swinForward } from "../../src/models/swin/swin.ts";
import { swinSpecs } from "../../src/models/swin/specs.ts";
import { visualParsingSpecs } from "../../src/models/visual-parsing/visual-parsing.ts";
import { linearSpecs, type Weights, type WeightSpec } from "../../src/models/weights.ts";
import type { NamedTensor } from "../../src/tensor/weight-files/element-types.ts";
import { type RecipeOptimisation, usualOptimisation } from "../../src/train/recipes/recipe-base.ts";
import { recipeNamed } from "../../src/train/recipes/recipe-named.ts";
import { visualParsingConfig } from "../../src/train/recipes/visual-parsing-recipe.ts";
import { pretrainingLosses, visualParsingBatch } from "../../src/train/visual-parsing/losses.ts";
import { requireVisualParsing } from "../../test/train/tiny-run.ts";

/** A batch by name, in the order in which a step takes it. */
type CaseBatch = readonly NamedTensor[];

export interface StepCase {
  readonly title: string;
  readonly specs: readonly WeightSpec[];
  readonly initialScale: "published" | "fan-in";
  readonly batch: () => CaseBatch;
  readonly loss: (weights: Weights, batch: readonly tf.Tensor[]) => tf.Scalar;
}

const encoder = {
  vocabularySize: 0,
  hiddenSize: 384,
  layers: 6,
  heads: 6,
  intermediateSize: 1536,
  maxPositions: 160,
  tokenTypes: 0,
  dropout: 0,
  recompute: false,
};

const plainSwinTiny = { ...swinTiny, stochasticDepth: 0 };
const NUM_CLASSES = 1000;

const small = requireVisualParsing(recipeNamed("pretrain/visual-parsing-small"));
/** BERT's uncased vocabulary. */
const smallModel = visualParsingConfig(small, 30_522);
const [PAIRS, PICTURES, TEXT_TOKENS, VISUAL_TOKENS, PREDICTED] = [64, 16, 24, 49, 64];

export const stepCases: Readonly<Record<string, StepCase>> = {
  encoder: encoderCase("6 layers x 384, batch 8 x 160 tokens", encoder),
  recomputed: encoderCase("the same, each layer computed again in the backward pass", {
    ...encoder,
    recompute: true,
  }),
  swin: {
    title: "Swin-T 224, batch 4",
    specs: [...swinSpecs(plainSwinTiny), ...linearSpecs("head", 768, NUM_CLASSES)],
    initialScale: "published",
    batch: () => [floats("pictures", [4, 224, 224, 3]), whole("labels", [4], NUM_CLASSES)],
    loss: (weights, [pictures, labels]) => {
      const { tokens } = swinForward(weights, plainSwinTiny, {
        pixels: tensor4(given(pictures)),
        depth: wholeDepth,
      });
      const logits = linear(weights, "head", tf.mean(tokens, 1));
      const target = tf.oneHot(vector(given(labels)), NUM_CLASSES, 1, 0, "float32");
      return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), target), 1)));
    },
  },
  parsing: {
    title: "Visual Parsing, small recipe, 16 pictures of 112 px, 64 texts of 24 tokens",
    specs: visualParsingSpecs(smallModel),
    initialScale: "fan-in",
    batch: parsingBatch,
    loss: (weights, batch) => {
      const names = parsingBatch().map(({ name }) => name);
      const named = Object.fromEntries(batch.map((tensor, place) => [names[place] ?? "", tensor]));
      const tensors = visualParsingBatch({ ...named, shares: tf.ones([3]) });
      const { total } = pretrainingLosses(weights, tensors, {
        model: smallModel,
        objectives: small.objectives,
        dropout: noDropout,
        depth: wholeDepth,
      });
      return total;
    },
  },
};

function encoderCase(title: string, config: BertConfig): StepCase {
  return {
    title,
    specs: encoderSpecs(config),
    initialScale: "published",
    batch: () => [floats("tokens", [8, 160, 384]), floats("target", [8, 160, 384])],
    loss: (weights, [tokens, target]) => {
      const bias = attentionBias(tf.ones([8, 160], "int32"));
      const input = { tokens: tensor3(given(tokens)), bias, dropout: noDropout };
      return tf.mean(tf.squaredDifference(encode(weights, config, input), given(target)));
    },
  };
}

function parsingBatch(): CaseBatch {
  return [
    whole("pixels", [PICTURES, 112, 112, 3], 256),
    counted("pictureOfPair", PAIRS, (pair) => Math.floor(pair / 4)),
    whole("tokenIds", [PAIRS, TEXT_TOKENS], 30_522),
    filled("tokenMask", [PAIRS, TEXT_TOKENS], 1),
    counted("matched", PAIRS, (pair) => (pair % 4 < 2 ? 1 : 0)),
    counted("maskedRows", PREDICTED, (word) => word * TEXT_TOKENS + 3),
    whole("maskedLabels", [PREDICTED], 30_522),
    {
      name: "maskedWeights",
      dtype: "F32",
      shape: [PREDICTED],
      data: new Float32Array(PREDICTED).fill(1),
    },
    whole("pivots", [PAIRS], VISUAL_TOKENS),
  ];
}

/** The case called `name`; RangeError when there is none. */
export function caseNamed(name: string): StepCase {
  const found = stepCases[name];
  if (found === undefined)
    throw new RangeError(`the cases are ${Object.keys(stepCases).join(", ")}`);
  return found;
}

/** AdamW's constants in all cases; peer.py has the same. */
export const OPTIMISATION: RecipeOptimisation = {
  ...usualOptimisation,
  duration: { unit: "steps", length: 1 },
  visualLearningRate: 1e-3,
  transformerLearningRate: 1e-3,
  warmupSteps: 0,
  decay: "steps",
  milestones: [],
  decayFactor: 1,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-6,
  weightDecay: 0.01,
  clipNorm: 1,
};

function given(tensor: tf.Tensor | undefined): tf.Tensor {
  if (tensor === undefined) throw new RangeError("the batch lacks a tensor");
  return tensor;
}

function floats(name: string, shape: readonly number[]): NamedTensor {
  const random = streamOf(name);
  const data = Float32Array.from({ length: sizeOf(shape) }, () => random.nextGaussian());
  return { name, dtype: "F32", shape, data };
}

function whole(name: string, shape: readonly number[], end: number): NamedTensor {
  const random = streamOf(name);
  const data = Int32Array.from({ length: sizeOf(shape) }, () => random.nextInt(end));
  return { name, dtype: "I32", shape, data };
}

function filled(name: string, shape: readonly number[], value: number): NamedTensor {
  return { name, dtype: "I32", shape, data: new Int32Array(sizeOf(shape)).fill(value) };
}

function counted(name: string, length: number, valueOf: (index: number) => number): NamedTensor {
  const data = Int32Array.from({ length }, (_, index) => valueOf(index));
  return { name, dtype: "I32", shape: [length], data };
}

function streamOf(name: string): RandomStream {
  return new RandomStream(1, ...Array.from(name, (character) => character.charCodeAt(0)));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
