import type * as tf from "@tensorflow/tfjs-core";

// tfjs's operations lose the rank that a tensor has; these say it again and check it.

export function vector(x: tf.Tensor): tf.Tensor1D {
  if (isVector(x)) return x;
  throw wrongRank(x, 1);
}

export function matrix(x: tf.Tensor): tf.Tensor2D {
  if (isMatrix(x)) return x;
  throw wrongRank(x, 2);
}

export function tensor3(x: tf.Tensor): tf.Tensor3D {
  if (isTensor3(x)) return x;
  throw wrongRank(x, 3);
}

export function tensor4(x: tf.Tensor): tf.Tensor4D {
  if (isTensor4(x)) return x;
  throw wrongRank(x, 4);
}

function isVector(x: tf.Tensor): x is tf.Tensor1D {
  return x.rank === 1;
}

function isMatrix(x: tf.Tensor): x is tf.Tensor2D {
  return x.rank === 2;
}

function isTensor3(x: tf.Tensor): x is tf.Tensor3D {
  return x.rank === 3;
}

function isTensor4(x: tf.Tensor): x is tf.Tensor4D {
  return x.rank === 4;
}

function wrongRank(x: tf.Tensor, expected: number): RangeError {
  return new RangeError(
    `expected a tensor of rank ${expected}, found shape [${x.shape.join(", ")}]`,
  );
}
