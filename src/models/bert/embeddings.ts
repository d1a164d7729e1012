import * as tf from "@tensorflow/tfjs-core";
import { gatherRows } from "../../tensor/gather.ts";
import type { Dropout } from "../dropout.ts";
import { BERT_NORM_EPSILON, layerNorm } from "../layers.ts";
import { normSpecs, weight, type Weights, type WeightSpec } from "../weights.ts";
import type { BertConfig } from "./config.ts";
import { tokenTypeEmbedding } from "./token-types.ts";

// B batch, n text tokens, D hidden size

const WORDS = "embeddings.word_embeddings.weight";
const POSITIONS = "embeddings.position_embeddings.weight";

export interface TextInput {
  /** [B, n] */
  readonly tokenIds: tf.Tensor2D;
  /** Rows of the token-type table, [B, n], or one row for all tokens; nothing is added when left out. */
  readonly tokenTypes?: tf.Tensor2D | number;
  readonly dropout: Dropout;
}

export function embeddingSpecs(config: BertConfig): WeightSpec[] {
  const table = (name: string, rows: number): WeightSpec => ({
    name: `embeddings.${name}.weight`,
    shape: [rows, config.hiddenSize],
    initialisation: "truncated-normal",
  });
  return [
    table("word_embeddings", config.vocabularySize),
    table("position_embeddings", config.maxPositions),
    ...(config.tokenTypes > 0 ? [table("token_type_embeddings", config.tokenTypes)] : []),
    ...normSpecs("embeddings.LayerNorm", config.hiddenSize),
  ];
}

/** Word plus position plus token type, normalised: ids [B, n] to [B, n, D]. */
export function embedText(weights: Weights, input: TextInput): tf.Tensor3D {
  const { dropout, tokenIds, tokenTypes } = input;
  const [batch, length] = tokenIds.shape;
  const table = weight(weights, WORDS);
  const hiddenSize = table.shape[1] ?? 0;
  const words = tf.reshape(gatherRows(table, tf.reshape(tokenIds, [-1])), [
    batch,
    length,
    hiddenSize,
  ]);
  const placed = tf.add(words, tf.slice(weight(weights, POSITIONS), 0, length));
  const sum =
    tokenTypes === undefined ? placed : tf.add(placed, tokenTypeEmbedding(weights, tokenTypes));
  const normalised = layerNorm(weights, sum, {
    name: "embeddings.LayerNorm",
    epsilon: BERT_NORM_EPSILON,
  });
  return tf.reshape(dropout()(normalised), [batch, length, hiddenSize]);
}
