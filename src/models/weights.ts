import * as tf from "@tensorflow/tfjs-core";
import { RandomStream } from "../core/random.ts";

/** A model's weights by name; names and layouts are those of the published PyTorch implementations. */
export type Weights = Readonly<Record<string, tf.Tensor>>;

/**
 * How a weight starts. "truncated-normal": N(0, 0.02) cut at two deviations (BERT and Swin). "he-fan-out": N(0, 2 / n), n
 * the values that an input reaches (He et al. 2015), as residual networks do. "standard-normal": N(0, 1), as SOHO's
 * dictionary does.
 */
type Initialisation = "truncated-normal" | "he-fan-out" | "standard-normal" | "zeros" | "ones";

export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initialisation: Initialisation;
}

/** The standard deviation of the initial weights in BERT (Devlin et al. 2019) and Swin (Liu et al. 2021). */
const INITIAL_DEVIATION = 0.02;

/**
 * "published": N(0, 0.02) for every kernel, as in the papers, whose models start from trained weights.
 * "fan-in": N(0, 1 / inputs) (LeCun et al. 1998), for narrow models that start from nothing: at 0.02 a layer
 * of 128 passes on a fifth of its input, and matching text with picture does not begin to be learned.
 */
export type InitialScale = "published" | "fan-in";

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
  options: { readonly seed: number; readonly scale: InitialScale },
): Record<string, tf.Tensor> {
  return Object.fromEntries(
    specs.map((spec) => {
      const deviation = INITIAL_DEVIATION * (options.scale === "published" ? 1 : fanInFactor(spec));
      return [spec.name, initialTensor(spec, { seed: options.seed, deviation })];
    }),
  );
}

function fanInFactor({ name, shape }: WeightSpec): number {
  if (name.endsWith("_table") || shape.length < 2) return 1;
  // An embedding's rows are also the kernel of the tied decoder: logits start with a deviation of 1.
  if (name.startsWith("embeddings.")) return 1 / (INITIAL_DEVIATION * Math.sqrt(shape[1] ?? 1));
  const numInputs = shape.slice(1).reduce((product, size) => product * size, 1);
  return 1 / (INITIAL_DEVIATION * Math.sqrt(numInputs));
}

/** The weight called `name`. */
export function weight(weights: Weights, name: string): tf.Tensor {
  const tensor = weights[name];
  if (tensor === undefined) throw new RangeError(`the model has no weight "${name}"`);
  return tensor;
}

/** The weights whose names begin with `prefix`, by the rest of their names. */
export function withoutPrefix(weights: Weights, prefix: string): Weights {
  const entries = Object.entries(weights).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** The specs with `prefix` before their names. */
export function withPrefix(specs: readonly WeightSpec[], prefix: string): WeightSpec[] {
  return specs.map((spec) => ({ ...spec, name: prefix + spec.name }));
}

function initialTensor(spec: WeightSpec, draw: InitialDraw): tf.Tensor {
  const shape = [...spec.shape];
  switch (spec.initialisation) {
    case "zeros":
      return tf.zeros(shape);
    case "ones":
      return tf.ones(shape);
    case "truncated-normal":
      return tf.tensor(truncatedNormal(spec, draw), shape, "float32");
    case "he-fan-out": {
      const [outputs = 1, , ...area] = shape;
      const reached = area.reduce((product, size) => product * size, outputs);
      return tf.tensor(normal(spec, { seed: draw.seed, deviation: Math.sqrt(2 / reached) }), shape);
    }
    case "standard-normal":
      return tf.tensor(normal(spec, { seed: draw.seed, deviation: 1 }), shape);
  }
}

interface InitialDraw {
  readonly seed: number;
  readonly deviation: number;
}

function normal({ name, shape }: WeightSpec, { seed, deviation }: InitialDraw): Float32Array {
  const random = new RandomStream(seed, ...codesOf(name));
  const size = shape.reduce((product, length) => product * length, 1);
  return Float32Array.from({ length: size }, () => random.nextGaussian() * deviation);
}

function truncatedNormal(
  { name, shape }: WeightSpec,
  { seed, deviation }: InitialDraw,
): Float32Array {
  const random = new RandomStream(seed, ...codesOf(name));
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let index = 0; index < values.length; index += 1) {
    let draw = random.nextGaussian();
    while (Math.abs(draw) > 2) draw = random.nextGaussian();
    values[index] = draw * deviation;
  }
  return values;
}

function codesOf(name: string): number[] {
  return Array.from(name, (character) => character.charCodeAt(0));
}
