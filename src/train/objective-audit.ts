import * as tf from "@tensorflow/tfjs-core";
import type { Progress } from "../core/progress.ts";
import { BatchLoader } from "../loader/batch-loader.ts";
import { MaskAudit, type TaskMasks } from "../loader/measuring/mask-audit.ts";
import type { LoaderSet } from "../loader/options.ts";
import { noDropout, wholeDepth } from "../models/dropout.ts";
import { vector } from "../models/ranks.ts";
import { soloCluster } from "../tensor/cluster/cluster.ts";
import { loadTensorFlow } from "../tensor/load.ts";
import {
  gradientShares,
  gradientsOfSteps,
  type GradientShare,
  measuredGradients,
  type MeasuredGradient,
} from "./objectives/loss-audit.ts";
import type { TrainingRecipe } from "./recipe.ts";
import { loaderOptions } from "./run/loader-options.ts";
import { unflatten } from "./step/flat-weights.ts";
import { StepProgram } from "./step/step-program.ts";
import { disposeState, type TrainingState } from "./step/training-state.ts";
import type { WeightedScale } from "./systems/loss-scales.ts";
import type { StepBatch, System } from "./systems/system.ts";
import { systemOf } from "./systems/system-of-recipe.ts";

export interface ObjectiveAuditCall {
  readonly recipe: TrainingRecipe;
  readonly sets: readonly LoaderSet[];
  /** Path of the vocabulary and the number of its tokens. */
  readonly vocabulary: { readonly path: string; readonly size: number };
  /** Batches whose masks are counted. */
  readonly numBatches: number;
  /** Of them, the first ones whose gradients are measured too, one loss at a time. */
  readonly numMeasured: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What a recipe's masks and losses really are. */
export interface ObjectiveAudit {
  readonly masks: readonly TaskMasks[];
  readonly scales: readonly WeightedScale[];
  /** At fresh weights, each loss with its weight in the total. */
  readonly gradients: readonly GradientShare[];
}

/** Counts the masks of a recipe's first batches and measures each loss's gradient at fresh weights; keeps nothing. */
export async function auditObjectives(call: ObjectiveAuditCall): Promise<ObjectiveAudit> {
  await loadTensorFlow();
  const { numBatches, numMeasured, progress, recipe, signal, vocabulary } = call;
  const system = systemOf(recipe, vocabulary.size);
  const { batches } = system;
  const options = loaderOptions({ ...call, batches, cluster: soloCluster });
  const masks = new MaskAudit(options);
  const measured: MeasuredGradient[][] = [];
  await using loader = await BatchLoader.open(options);
  using program = new StepProgram(recipe, system);
  const state = program.initialState();
  let numDone = 0;
  for await (const batch of loader.batches({ epoch: 0, step: 0 }, signal)) {
    masks.add(batch);
    numDone += 1;
    if (numDone <= numMeasured) {
      const place = { seed: recipe.seed, step: numDone, epoch: batch.epoch, firstPair: 0 };
      const onDevice = system.deviceBatch(batch, { ...place, totals: system.counts(batch) });
      measured.push(gradientsOf(onDevice, { program, state, system }));
      tf.dispose(Object.values(onDevice.tensors));
    }
    progress.report({ activity: "auditing", done: numDone, total: numBatches, unit: "batches" });
    if (numDone === numBatches) break;
  }
  disposeState(state);
  return {
    masks: masks.tasks,
    scales: system.scales,
    gradients: gradientShares(gradientsOfSteps(measured.flat(), measured.length)),
  };
}

interface Measuring {
  readonly program: StepProgram;
  readonly state: TrainingState;
  readonly system: System;
}

function gradientsOf(
  { tensors, variant }: StepBatch,
  { program, state, system }: Measuring,
): MeasuredGradient[] {
  const names = system.readings(variant);
  const scales = system.scales.filter(({ loss, weight }) => names.includes(loss) && weight > 0);
  return measuredGradients(state.weights, (flat) => {
    const { readings } = system.losses({
      variant,
      weights: unflatten(program.layout, vector(flat)),
      buffers: unflatten(program.bufferLayout, state.buffers),
      batch: tensors,
      dropout: noDropout,
      depth: wholeDepth,
    });
    const terms = scales.map(({ loss, weight }): [string, tf.Scalar] => {
      const reading = readings[names.indexOf(loss)] ?? tf.scalar(0);
      return [loss, tf.mul(reading, weight)];
    });
    return Object.fromEntries(terms);
  });
}
