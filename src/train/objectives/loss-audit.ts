import * as tf from "@tensorflow/tfjs-core";

/** How a loss of a run stands to its definition in the paper. */
export interface LossScale {
  readonly loss: string;
  /** The run's loss is this times the paper's, both over the same predictions. */
  readonly factor: number;
  /** What the run computes, and what the paper defines, in few words. */
  readonly computed: string;
  readonly published: string;
}

/** A loss and the gradient that it gives the weights, its own weight in the total included. */
export interface GradientShare {
  readonly loss: string;
  /** L2 norm; the mean over steps where there are several. */
  readonly gradientNorm: number;
  /** Of the sum of all losses' norms, each counted as often as its loss is trained. */
  readonly share: number;
}

/** A loss's gradient norm in one step, or its mean, and how many steps in a row of all that it is trained in. */
export interface MeasuredGradient {
  readonly loss: string;
  readonly gradientNorm: number;
  /** Share of the steps; 1 where every step trains all losses. */
  readonly frequency: number;
}

/** Which part of all gradients is each loss's: the norms weighted by how often they occur; 0 each where all are 0. */
export function gradientShares(measured: readonly MeasuredGradient[]): GradientShare[] {
  const weighted = measured.map(({ frequency, gradientNorm }) => frequency * gradientNorm);
  const total = weighted.reduce((sum, value) => sum + value, 0);
  return measured.map(({ gradientNorm, loss }, place) => ({
    loss,
    gradientNorm,
    share: total === 0 ? 0 : (weighted[place] ?? 0) / total,
  }));
}

/**
 * The norm of each term's gradient with respect to `weights` [W], one backward pass for each; `termsAt` gives the terms of
 * the total loss, already multiplied by their weights. It runs operation by operation, for an audit and not in a step.
 */
export function measuredGradients(
  weights: tf.Tensor1D,
  termsAt: (weights: tf.Tensor) => Readonly<Record<string, tf.Scalar>>,
): MeasuredGradient[] {
  const names = tf.tidy(() => Object.keys(termsAt(weights)));
  return names.map((loss) => ({
    loss,
    gradientNorm: normOf(weights, termsAt, loss),
    frequency: 1,
  }));
}

function normOf(
  weights: tf.Tensor1D,
  termsAt: (weights: tf.Tensor) => Readonly<Record<string, tf.Scalar>>,
  loss: string,
): number {
  return tf.tidy(() => {
    // The zero keeps a way back to the weights for terms that are constants.
    const gradient = tf.grad((flat: tf.Tensor) =>
      tf.add(termsAt(flat)[loss] ?? tf.scalar(0), tf.mul(tf.sum(flat), 0)),
    )(weights);
    return tf.norm(gradient).dataSync()[0] ?? Number.NaN;
  });
}

/** A loss that a step has trained. */
export interface TrainedStep {
  readonly loss: string;
  readonly gradientNorm: number;
}

/**
 * Mean norms and frequencies of the losses that `numSteps` steps have trained, in the order of their first steps; a step
 * trains one loss when the number is left out.
 */
export function gradientsOfSteps(
  steps: readonly TrainedStep[],
  numSteps: number = steps.length,
): MeasuredGradient[] {
  return [...Map.groupBy(steps, ({ loss }) => loss)].map(([loss, own]) => ({
    loss,
    gradientNorm: own.reduce((sum, { gradientNorm }) => sum + gradientNorm, 0) / own.length,
    frequency: own.length / numSteps,
  }));
}
