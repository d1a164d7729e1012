import * as tf from "@tensorflow/tfjs-core";
import type { WeightSpec, Weights } from "../../models/weights.ts";

/** How named weights lie in one vector: the order of the specs, each row-major. */
export interface FlatLayout {
  readonly specs: readonly WeightSpec[];
  readonly sizes: readonly number[];
  readonly length: number;
}

export function flatLayout(specs: readonly WeightSpec[]): FlatLayout {
  const sizes = specs.map((spec) => spec.shape.reduce((product, size) => product * size, 1));
  return { specs, sizes, length: sizes.reduce((sum, size) => sum + size, 0) };
}

/** All weights in one vector [W]. */
export function flatten(layout: FlatLayout, weights: Weights): tf.Tensor1D {
  if (layout.specs.length === 0) return tf.zeros([0]);
  return tf.concat(
    layout.specs.map((spec) => {
      const tensor = weights[spec.name];
      if (tensor === undefined) throw new RangeError(`no weight "${spec.name}"`);
      return tf.reshape(tensor, [-1]);
    }),
  );
}

/** Named views of a vector [W]; differentiable. */
export function unflatten(layout: FlatLayout, flat: tf.Tensor1D): Weights {
  const pieces = layout.sizes.length === 0 ? [] : tf.split(flat, [...layout.sizes]);
  return Object.fromEntries(
    layout.specs.map((spec, index) => [
      spec.name,
      tf.reshape(pieces[index] ?? flat, [...spec.shape]),
    ]),
  );
}

/** A vector [W] that holds for each element a number that its weight decides. */
export function perWeight(layout: FlatLayout, valueOf: (spec: WeightSpec) => number): tf.Tensor1D {
  const values = new Float32Array(layout.length);
  let offset = 0;
  for (const [index, spec] of layout.specs.entries()) {
    const size = layout.sizes[index] ?? 0;
    values.fill(valueOf(spec), offset, offset + size);
    offset += size;
  }
  return tf.tensor1d(values);
}
