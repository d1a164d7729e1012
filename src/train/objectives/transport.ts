import * as tf from "@tensorflow/tfjs-core";
import { stopGradient } from "../../models/layers.ts";
import { matrix, tensor3, vector } from "../../models/ranks.ts";

// B pairs, m visual tokens, n text tokens, D hidden size

/** The constants of IPOT (Xie et al. 2018; UNITER, Algorithm 1). */
export interface TransportConstants {
  /** The generalised step size is 1 / beta. */
  readonly beta: number;
  readonly iterations: number;
  /** K of Algorithm 1. */
  readonly innerIterations: number;
}

/** UNITER's: K is 1 "in practice" (Algorithm 1); beta and the iterations are its released code's, the paper is silent. */
export const uniterTransport: TransportConstants = {
  beta: 0.5,
  iterations: 50,
  innerIterations: 1,
};

/** Norms are at least this in the cosine (UNITER's released code), so that a zero vector has a distance of 1 and a gradient of 0. */
const MIN_NORM = 1e-5;

/** Added to the log kernel where a pad takes part; no mass goes there. */
const PAD_LOGIT = -10_000;

/** The cosine distances c = 1 - cos of visual [B, m, D] and text states [B, n, D]: [B, m, n] in [0, 2] (UNITER, section 3.2). */
export function cosineCosts(visual: tf.Tensor3D, text: tf.Tensor3D): tf.Tensor3D {
  return tensor3(tf.sub(1, tf.matMul(unitRows(visual), unitRows(text), false, true)));
}

function unitRows(x: tf.Tensor3D): tf.Tensor {
  const squaredNorm = tf.sum(tf.square(x), -1, true);
  return tf.mul(x, tf.rsqrt(tf.maximum(squaredNorm, MIN_NORM ** 2)));
}

/** What is to be moved onto what: all real tokens of a side weigh the same. */
export interface TransportProblem {
  /** [B, m, n] */
  readonly costs: tf.Tensor3D;
  /** [B, m], 1 = counts, 0 = pad */
  readonly visualMask: tf.Tensor2D;
  /** [B, n], 1 = counts, 0 = pad */
  readonly textMask: tf.Tensor2D;
}

/**
 * Transport plans by IPOT (UNITER, Algorithm 1, with rows for the visual side), [B, m, n]; 0 where a pad takes part, no
 * gradient flows through them. The text side is scaled last: its marginal 1/n is exact, that of the visual side is
 * approached. All is computed with logarithms, so that no kernel value underflows however large C / beta is.
 */
export function transportPlans(
  problem: TransportProblem,
  constants: TransportConstants,
): tf.Tensor3D {
  return tf.tidy(() => {
    const visual = tf.expandDims(floats(problem.visualMask), 2); // [B, m, 1]
    const text = tf.expandDims(floats(problem.textMask), 1); // [B, 1, n]
    const real = tf.mul(visual, text); // [B, m, n]
    const sides = {
      visual: { mask: visual, axis: 2, logMass: negativeLogCount(visual, 1) },
      text: { mask: text, axis: 1, logMass: negativeLogCount(text, 2) },
    };
    const cost = tf.div(stopGradient(problem.costs), -constants.beta);
    const logKernel = tf.add(cost, tf.mul(tf.sub(1, real), PAD_LOGIT));
    let state: Scaling = {
      logPlan: tf.zerosLike(logKernel),
      logSigma: tf.mul(sides.text.logMass, text),
    };
    for (let iteration = 0; iteration < constants.iterations; iteration += 1) {
      const before = state;
      const tensors = tf.tidy(() => {
        const next = scaledPlan(tf.add(logKernel, before.logPlan), before.logSigma, {
          ...sides,
          innerIterations: constants.innerIterations,
        });
        return [next.logPlan, next.logSigma];
      });
      state = { logPlan: tensors[0] ?? before.logPlan, logSigma: tensors[1] ?? before.logSigma };
    }
    return tensor3(tf.mul(tf.exp(state.logPlan), real));
  });
}

