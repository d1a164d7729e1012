import * as tf from "@tensorflow/tfjs-core";
import { tensorNamed } from "../../models/pair-model.ts";
import { vector } from "../../models/ranks.ts";
import type { TrainingRecipe } from "../recipe.ts";
import type { System } from "../systems/system.ts";
import { type FlatLayout, unflatten } from "./flat-weights.ts";
import { keyedDepth, keyedDropout } from "./keyed-dropout.ts";

// W weights, U numbers of the buffers, R readings, T statistics

/** What one batch gives. */
export interface OwnGradient {
  readonly gradient: tf.Tensor;
  readonly told: tf.Tensor;
  readonly variant: string;
}

/** The sum of both, which are disposed. */
export function added(sum: OwnGradient | undefined, next: OwnGradient): OwnGradient {
  if (sum === undefined) return next;
  if (sum.variant !== next.variant) throw new RangeError("a step's batches are of one variant");
  const [gradient, told] = [tf.add(sum.gradient, next.gradient), tf.add(sum.told, next.told)];
  tf.dispose([sum.gradient, sum.told, next.gradient, next.told]);
  return { gradient, told, variant: sum.variant };
}

export interface GradientContext {
  readonly recipe: TrainingRecipe;
  readonly system: System;
  readonly layout: FlatLayout;
  readonly bufferLayout: FlatLayout;
  readonly variant: string;
  readonly names: readonly string[];
}

/** From random key, weights, buffers and a batch to the gradient [W] and what is told, [1 + R + T]. */
export function gradientOf(inputs: readonly tf.Tensor[], context: GradientContext): tf.Tensor[] {
  const { bufferLayout, layout, names, recipe, system, variant } = context;
  const [randomKey, weights, buffers, ...batchTensors] = inputs;
  if (!weights || !randomKey || !buffers) {
    throw new RangeError("a step takes a random key, weights and buffers");
  }
  const batch = Object.fromEntries(
    batchTensors.map((tensor, place) => [names[place] ?? "", tensor]),
  );
  const [numPairs = 0] = tensorNamed(batch, "tokenIds").shape;
  const key = { randomKey: vector(randomKey), numPairs };
  const dropout = keyedDropout(recipe.model.transformer.dropout, key);
  const depth = keyedDepth(key);
  const kept: tf.Tensor[] = [];
  const { grad } = tf.valueAndGrad((flat: tf.Tensor) => {
    const { readings, statistics, total } = system.losses({
      variant,
      weights: unflatten(layout, vector(flat)),
      buffers: unflatten(bufferLayout, vector(buffers)),
      batch,
      dropout,
      depth,
    });
    const numbers = tf.stack([total, ...readings]);
    kept.push(tf.keep(statistics === undefined ? numbers : tf.concat([numbers, statistics])));
    return total;
  })(weights);
  return [grad, ...kept];
}
