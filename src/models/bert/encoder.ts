import type * as tf from "@tensorflow/tfjs-core";
import type { Dropout } from "../dropout.ts";
import { tensor3, tensor4 } from "../ranks.ts";
import { recomputed, type ModelPart } from "../recompute.ts";
import type { Weights, WeightSpec } from "../weights.ts";
import type { BertConfig } from "./config.ts";
import { encoderLayer, layerSpecs, nextDrops, type LayerInput, type LayerOutput } from "./layer.ts";

// B batch, N tokens of the joint sequence, D hidden size, H heads

export interface EncoderInput {
  /** [B, N, D] */
  readonly tokens: tf.Tensor3D;
  /** [B, 1, 1, N], of `attentionBias`. */
  readonly bias: tf.Tensor4D;
  readonly dropout: Dropout;
}

export function encoderSpecs(config: BertConfig): WeightSpec[] {
  return layerNames(config).flatMap((layer) => layerSpecs(layer, config));
}

/** The stack of self-attention and feed-forward layers: [B, N, D] to [B, N, D]. */
export function encode(weights: Weights, config: BertConfig, input: EncoderInput): tf.Tensor3D {
  const { bias, dropout } = input;
  let { tokens } = input;
  for (const layer of layerNames(config)) {
    const layerInput = { heads: config.heads, tokens, bias, drops: nextDrops(dropout) };
    tokens = config.recompute
      ? recomputedLayer(weights, layer, { ...layerInput, specs: layerSpecs(layer, config) })
      : encoderLayer(weights, layer, layerInput).tokens;
  }
  return tokens;
}

/** The output and the attention of each layer, first to last; nothing is recomputed. */
export function encodeLayers(
  weights: Weights,
  config: BertConfig,
  input: EncoderInput,
): LayerOutput[] {
  const { bias, dropout } = input;
  const outputs: LayerOutput[] = [];
  for (const layer of layerNames(config)) {
    const tokens = outputs.at(-1)?.tokens ?? input.tokens;
    const drops = nextDrops(dropout);
    outputs.push(encoderLayer(weights, layer, { heads: config.heads, tokens, bias, drops }));
  }
  return outputs;
}

function layerNames({ layers }: BertConfig): string[] {
  return Array.from({ length: layers }, (_, index) => `encoder.layer.${index}`);
}

function recomputedLayer(
  weights: Weights,
  layer: string,
  input: LayerInput & { readonly specs: readonly WeightSpec[] },
): tf.Tensor3D {
  const { bias, drops, heads, specs, tokens } = input;
  const part: ModelPart = {
    weights: specs.map(({ name }) => name),
    constants: [bias],
    run: (x, named, [mask]) => {
      if (mask === undefined) throw new RangeError("a layer takes a mask");
      const again = { heads, drops, tokens: tensor3(x), bias: tensor4(mask) };
      return encoderLayer(named, layer, again).tokens;
    },
  };
  return tensor3(recomputed(weights, part, tokens));
}