interface Scaling {
  /** log T, [B, m, n] */
  readonly logPlan: tf.Tensor;
  /** log sigma, [B, 1, n] */
  readonly logSigma: tf.Tensor;
}

interface Side {
  /** [B, m, 1] or [B, 1, n] */
  readonly mask: tf.Tensor;
  /** Summed over for this side's marginal. */
  readonly axis: number;
  /** log of what each token weighs, [B, 1, 1] */
  readonly logMass: tf.Tensor;
}

/** Lines 6 to 9 of Algorithm 1: delta = 1 / (m Q sigma), sigma = 1 / (n Q' delta), T = diag(delta) Q diag(sigma). */
function scaledPlan(
  logQ: tf.Tensor,
  start: tf.Tensor,
  sides: { readonly visual: Side; readonly text: Side; readonly innerIterations: number },
): Scaling {
  let logSigma = start;
  let logDelta: tf.Tensor = tf.zerosLike(start);
  for (let inner = 0; inner < sides.innerIterations; inner += 1) {
    logDelta = marginalScale(tf.add(logQ, logSigma), sides.visual);
    logSigma = marginalScale(tf.add(logQ, logDelta), sides.text);
  }
  return { logPlan: tf.add(tf.add(logDelta, logQ), logSigma), logSigma };
}

// A pad's factor is 1: it would otherwise be scaled up until it had a mass.
function marginalScale(logValues: tf.Tensor, { axis, logMass, mask }: Side): tf.Tensor {
  return tf.mul(tf.sub(logMass, tf.logSumExp(logValues, axis, true)), mask);
}

/** -log of how many tokens count, [B, 1, 1]; of a pair without any as of one with one. */
function negativeLogCount(mask: tf.Tensor, axis: number): tf.Tensor {
  return tf.neg(tf.log(tf.maximum(tf.sum(mask, axis, true), 1)));
}

/** The distances <T, C> of plans and costs [B, m, n]: [B]; their gradient with respect to C is T (UNITER, eq. 3). */
export function transportDistances(plans: tf.Tensor3D, costs: tf.Tensor3D): tf.Tensor1D {
  return vector(tf.sum(tf.mul(stopGradient(plans), costs), [1, 2]));
}

/** A token mask [B, n] without [CLS], which stands first, and [SEP], which stands last. */
export function withoutSpecials(tokenMask: tf.Tensor2D): tf.Tensor2D {
  const [batch, length] = tokenMask.shape;
  // A token counts that has one before it and one behind it.
  const hasNext = tf.slice(tokenMask, [0, 2], [batch, length - 2]);
  return matrix(tf.pad(hasNext, [[0, 0], [1, 1]])); // prettier-ignore
}

/** What the distances of unmatched pairs are to the loss: made larger (UNITER's released code), nothing, or made smaller too. */
export type UnmatchedTransport = "negated" | "ignored" | "counted";

const UNMATCHED_SIGN: Readonly<Record<UnmatchedTransport, number>> = {
  negated: -1,
  ignored: 0,
  counted: 1,
};

/**
 * Word-region alignment (UNITER, eq. 3; VLA of Visual Parsing): distances [B] summed with the sign of their pairs, by
 * the number of pairs of both kinds. `matched` [B] is 1, 0, or -1 for padding.
 */
export function alignmentLoss(
  distances: tf.Tensor1D,
  matched: tf.Tensor1D,
  unmatched: UnmatchedTransport,
): tf.Scalar {
  const isMatched = floats(tf.equal(matched, 1));
  const isUnmatched = floats(tf.equal(matched, 0));
  const sign = tf.add(isMatched, tf.mul(isUnmatched, UNMATCHED_SIGN[unmatched]));
  const numPairs = tf.maximum(tf.sum(tf.add(isMatched, isUnmatched)), 1);
  return tf.div(tf.sum(tf.mul(distances, sign)), numPairs);
}

function floats(x: tf.Tensor): tf.Tensor {
  return tf.cast(x, "float32");
}
