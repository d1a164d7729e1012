import * as tf from "@tensorflow/tfjs-core";
import { gatherSlices } from "../../tensor/gather.ts";
import { stopGradient } from "../layers.ts";
import { matrix } from "../ranks.ts";
import { weight, type Weights } from "../weights.ts";
import { dictionaryNames, type DictionaryConfig } from "./dictionary.ts";

// N features of a rank, c their size, k codes

/** A feature for each code to begin anew at, drawn outside of the step: of all ranks' features by (seed, step). */
export interface RestartDraws {
  /** Which of this rank's features, [k] of int32. */
  readonly places: tf.Tensor1D;
  /** 1 where the drawn feature is this rank's, 0 where another rank offers one, [k]. */
  readonly isOwn: tf.Tensor1D;
}

/** What this rank offers, [k, c]: features, or 0; over all ranks they add up to one feature for each code. */
export function offeredFeatures(
  features: tf.Tensor2D,
  { isOwn, places }: RestartDraws,
): tf.Tensor2D {
  const drawn = gatherSlices(stopGradient(features), places, 0);
  return matrix(tf.mul(drawn, tf.expandDims(isOwn, 1)));
}

/**
 * A dictionary in which codes that have been idle for `config.restartAfterSteps` steps are the features that are `offered`
 * to them [k, c], as if one such feature had always been theirs; the others stay as they are. Neither SOHO's paper nor its
 * code does this.
 */
export function restartIdleCodes(
  buffers: Weights,
  config: DictionaryConfig,
  { offered, prefix }: { readonly offered: tf.Tensor2D; readonly prefix: string },
): Weights {
  const old = (name: string): tf.Tensor => weight(buffers, prefix + name);
  const idle = old(dictionaryNames.idleSteps);
  const isDead = tf.greaterEqual(idle, config.restartAfterSteps); // [k]
  const everywhere = tf.tile(tf.expandDims(isDead, 1), [1, config.dimension]);
  const restarted = {
    [dictionaryNames.codes]: tf.where(everywhere, offered, old(dictionaryNames.codes)),
    [dictionaryNames.idleSteps]: tf.where(isDead, tf.zerosLike(idle), idle),
    ...(config.update.law === "moving-sums"
      ? {
          [dictionaryNames.counts]: tf.where(
            isDead,
            tf.onesLike(idle),
            old(dictionaryNames.counts),
          ),
          [dictionaryNames.sums]: tf.where(everywhere, offered, old(dictionaryNames.sums)),
        }
      : {}),
  };
  return Object.fromEntries(
    Object.entries(restarted).map(([name, state]) => [prefix + name, state]),
  );
}

/** How many codes a step restarts that has `counts` [k] features of each code, of this rank. */
export function countRestarts(
  idleSteps: tf.Tensor1D,
  counts: tf.Tensor1D,
  afterSteps: number,
): tf.Scalar {
  const isIdle = tf.equal(counts, 0);
  const isLongIdle = tf.greaterEqual(tf.add(idleSteps, 1), afterSteps);
  return tf.sum(tf.cast(tf.logicalAnd(isIdle, isLongIdle), "float32"));
}
