import type * as tf from "@tensorflow/tfjs-core";

/** A step: a pure function from tensors to tensors, in which no value is read. */
export type Step = (inputs: readonly tf.Tensor[]) => tf.Tensor[];

/**
 * How a step is executed: operation by operation; as one TensorFlow function; compiled by XLA where XLA can, else as
 * one function; compiled by XLA or not at all.
 */
export const executions = ["eager", "captured", "xla", "xla-required"] as const;
export type Execution = (typeof executions)[number];

/** The type in which products of matrices and convolutions are computed; everything else is float32 in both. */
export const precisions = ["fp32", "bf16"] as const;
export type Precision = (typeof precisions)[number];

export interface CompileOptions {
  /** What the step is called in reports and errors. */
  readonly name?: string;
  /** "captured" when left out. */
  readonly execution?: Execution;
  /** "fp32" when left out. */
  readonly precision?: Precision;
  /**
   * How far the compiled step's results may lie from those of its operations one by one, of the largest
   * magnitude in the same result; `DEFAULT_TOLERANCE` of the precision when left out.
   */
  readonly tolerance?: number;
  /** Is told of each trace when it has run for the first time. */
  readonly onTrace?: (report: TraceReport) => void;
}

/**
 * Rounding differs with the order of sums, in bfloat16 (8 bits) as much as float32 (24 bits) does over the
 * depth of a model; a wrong operation is off by much more.
 */
export const DEFAULT_TOLERANCE: Readonly<Record<Precision, number>> = { fp32: 1e-3, bf16: 0.1 };

/** One trace: a signature of input shapes that has become a TensorFlow function. */
export interface TraceReport {
  /** The step's name. */
  readonly step: string;
  /** Counted from 1, of this step. */
  readonly trace: number;
  /** Types and shapes of the inputs. */
  readonly signature: string;
  readonly numOperations: number;
  /** What it is executed by from now on. */
  readonly executedBy: "captured" | "xla";
  /** Why XLA was asked for and does not execute it: it cannot compile it, or its results lie too far apart. */
  readonly fallback: string | undefined;
  /** Running the step once operation by operation and making the function of it. */
  readonly captureMs: number;
  /** The function's first run, in which TensorFlow optimises or compiles it. */
  readonly firstRunMs: number;
  /** The largest difference from the operations one by one, as `tolerance` counts it; undefined where results were not finite. */
  readonly difference: number | undefined;
  readonly tolerance: number;
  /** How many traces this step has forgotten, because it keeps only so many. */
  readonly numForgotten: number;
}

/** A trace in one line, for people. */
export function traceText(report: TraceReport): string {
  const { captureMs, difference, executedBy, fallback, firstRunMs, numForgotten } = report;
  const compared =
    difference === undefined
      ? "not compared, the results are not finite"
      : `within ${difference.toExponential(1)} of its operations one by one (allowed ${report.tolerance})`;
  return [
    `compiled ${report.step} (trace ${report.trace}): ${report.numOperations} operations, ${seconds(captureMs + firstRunMs)} s${executedBy === "xla" ? " by XLA" : ""}`,
    compared,
    ...(fallback === undefined ? [] : [`without XLA: ${fallback}`]),
    ...(numForgotten === 0
      ? []
      : [`${numForgotten} older traces forgotten: the batches have many shapes`]),
  ].join("; ");
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}
