import * as tf from "@tensorflow/tfjs-core";
import {
  ownColumnSums,
  ownGelu,
  ownGeluGradient,
  ownKernelsServe,
  ownLayerNorm,
  ownLayerNormGradient,
  ownSoftmaxGradient,
  type OwnNormInputs,
} from "../tensor/fused/own-kernels.ts";
import { gatherSlices } from "../tensor/gather.ts";
import { biasAdded, matrixProduct } from "../tensor/matrix-product.ts";
import { asSaver, asTensor } from "./custom-gradient.ts";
import { weight, type Weights } from "./weights.ts";

// B batch, N tokens, C channels

/** BERT's epsilon of layer normalisation; Swin uses 1e-5. */
export const BERT_NORM_EPSILON = 1e-12;
export const SWIN_NORM_EPSILON = 1e-5;

/** x W' + b over the last axis, with W stored as [outputs, inputs] as PyTorch does. */
export function linear(weights: Weights, name: string, x: tf.Tensor): tf.Tensor {
  const kernel = weight(weights, `${name}.weight`);
  // Right after the product, which TensorFlow's optimiser makes one operation of the two.
  return overRows(x, (rows) => withBias(product(rows, kernel), weight(weights, `${name}.bias`)));
}

export function linearWithoutBias(kernel: tf.Tensor, x: tf.Tensor): tf.Tensor {
  return overRows(x, (rows) => product(rows, kernel));
}

function overRows(x: tf.Tensor, map: (rows: tf.Tensor) => tf.Tensor): tf.Tensor {
  const mapped = map(tf.reshape(x, [-1, x.shape.at(-1) ?? 1]));
  return tf.reshape(mapped, [...x.shape.slice(0, -1), mapped.shape.at(-1) ?? 1]);
}

/** x W', [M, inputs] to [M, outputs]; a kernel of more axes is taken as [outputs, inputs]. */
function product(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
  const multiply = tf.customGrad((...operands) => {
    const [rows, matrix] = [asTensor(operands[0]), asTensor(operands[1])];
    asSaver(operands[2])([rows, matrix]);
    return {
      value: matrixProduct(rows, matrix, "transposed"),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [left, right] = saved;
        if (left === undefined || right === undefined)
          throw new RangeError("a product saved two tensors");
        // Where the left side is transposed, tfjs's own operation is the faster one.
        return [matrixProduct(dy, right, "as it is"), tf.matMul(dy, left, true)];
      },
    };
  });
  return multiply(x, tf.reshape(kernel, [kernel.shape[0] ?? 0, -1]));
}

/** x + b over the last axis. */
function withBias(x: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const shift = tf.customGrad((...operands) => {
    const [values, shifts] = [asTensor(operands[0]), asTensor(operands[1])];
    return {
      value: biasAdded(values, shifts),
      gradFunc: (dy: tf.Tensor) => [dy, columnSums(dy)],
    };
  });
  return shift(x, bias);
}

function columnSums(x: tf.Tensor): tf.Tensor {
  if (ownKernelsServe([x])) return ownColumnSums(x);
  return tf.sum(x, x.shape.map((_, axis) => axis).slice(0, -1));
}

export interface NormOptions {
  readonly name: string;
  readonly epsilon: number;
}

/** Layer normalisation over the last axis (Ba et al. 2016), with its gradient in closed form: fewer operations. */
export function layerNorm(weights: Weights, x: tf.Tensor, options: NormOptions): tf.Tensor {
  const gamma = weight(weights, `${options.name}.weight`);
  const beta = weight(weights, `${options.name}.bias`);
  const normalise = tf.customGrad((...inputs) => {
    const [values, scale, shift] = [asTensor(inputs[0]), asTensor(inputs[1]), asTensor(inputs[2])];
    const operands = { x: values, gamma: scale, beta: shift, epsilon: options.epsilon };
    const { gradient, saved, value } = ownKernelsServe([values, scale, shift])
      ? fusedNorm(operands)
      : composedNorm(operands);
    asSaver(inputs[3])(saved);
    return { value, gradFunc: gradient };
  });
  return normalise(x, gamma, beta);
}

interface NormResult {
  readonly value: tf.Tensor;
  readonly saved: tf.Tensor[];
  readonly gradient: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[];
}

function fusedNorm(operands: OwnNormInputs): NormResult {
  const { inverseDeviation, mean, normalised } = ownLayerNorm(operands);
  return {
    value: normalised,
    saved: [operands.x, mean, inverseDeviation, operands.gamma],
    gradient: (dy, saved) => ownLayerNormGradient([dy, ...saved]),
  };
}

function composedNorm({ beta, epsilon, gamma, x }: OwnNormInputs): NormResult {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  const inverseDeviation = tf.rsqrt(tf.add(variance, epsilon));
  const normalised = tf.mul(centred, inverseDeviation);
  return {
    value: tf.add(tf.mul(normalised, gamma), beta),
    saved: [normalised, inverseDeviation, gamma],
    gradient: layerNormGradient,
  };
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
    const values = asTensor(input);
    return ownKernelsServe([values])
      ? fusedGelu(values, asSaver(save))
      : composedGelu(values, asSaver(save));
  });
  return activate(x);
}

interface GeluResult {
  readonly value: tf.Tensor;
  readonly gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor;
}

function fusedGelu(x: tf.Tensor, keep: tf.GradSaveFunc): GeluResult {
  keep([x]);
  return {
    value: ownGelu(x),
    gradFunc: (dy, [point]) => {
      if (point === undefined) throw new RangeError("gelu saved one tensor");
      return ownGeluGradient(point, dy);
    },
  };
}

function composedGelu(x: tf.Tensor, keep: tf.GradSaveFunc): GeluResult {
  const distribution = tf.mul(tf.add(tf.erf(tf.mul(x, INVERSE_SQRT_2)), 1), 0.5);
  keep([x, distribution]);
  return {
    value: tf.mul(x, distribution),
    gradFunc: (dy, [point, probability]) => {
      if (point === undefined || probability === undefined)
        throw new RangeError("gelu saved two tensors");
      const density = tf.mul(tf.exp(tf.mul(tf.square(point), -0.5)), NORMAL_DENSITY_AT_0);
      return tf.mul(dy, tf.add(probability, tf.mul(point, density)));
    },
  };
}

/** The softmax over the last axis. */
export function softmax(x: tf.Tensor): tf.Tensor {
  const normalise = tf.customGrad((input, save) => {
    const share = tf.softmax(asTensor(input));
    asSaver(save)([share]);
    return {
      value: share,
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
        if (saved === undefined) throw new RangeError("softmax saved one tensor");
        return softmaxGradient(saved, dy);
      },
    };
  });
  return normalise(x);
}

function softmaxGradient(share: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  if (ownKernelsServe([share, dy])) return ownSoftmaxGradient(share, dy);
  const weighted = tf.mul(dy, share);
  return tf.sub(weighted, tf.mul(tf.sum(weighted, -1, true), share));
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
