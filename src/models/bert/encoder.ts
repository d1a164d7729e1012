import * as tf from "@tensorflow/tfjs-core";
import { BERT_NORM_EPSILON, gelu, layerNorm, linear } from "../layers.ts";
import { tensor3 } from "../ranks.ts";
import { linearSpecs, normSpecs, type Weights, type WeightSpec } from "../weights.ts";
import { selfAttention, type EncoderInput, type LayerInput } from "./attention.ts";
import type { BertConfig } from "./config.ts";

// B batch, N tokens of the joint sequence, D hidden size

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
