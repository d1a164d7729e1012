import * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend } from "../tensor/backend.ts";
import { asSaver, asTensor } from "./custom-gradient.ts";
import { weight, type Weights } from "./weights.ts";

/** What is computed again: one tensor from one, by weights and constants, the same whenever it is run. */
export interface ModelPart {
  /** Names of the weights that it uses; each must have a part in the result. */
  readonly weights: readonly string[];
  /** Tensors through which no gradient flows. */
  readonly constants: readonly tf.Tensor[];
  readonly run: (x: tf.Tensor, weights: Weights, constants: readonly tf.Tensor[]) => tf.Tensor;
}

/**
 * Runs a part of a model so that the backward pass keeps its inputs alone and computes what lies between again
 * (gradient checkpointing: Chen et al. 2016). Same values and gradients. XLA, which joins equal operations, may
 * undo it.
 */
export function recomputed(weights: Weights, part: ModelPart, x: tf.Tensor): tf.Tensor {
  const { constants, run, weights: names } = part;
  const numTrained = 1 + names.length;
  const runWith = (
    [input, ...tensors]: readonly tf.Tensor[],
    rest: readonly tf.Tensor[],
  ): tf.Tensor => {
    if (input === undefined) throw new RangeError("a part takes a tensor");
    const named = Object.fromEntries(names.map((name, place) => [name, tensors[place] ?? input]));
    return run(input, named, rest);
  };
  const forward = tf.customGrad((...given) => {
    const inputs = given.slice(0, -1).map(asTensor);
    asSaver(given.at(-1))(inputs);
    return {
      value: runWith(inputs.slice(0, numTrained), inputs.slice(numTrained)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const again = heldBack(saved, dy);
        const rest = again.slice(numTrained);
        const gradients = withOwnTape(() =>
          tf.grads((...xs: tf.Tensor[]) => runWith(xs, rest))(again.slice(0, numTrained), dy),
        );
        return [...gradients, ...rest.map((constant) => tf.zerosLike(constant))];
      },
    };
  });
  return forward(x, ...names.map((name) => weight(weights, name)), ...constants);
}

/**
 * The same tensors, but not before `dy` is there: TensorFlow's optimiser would join the second computation with
 * the first, whose results would then be kept after all.
 */
function heldBack(tensors: readonly tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  const backend = tensorFlowBackend();
  const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
  const all = [...tensors, dy];
  const types = { name: "T", type: TF_ATTR_TYPE, value: all.map(() => TF_FLOAT) };
  return backend.executeMultipleOutputs("IdentityN", [types], all, all.length).slice(0, -1);
}

/** tfjs forgets the gradient being computed when another begins in its backward pass; here its tape is put back. */
function withOwnTape<T>(compute: () => T): T {
  const { state } = tf.engine();
  const { activeTape } = state;
  try {
    return compute();
  } finally {
    state.activeTape = activeTape;
  }
}
