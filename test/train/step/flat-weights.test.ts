import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { WeightSpec } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { flatLayout, flatten, perWeight, unflatten } from "../../../src/train/step/flat-weights.ts";

beforeAll(loadTensorFlow);

const specs: readonly WeightSpec[] = [
  { name: "a", shape: [2, 2], initialisation: "zeros" },
  { name: "b", shape: [1], initialisation: "zeros" },
  { name: "c", shape: [1, 3, 1], initialisation: "zeros" },
];
const layout = flatLayout(specs);

describe("weights in one vector", () => {
  it("lie in the order of their specs and come back in their shapes", () => {
    const weights = {
      c: tf.tensor3d([6, 7, 8], [1, 3, 1]),
      a: tf.tensor2d([1, 2, 3, 4], [2, 2]),
      b: tf.tensor1d([5]),
    };
    const flat = flatten(layout, weights);
    expect(layout.length).toBe(8);
    expect([...flat.dataSync()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const back = unflatten(layout, flat);
    expect(Object.keys(back)).toEqual(["a", "b", "c"]);
    for (const { name, shape } of specs) {
      expect(back[name]?.shape).toEqual(shape);
      expect(back[name]?.arraySync()).toEqual(
        new Map(Object.entries(weights)).get(name)?.arraySync(),
      );
    }
  });

  it("send each weight's gradient to its own place", () => {
    const gradient = tf.grad((flat: tf.Tensor) => {
      const named = unflatten(layout, tf.reshape(flat, [8]));
      return tf.add(tf.sum(tf.mul(named["a"] ?? flat, 2)), tf.sum(tf.square(named["c"] ?? flat)));
    })(tf.tensor1d([1, 2, 3, 4, 5, 6, 7, 8]));
    expect([...gradient.dataSync()]).toEqual([2, 2, 2, 2, 0, 12, 14, 16]);
  });

  it("repeat a weight's own number for each of its elements", () => {
    const rates = perWeight(layout, ({ name }) => (name === "b" ? 1 : 0.5));
    expect([...rates.dataSync()]).toEqual([0.5, 0.5, 0.5, 0.5, 1, 0.5, 0.5, 0.5]);
  });

  it("are refused when one is missing", () => {
    expect(() => flatten(layout, { a: tf.zeros([2, 2]), b: tf.zeros([1]) })).toThrow(
      'no weight "c"',
    );
  });
});
