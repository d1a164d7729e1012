import * as tf from "@tensorflow/tfjs-core";
import { BERT_NORM_EPSILON, gelu, layerNorm, linear, linearWithoutBias } from "../layers.ts";
import { matrix } from "../ranks.ts";
import { linearSpecs, normSpecs, weight, type Weights, type WeightSpec } from "../weights.ts";
import type { BertConfig } from "./config.ts";

// M chosen tokens, D hidden size, V vocabulary

/** A head of Masked Language Modelling whose decoder is tied to the word embeddings. */
export interface LanguageHead {
  /** What its weights' names begin with. */
  readonly name: string;
  /** Linear layer, GELU and norm before the decoder (BERT, UNITER); Visual Parsing and SOHO have none. */
  readonly hasTransform: boolean;
  /** A number for each word, added to its logit; SOHO has none. */
  readonly hasBias: boolean;
}

/** BERT's own, with transformers' names. */
export const bertLanguageHead: LanguageHead = {
  name: "cls.predictions",
  hasTransform: true,
  hasBias: true,
};

export function languageHeadSpecs(config: BertConfig, head: LanguageHead): WeightSpec[] {
  const { hiddenSize, vocabularySize } = config;
  const { hasBias, hasTransform, name } = head;
  const bias: WeightSpec = {
    name: `${name}.bias`,
    shape: [vocabularySize],
    initialisation: "zeros",
  };
  const transform = [
    ...linearSpecs(`${name}.transform.dense`, hiddenSize, hiddenSize),
    ...normSpecs(`${name}.transform.LayerNorm`, hiddenSize),
  ];
  return [...(hasBias ? [bias] : []), ...(hasTransform ? transform : [])];
}

/** Logits over the vocabulary of chosen token states, [M, D] to [M, V]. */
export function languageHeadLogits(
  weights: Weights,
  head: LanguageHead,
  chosen: tf.Tensor2D,
): tf.Tensor2D {
  const states = head.hasTransform ? transformed(weights, head, chosen) : chosen;
  const logits = linearWithoutBias(weight(weights, "embeddings.word_embeddings.weight"), states);
  return matrix(head.hasBias ? tf.add(logits, weight(weights, `${head.name}.bias`)) : logits);
}

function transformed(weights: Weights, { name }: LanguageHead, chosen: tf.Tensor2D): tf.Tensor {
  const hidden = gelu(linear(weights, `${name}.transform.dense`, chosen));
  return layerNorm(weights, hidden, {
    name: `${name}.transform.LayerNorm`,
    epsilon: BERT_NORM_EPSILON,
  });
}
