import * as tf from "@tensorflow/tfjs-core";
import type { Weights } from "../../src/models/weights.ts";
import { largest, relativeL2, uniformTensor, type Fixture } from "./parity-fixture.ts";

/** Random numbers by which an output's elements are weighed, so that all of them have a part in one gradient. */
export function probed(seed: number, name: string, output: tf.Tensor): tf.Scalar {
  return tf.sum(tf.mul(output, uniformTensor(seed, name, output.shape)));
}

/** The gradients of a loss, by the names of `weights`. */
export function gradientsOf(
  weights: Weights,
  loss: (weights: Weights) => tf.Scalar,
): ReadonlyMap<string, Float32Array> {
  const names = Object.keys(weights);
  const gradients = tf.grads((...tensors: tf.Tensor[]) =>
    loss(Object.fromEntries(names.map((name, place) => [name, tensors[place] ?? tf.zeros([1])]))),
  )(Object.values(weights));
  return new Map(
    names.map((name, place) => [name, Float32Array.from(gradients[place]?.dataSync() ?? [])]),
  );
}

/** Table 5.2 of the reference: each gradient within 1e-4 in the L2 norm; key biases, whose gradient is noise, near 0. */
const RELATIVE_ERROR = 1e-4;
const KEY_BIAS_ERROR = 1e-6;

/** What differs from the fixture's gradients; also a gradient that only one side has. */
export function gradientFaults(
  gradients: ReadonlyMap<string, Float32Array>,
  fixture: Fixture,
): string[] {
  const expected = fixture.names.filter((name) => name.startsWith("gradient/"));
  const missing = expected.filter((name) => !gradients.has(name.slice("gradient/".length)));
  return [
    ...missing.map((name) => `${name}: there is none`),
    ...[...gradients].flatMap(([name, actual]) => faultsOf(name, actual, fixture)),
  ];
}

function faultsOf(name: string, actual: Float32Array, fixture: Fixture): string[] {
  const expected = fixture.values(`gradient/${name}`);
  if (name.endsWith("self.key.bias")) {
    const queryBias = fixture.values(`gradient/${name.replace("key", "query")}`);
    return largest(actual) <= KEY_BIAS_ERROR * largest(queryBias) ? [] : [`${name}: not zero`];
  }
  const isJoined = name.endsWith("qkv.bias");
  const [ours, theirs] = [actual, expected].map((values) =>
    isJoined ? withoutKeyBias(values).rest : values,
  );
  const error = relativeL2(ours ?? [], theirs ?? []);
  const keyBias = isJoined ? largest(withoutKeyBias(actual).key) : 0;
  const isClose = error <= RELATIVE_ERROR && keyBias <= KEY_BIAS_ERROR * largest(expected);
  return isClose ? [] : [`${name}: ${error}`];
}

/** The part of a key's bias in query, key and value joined. */
function withoutKeyBias(values: Float32Array): { rest: number[]; key: Float32Array } {
  const size = values.length / 3;
  return {
    rest: [...values.subarray(0, size), ...values.subarray(2 * size)],
    key: values.subarray(size, 2 * size),
  };
}
