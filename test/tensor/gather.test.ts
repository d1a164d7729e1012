import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { gatherRows, gatherSlices } from "../../src/tensor/gather.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";

beforeAll(loadTensorFlow);

const indicesOf = (...indices: number[]): tf.Tensor1D => tf.tensor1d(indices, "int32");

/** 0, 1, 2, … of shape [3, 2, 2]. */
function numbers(): tf.Tensor {
  const values = Float32Array.from({ length: 12 }, (_, index) => index);
  return tf.tensor3d(values, [3, 2, 2]);
}

describe("gathering", () => {
  it("takes rows in the order asked for, some twice", () => {
    const taken = gatherRows(numbers(), indicesOf(2, 0, 2));
    expect(taken.shape).toEqual([3, 2, 2]);
    expect([...taken.dataSync()]).toEqual([8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
  });

  it("takes slices along another axis", () => {
    expect(gatherSlices(numbers(), indicesOf(1, 0, 0), 1).arraySync()).toEqual([
      [
        [2, 3],
        [0, 1],
        [0, 1],
      ],
      [
        [6, 7],
        [4, 5],
        [4, 5],
      ],
      [
        [10, 11],
        [8, 9],
        [8, 9],
      ],
    ]);
  });

  it("sums a row's gradient over the places where it was taken; rows not taken have none", () => {
    const factors = tf.tensor2d([
      [1, 2],
      [10, 20],
      [100, 200],
    ]);
    const gradient = tf.grad((table: tf.Tensor) =>
      tf.sum(tf.mul(gatherRows(table, indicesOf(3, 1, 3)), factors)),
    )(tf.ones([4, 2]));
    expect(gradient.arraySync()).toEqual([
      [0, 0],
      [10, 20],
      [0, 0],
      [101, 202],
    ]);
  });

  it("refuses rows that are not there", () => {
    expect(() => gatherRows(numbers(), indicesOf(0, 3))).toThrow("not in [0, 3)");
  });
});
