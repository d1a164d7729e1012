import * as tf from "@tensorflow/tfjs-core";
import { linear } from "../layers.ts";
import { matrix } from "../ranks.ts";
import { linearSpecs, normSpecs, weight, type Weights, type WeightSpec } from "../weights.ts";
import { transformed, twoLayerHeadSpecs, twoLayerLogits, type TwoLayerHead } from "./classifier.ts";

// M masked regions, D hidden size, F features of a region, C classes of the detector

/**
 * Where a masked region's features are regressed: by one linear layer (UNITER, section 3.2), or by Linear, GELU, LN and
 * the transpose of the input projection W_f with a bias of its own (its released code).
 */
export type RegressionHead = "linear" | "tied";

/** Where its class is told: one linear layer (UNITER, section 3.2), or Linear, GELU, LN, Linear (its released code). */
export type ClassificationHead = "linear" | "transform";

/** The projection of region features in the image embedding, W_f [D, F]. */
export const INPUT_PROJECTION = "img_embeddings.img_linear";

const REGRESSION = "feat_regress";
const CLASSIFICATION = "region_classifier";

export interface RegionSizes {
  readonly hiddenSize: number;
  readonly regionFeatures: number;
  readonly regionClasses: number;
}

export function regressionSpecs(kind: RegressionHead, sizes: RegionSizes): WeightSpec[] {
  const { hiddenSize, regionFeatures } = sizes;
  if (kind === "linear") return linearSpecs(REGRESSION, hiddenSize, regionFeatures);
  return [
    ...linearSpecs(`${REGRESSION}.net.0`, hiddenSize, hiddenSize),
    ...normSpecs(`${REGRESSION}.net.2`, hiddenSize),
    { name: `${REGRESSION}.bias`, shape: [regionFeatures], initialisation: "zeros" },
  ];
}

/** The features of masked regions, [M, F], from their states [M, D]. */
export function regressedRegions(
  weights: Weights,
  kind: RegressionHead,
  states: tf.Tensor2D,
): tf.Tensor2D {
  if (kind === "linear") return matrix(linear(weights, REGRESSION, states));
  const net = { name: `${REGRESSION}.net`, activation: "gelu" } as const;
  const projection = matrix(weight(weights, `${INPUT_PROJECTION}.weight`));
  const features = tf.matMul(transformed(weights, net, states), projection);
  return matrix(tf.add(features, weight(weights, `${REGRESSION}.bias`)));
}

export function classificationSpecs(kind: ClassificationHead, sizes: RegionSizes): WeightSpec[] {
  const { hiddenSize, regionClasses } = sizes;
  return kind === "linear"
    ? linearSpecs(CLASSIFICATION, hiddenSize, regionClasses)
    : twoLayerHeadSpecs({ ...classifier, inputs: hiddenSize, units: hiddenSize, outputs: regionClasses }); // prettier-ignore
}

/** Logits over the detector's classes, [M, C], from the states of masked regions [M, D]. */
export function regionClassLogits(
  weights: Weights,
  kind: ClassificationHead,
  states: tf.Tensor2D,
): tf.Tensor2D {
  return kind === "linear"
    ? matrix(linear(weights, CLASSIFICATION, states))
    : twoLayerLogits(weights, classifier, states);
}

const classifier: Pick<TwoLayerHead, "name" | "activation"> = {
  name: `${CLASSIFICATION}.net`,
  activation: "gelu",
};
