import * as tf from "@tensorflow/tfjs-core";
import { RandomStream } from "../core/random.ts";

/** A model's weights by name; names and layouts are those of the published PyTorch implementations. */
export type Weights = Readonly<Record<string, tf.Tensor>>;

/** How a weight starts: N(0, 0.02) cut at two deviations (BERT and Swin), zeros or ones. */
export type Initialisation = "truncated-normal" | "zeros" | "ones";

export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initialisation: Initialisation;
}

/** The standard deviation of the initial weights in BERT (Devlin et al. 2019) and Swin (Liu et al. 2021). */
const INITIAL_DEVIATION = 0.02;

export function linearSpecs(name: string, inputs: number, outputs: number): WeightSpec[] {
  return [
    { name: `${name}.weight`, shape: [outputs, inputs], initialisation: "truncated-normal" },
    { name: `${name}.bias`, shape: [outputs], initialisation: "zeros" },
  ];
}

export function normSpecs(name: string, size: number): WeightSpec[] {
  return [
    { name: `${name}.weight`, shape: [size], initialisation: "ones" },
    { name: `${name}.bias`, shape: [size], initialisation: "zeros" },
  ];
}

/** Fresh weights for `specs`; each weight's values depend on the seed and its own name alone. */
export function initialiseWeights(
  specs: readonly WeightSpec[],
  seed: number,
): Record<string, tf.Tensor> {
  return Object.fromEntries(specs.map((spec) => [spec.name, initialTensor(spec, seed)]));
}

/** The weight called `name`. */
export function weight(weights: Weights, name: string): tf.Tensor {
  const tensor = weights[name];
  if (tensor === undefined) throw new RangeError(`the model has no weight "${name}"`);
  return tensor;
}

function initialTensor(spec: WeightSpec, seed: number): tf.Tensor {
  const shape = [...spec.shape];
  switch (spec.initialisation) {
    case "zeros":
      return tf.zeros(shape);
    case "ones":
      return tf.ones(shape);
    case "truncated-normal":
      return tf.tensor(truncatedNormal(shape, [seed, ...codesOf(spec.name)]), shape, "float32");
  }
}

function truncatedNormal(shape: readonly number[], key: readonly number[]): Float32Array {
  const random = new RandomStream(...key);
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let index = 0; index < values.length; index += 1) {
    let draw = random.nextGaussian();
    while (Math.abs(draw) > 2) draw = random.nextGaussian();
    values[index] = draw * INITIAL_DEVIATION;
  }
  return values;
}

function codesOf(name: string): number[] {
  return Array.from(name, (character) => character.charCodeAt(0));
}
