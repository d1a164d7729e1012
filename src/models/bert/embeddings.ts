import * as tf from "@tensorflow/tfjs-core";
import { gatherRows } from "../../tensor/gather.ts";
import type { Dropout } from "../dropout.ts";
import { BERT_NORM_EPSILON, layerNorm } from "../layers.ts";
import { normSpecs, weight, type Weights, type WeightSpec } from "../weights.ts";
import type { BertConfig } from "./config.ts";

// B batch, n text tokens, D hidden size

export function embeddingSpecs(config: BertConfig): WeightSpec[] {
  const table = (name: string, rows: number): WeightSpec => ({
    name: `embeddings.${name}.weight`,
    shape: [rows, config.hiddenSize],
    initialisation: "truncated-normal",
  });
  return [
    table("word_embeddings", config.vocabularySize),
    table("position_embeddings", config.maxPositions),
    ...normSpecs("embeddings.LayerNorm", config.hiddenSize),
  ];
}

/** Word plus position embeddings, normalised: ids [B, n] to [B, n, D]. */
export function embedText(weights: Weights, tokenIds: tf.Tensor2D, dropout: Dropout): tf.Tensor3D {
  const [batch, length] = tokenIds.shape;
  const table = weight(weights, "embeddings.word_embeddings.weight");
  const hiddenSize = table.shape[1] ?? 0;
  const words = tf.reshape(gatherRows(table, tf.reshape(tokenIds, [-1])), [
    batch,
    length,
    hiddenSize,
  ]);
  const positions = tf.slice(weight(weights, "embeddings.position_embeddings.weight"), 0, length);
  const sum = tf.add(words, positions);
  const normalised = layerNorm(weights, sum, {
    name: "embeddings.LayerNorm",
    epsilon: BERT_NORM_EPSILON,
  });
  return tf.reshape(dropout(normalised), [batch, length, hiddenSize]);
}
