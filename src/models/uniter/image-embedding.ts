import * as tf from "@tensorflow/tfjs-core";
import { INPUT_PROJECTION } from "../heads/regions.ts";
import { BERT_NORM_EPSILON, layerNorm, linear } from "../layers.ts";
import { tensor3 } from "../ranks.ts";
import { linearSpecs, normSpecs, weight, type Weights, type WeightSpec } from "../weights.ts";
import { NUMBERS_OF_A_REGION } from "./boxes.ts";
import type { UniterSwitches } from "./switches.ts";

// P pictures, R regions, F features of a region, D hidden size

const PREFIX = "img_embeddings";
const MASK_TABLE = `${PREFIX}.mask_embedding.weight`;

/** UNITER's token types: the table's row of regions; words have row 0. */
const REGION_TYPE = 1;

type EmbeddingSwitches = Pick<UniterSwitches, "innerNorms" | "learnedMaskVector">;

export function imageEmbeddingSpecs(
  sizes: { readonly hiddenSize: number; readonly regionFeatures: number },
  { innerNorms, learnedMaskVector }: EmbeddingSwitches,
): WeightSpec[] {
  const { hiddenSize, regionFeatures } = sizes;
  const inner = [
    ...normSpecs(`${PREFIX}.img_layer_norm`, hiddenSize),
    ...normSpecs(`${PREFIX}.pos_layer_norm`, hiddenSize),
  ];
  // As in the released state: row 1 is the vector of masked regions, row 0 is read by nobody.
  const mask: WeightSpec = {
    name: MASK_TABLE,
    shape: [2, regionFeatures],
    initialisation: "truncated-normal",
  };
  return [
    ...linearSpecs(INPUT_PROJECTION, regionFeatures, hiddenSize),
    ...linearSpecs(`${PREFIX}.pos_linear`, NUMBERS_OF_A_REGION, hiddenSize),
    ...(innerNorms ? inner : []),
    ...(learnedMaskVector ? [mask] : []),
    ...normSpecs(`${PREFIX}.LayerNorm`, hiddenSize),
  ];
}

/** Regions of pictures, in the first rows of each. */
export interface Regions {
  /** [P, R, F] */
  readonly features: tf.Tensor3D;
  /** [P, R, 7], of `regionNumbers`. */
  readonly boxes: tf.Tensor3D;
  /** [P, R], 1 = masked: of its features nothing is left, its box stays. Nothing is masked when left out. */
  readonly masked?: tf.Tensor2D;
}

/**
 * UNITER's image embedding, [P, R, D]: LN(W_f f + W_p p + type) in the paper (section 3.1), with
 * LN(W_f f) and LN(W_p p) under `innerNorms`.
 */
export function embedRegions(
  weights: Weights,
  regions: Regions,
  { innerNorms, learnedMaskVector }: EmbeddingSwitches,
): tf.Tensor3D {
  const norm = (x: tf.Tensor, name: string): tf.Tensor =>
    layerNorm(weights, x, { name: `${PREFIX}.${name}`, epsilon: BERT_NORM_EPSILON });
  const inner = (x: tf.Tensor, name: string): tf.Tensor => (innerNorms ? norm(x, name) : x);
  const features = linear(weights, INPUT_PROJECTION, shownFeatures(weights, regions, learnedMaskVector)); // prettier-ignore
  const places = linear(weights, `${PREFIX}.pos_linear`, regions.boxes);
  const table = weight(weights, "embeddings.token_type_embeddings.weight");
  const type = tf.reshape(tf.slice(table, REGION_TYPE, 1), [1, 1, -1]);
  const sum = tf.addN([inner(features, "img_layer_norm"), inner(places, "pos_layer_norm")]);
  return tensor3(norm(tf.add(sum, type), "LayerNorm"));
}

function shownFeatures(
  weights: Weights,
  { features, masked }: Regions,
  learnedMaskVector: boolean,
): tf.Tensor {
  if (masked === undefined) return features;
  const hidden = tf.expandDims(tf.cast(masked, "float32"), 2); // [P, R, 1]
  const shown = tf.mul(features, tf.sub(1, hidden));
  if (!learnedMaskVector) return shown;
  const vector = tf.reshape(tf.slice(weight(weights, MASK_TABLE), 1, 1), [1, 1, -1]);
  return tf.add(shown, tf.mul(hidden, vector));
}
