import * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend } from "../tensor/backend.ts";
import { asSaver, asTensor } from "./custom-gradient.ts";

/** A part of a model: one tensor from trained tensors and constants, the same whenever it is run. */
export type ModelPart = (
  trained: readonly tf.Tensor[],
  constants: readonly tf.Tensor[],
) => tf.Tensor;

export interface PartInputs {
  /** Those through which gradients flow; each must have a part in the result. */
  readonly trained: readonly tf.Tensor[];
  readonly constants: readonly tf.Tensor[];
}

/**
 * Runs a part of a model so that the backward pass keeps its inputs alone and computes what lies between again
 * (gradient checkpointing: Chen et al. 2016). Same values and gradients. XLA, which joins equal operations, may
 * undo it.
 */
export function recomputed(part: ModelPart, { trained, constants }: PartInputs): tf.Tensor {
  const numTrained = trained.length;
  const run = tf.customGrad((...given) => {
    const inputs = given.slice(0, -1).map(asTensor);
    asSaver(given.at(-1))(inputs);
    return {
      value: part(inputs.slice(0, numTrained), inputs.slice(numTrained)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const again = heldBack(saved, dy);
        const rest = again.slice(numTrained);
        const gradients = withOwnTape(() =>
          tf.grads((...xs: tf.Tensor[]) => part(xs, rest))(again.slice(0, numTrained), dy),
        );
        return [...gradients, ...rest.map((constant) => tf.zerosLike(constant))];
      },
    };
  });
  return run(...trained, ...constants);
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
