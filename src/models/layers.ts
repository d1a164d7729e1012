import * as tf from "@tensorflow/tfjs-core";
import { gatherSlices } from "../tensor/gather.ts";
import { asSaver, asTensor } from "./custom-gradient.ts";
import { weight, type Weights } from "./weights.ts";

// B batch, N tokens, C channels

/** BERT's epsilon of layer normalisation; Swin uses 1e-5. */
export const BERT_NORM_EPSILON = 1e-12;
export const SWIN_NORM_EPSILON = 1e-5;

/** x W' + b over the last axis, with W stored as [outputs, inputs] as PyTorch does. */
export function linear(weights: Weights, name: string, x: tf.Tensor): tf.Tensor {
  return tf.add(
    linearWithoutBias(weight(weights, `${name}.weight`), x),
    weight(weights, `${name}.bias`),
  );
}

export function linearWithoutBias(kernel: tf.Tensor, x: tf.Tensor): tf.Tensor {
  const [outputs = 0, inputs = 0] = kernel.shape;
  const rows: tf.Tensor2D = tf.reshape(x, [-1, inputs]);
  const product = tf.matMul(rows, tf.reshape(kernel, [outputs, inputs]), false, true);
  return tf.reshape(product, [...x.shape.slice(0, -1), outputs]);
}

export interface NormOptions {
  readonly name: string;
  readonly epsilon: number;
}

/** Layer normalisation over the last axis (Ba et al. 2016), with its gradient in closed form: fewer operations. */
export function layerNorm(weights: Weights, x: tf.Tensor, options: NormOptions): tf.Tensor {
  const normalise = tf.customGrad((...inputs) => {
    const [values, gamma, beta] = [asTensor(inputs[0]), asTensor(inputs[1]), asTensor(inputs[2])];
    const keep = asSaver(inputs[3]);
    const centred = tf.sub(values, tf.mean(values, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true);
    const inverseDeviation = tf.rsqrt(tf.add(variance, options.epsilon));
    const normalised = tf.mul(centred, inverseDeviation);
    keep([normalised, inverseDeviation, gamma]);
    return {
      value: tf.add(tf.mul(normalised, gamma), beta),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => layerNormGradient(dy, saved),
    };
  });
  return normalise(
    x,
    weight(weights, `${options.name}.weight`),
    weight(weights, `${options.name}.bias`),
  );
}

function layerNormGradient(dy: tf.Tensor, saved: readonly tf.Tensor[]): tf.Tensor[] {
  const [normalised, inverseDeviation, gamma] = saved;
  if (normalised === undefined || inverseDeviation === undefined || gamma === undefined) {
    throw new RangeError("layer norm saved three tensors");
  }
  const leadingAxes = dy.shape.map((_, axis) => axis).slice(0, -1);
  const dNormalised = tf.mul(dy, gamma);
  const meanGradient = tf.mean(dNormalised, -1, true);
  const meanProjection = tf.mean(tf.mul(dNormalised, normalised), -1, true);
  const dx = tf.mul(
    inverseDeviation,
    tf.sub(tf.sub(dNormalised, meanGradient), tf.mul(normalised, meanProjection)),
  );
  return [dx, tf.sum(tf.mul(dy, normalised), leadingAxes), tf.sum(dy, leadingAxes)];
}

const INVERSE_SQRT_2 = Math.SQRT1_2;
const NORMAL_DENSITY_AT_0 = 1 / Math.sqrt(2 * Math.PI);

/** x times the standard normal distribution function of x: the exact form (erf), not the tanh approximation. */
export function gelu(x: tf.Tensor): tf.Tensor {
  const activate = tf.customGrad((input, save) => {
    const [values, keep] = [asTensor(input), asSaver(save)];
    const distribution = tf.mul(tf.add(tf.erf(tf.mul(values, INVERSE_SQRT_2)), 1), 0.5);
    keep([values, distribution]);
    return {
      value: tf.mul(values, distribution),
      gradFunc: (dy: tf.Tensor, [point, probability]: tf.Tensor[]) => {
        if (point === undefined || probability === undefined)
          throw new RangeError("gelu saved two tensors");
        const density = tf.mul(tf.exp(tf.mul(tf.square(point), -0.5)), NORMAL_DENSITY_AT_0);
        return tf.mul(dy, tf.add(probability, tf.mul(point, density)));
      },
    };
  });
  return activate(x);
}

/**
 * Rearranges the tokens of x [B, N, C] by a permutation of N: token i of the result is token
 * `permutation[i]` of x. One gather forward and, by the inverse permutation, one backward.
 */
export function permuteTokens(x: tf.Tensor, permutation: Int32Array): tf.Tensor {
  if (permutation.every((source, target) => source === target)) return x;
  const inverse = invert(permutation);
  const rearrange = tf.customGrad((input) => ({
    value: gatherSlices(asTensor(input), tf.tensor1d(permutation, "int32"), 1),
    gradFunc: (dy: tf.Tensor) => gatherSlices(dy, tf.tensor1d(inverse, "int32"), 1),
  }));
  return rearrange(x);
}

/** The inverse of a permutation. */
export function invert(permutation: Int32Array): Int32Array {
  const inverse = new Int32Array(permutation.length);
  for (const [target, source] of permutation.entries()) inverse[source] = target;
  return inverse;
}

/** The value of x as a constant: no gradient flows through it, nor is any asked of what is computed from it. */
export function stopGradient(x: tf.Tensor): tf.Tensor {
  // A second tensor on the same data that the tape has never seen; the data is counted twice.
  tf.backend().incRef(x.dataId);
  return tf.engine().makeTensorFromTensorInfo({ dataId: x.dataId, shape: x.shape, dtype: x.dtype });
}
