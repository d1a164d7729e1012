import * as tf from "@tensorflow/tfjs-core";
import { gatherRows } from "../tensor/gather.ts";
import { BERT_NORM_EPSILON, gelu, layerNorm, linear } from "./layers.ts";
import { tensor3 } from "./ranks.ts";
import { linearSpecs, normSpecs, weight, type Weights, type WeightSpec } from "./weights.ts";

// B batch, n text tokens, N tokens of the joint sequence, D hidden size, H heads

/** A BERT encoder (Devlin et al. 2019); weights carry the names of the transformers library. */
export interface BertConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly maxPositions: number;
  readonly dropout: number;
}

/** Drops each element with the model's probability; the identity in evaluation. Each call draws anew. */
export type Dropout = (x: tf.Tensor) => tf.Tensor;

export const noDropout: Dropout = (x) => x;

/** What is added to the attention logits of pads, as in BERT's code. */
const PAD_LOGIT = -10_000;

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

export function encoderSpecs(config: BertConfig): WeightSpec[] {
  const { hiddenSize, intermediateSize } = config;
  return Array.from({ length: config.layers }, (_, index) => `encoder.layer.${index}`).flatMap(
    (layer) => [
      ...linearSpecs(`${layer}.attention.self.query`, hiddenSize, hiddenSize),
      ...linearSpecs(`${layer}.attention.self.key`, hiddenSize, hiddenSize),
      ...linearSpecs(`${layer}.attention.self.value`, hiddenSize, hiddenSize),
      ...linearSpecs(`${layer}.attention.output.dense`, hiddenSize, hiddenSize),
      ...normSpecs(`${layer}.attention.output.LayerNorm`, hiddenSize),
      ...linearSpecs(`${layer}.intermediate.dense`, hiddenSize, intermediateSize),
      ...linearSpecs(`${layer}.output.dense`, intermediateSize, hiddenSize),
      ...normSpecs(`${layer}.output.LayerNorm`, hiddenSize),
    ],
  );
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

/** The additive attention mask of a sequence, [B, 1, 1, N], from its token mask [B, N] (1 = real, 0 = pad). */
export function attentionBias(tokenMask: tf.Tensor2D): tf.Tensor4D {
  const [batch, length] = tokenMask.shape;
  const pads = tf.sub(1, tf.cast(tokenMask, "float32"));
  return tf.reshape(tf.mul(pads, PAD_LOGIT), [batch, 1, 1, length]);
}

export interface EncoderInput {
  /** [B, N, D] */
  readonly tokens: tf.Tensor3D;
  /** [B, 1, 1, N], of `attentionBias`. */
  readonly bias: tf.Tensor4D;
  readonly dropout: Dropout;
}

/** The stack of self-attention and feed-forward layers: [B, N, D] to [B, N, D]. */
export function encode(weights: Weights, config: BertConfig, input: EncoderInput): tf.Tensor3D {
  let tokens = input.tokens;
  for (let index = 0; index < config.layers; index += 1) {
    tokens = encoderLayer(weights, `encoder.layer.${index}`, {
      ...input,
      tokens,
      heads: config.heads,
    });
  }
  return tokens;
}

interface LayerInput extends EncoderInput {
  readonly heads: number;
}

function encoderLayer(weights: Weights, layer: string, input: LayerInput): tf.Tensor3D {
  const norm = (x: tf.Tensor, name: string): tf.Tensor =>
    layerNorm(weights, x, { name: `${layer}.${name}.LayerNorm`, epsilon: BERT_NORM_EPSILON });
  const mixed = linear(
    weights,
    `${layer}.attention.output.dense`,
    selfAttention(weights, layer, input),
  );
  const attended = norm(tf.add(input.tokens, input.dropout(mixed)), "attention.output");
  const hidden = gelu(linear(weights, `${layer}.intermediate.dense`, attended));
  const output = input.dropout(linear(weights, `${layer}.output.dense`, hidden));
  return tensor3(norm(tf.add(attended, output), "output"));
}

function selfAttention(weights: Weights, layer: string, input: LayerInput): tf.Tensor {
  const [batch, length, hiddenSize] = input.tokens.shape;
  const depth = hiddenSize / input.heads;
  const names = ["query", "key", "value"].map((name) => `${layer}.attention.self.${name}`);
  // One product for the three projections: [B, N, 3 D]
  const joined = linear(
    {
      "qkv.weight": tf.concat(names.map((name) => weight(weights, `${name}.weight`))),
      "qkv.bias": tf.concat(names.map((name) => weight(weights, `${name}.bias`))),
    },
    "qkv",
    input.tokens,
  );
  const heads = tf.transpose(
    tf.reshape(joined, [batch, length, 3, input.heads, depth]),
    [2, 0, 3, 1, 4],
  );
  const [query, key, value] = tf.unstack(heads);
  if (query === undefined || key === undefined || value === undefined)
    throw new RangeError("qkv is one tensor of three");
  const logits = tf.matMul(tf.mul(query, depth ** -0.5), key, false, true);
  const attention = input.dropout(tf.softmax(tf.add(logits, input.bias))); // [B, H, N, N]
  return tf.reshape(tf.transpose(tf.matMul(attention, value), [0, 2, 1, 3]), [
    batch,
    length,
    hiddenSize,
  ]);
}
