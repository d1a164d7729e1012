import * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../../core/errors.ts";
import type { Batch } from "../../loader/options.ts";
import type { NamedTensors } from "../../models/pair-model.ts";
import { compactPairs } from "../../models/uniter/compaction.ts";
import { regionTensors } from "../../models/uniter/uniter.ts";
import { hiddenRegions, objectClass, softLabel } from "../objectives/region-targets.ts";
import type { UniterObjectives, UniterTask } from "../recipes/uniter-recipe.ts";
import { uniterTasks } from "../recipes/uniter-recipe.ts";
import { maskedWordTensors, numberWhere, paddedCount, sharesOf } from "../systems/masked-words.ts";
import type { BatchContext, StepBatch } from "../systems/system.ts";

// P pictures, B pairs, n text tokens, R regions a picture, L tokens of a joint sequence, M masked regions, C classes

/** What a batch's losses are means over: its predicted words, pairs and predicted regions. */
export function uniterCounts({ matched, maskedRegions, mlmLabels }: Batch): number[] {
  return [
    numberWhere(mlmLabels, (label) => label >= 0),
    numberWhere(matched, (match) => match >= 0),
    numberWhere(maskedRegions, (isMasked) => isMasked === 1),
  ];
}

type BatchSettings = Pick<UniterObjectives, "hiddenOverlap" | "softLabels">;

/** A batch on the device, with what its task needs; the tensors are the caller's to dispose. */
export function uniterBatch(
  batch: Batch,
  context: BatchContext,
  settings: BatchSettings,
): StepBatch {
  const task = taskOfBatch(batch);
  const { numPairs, numPictures } = batch;
  const { regionsPerPicture, textTokens } = batch.shape;
  const tensors = {
    tokenIds: tf.tensor2d(batch.tokenIds.slice(), [numPairs, textTokens], "int32"),
    tokenMask: tf.tensor2d(batch.tokenMask.slice(), [numPairs, textTokens], "int32"),
    matched: tf.tensor1d(batch.matched.slice(), "int32"),
    pictureOfPair: tf.tensor1d(batch.pictureOfPair.slice(), "int32"),
    ...regionTensors(batch),
    hidden: tf.tensor2d(hiddenOf(batch, settings), [numPictures, regionsPerPicture], "int32"),
    ...compactionTensors(batch),
    shares: tf.tensor1d(sharesOf(uniterCounts(batch), context.totals)),
    ...taskTensors(task, batch, settings),
  };
  return { variant: task, tensors };
}

function taskOfBatch({ task }: Batch): UniterTask {
  const known = uniterTasks.find((name) => name === task);
  if (known !== undefined) return known;
  throw new ConfigError(`UNITER has no task "${task}"`, {
    remedy: `ask the loader for batches of ${uniterTasks.join(", ")}`,
  });
}

/** The text and the regions of each pair without the pads between them. */
function compactionTensors(batch: Batch): NamedTensors {
  const { numPairs, numRegions, pictureOfPair, tokenMask } = batch;
  const { regionsPerPicture, textTokens } = batch.shape;
  const pairs = Array.from({ length: numPairs }, (_, pair) => pair);
  const lengths = {
    texts: pairs.map((pair) =>
      numberWhere(
        tokenMask.subarray(pair * textTokens, (pair + 1) * textTokens),
        (mask) => mask === 1,
      ),
    ),
    regions: pairs.map((pair) => numRegions[pictureOfPair[pair] ?? 0] ?? 0),
  };
  const compaction = compactPairs(lengths, { text: textTokens, regions: regionsPerPicture });
  return {
    jointSources: tf.tensor1d(compaction.sources, "int32"),
    jointMask: tf.tensor2d(compaction.mask, [numPairs, compaction.length], "int32"),
    jointPlaces: tf.tensor1d(compaction.places, "int32"),
  };
}

/** [P, R], 1 = hidden from the model. */
function hiddenOf(batch: Batch, { hiddenOverlap }: BatchSettings): Int32Array {
  const { maskedRegions, numPictures, numRegions, regionBoxes } = batch;
  const { regionsPerPicture } = batch.shape;
  const hidden = new Int32Array(numPictures * regionsPerPicture);
  if (maskedRegions.length === 0) return hidden;
  for (let picture = 0; picture < numPictures; picture += 1) {
    const [start, end] = [picture * regionsPerPicture, (picture + 1) * regionsPerPicture];
    const boxes = regionBoxes.subarray(4 * start, 4 * end);
    const options = { bound: hiddenOverlap, numRegions: numRegions[picture] ?? 0 };
    hidden.set(hiddenRegions(maskedRegions.subarray(start, end), boxes, options), start);
  }
  return hidden;
}

function taskTensors(task: UniterTask, batch: Batch, settings: BatchSettings): NamedTensors {
  switch (task) {
    case "itm":
      return {};
    case "mlm":
      return maskedWordTensors(batch.mlmLabels);
    case "mrfr":
      return regionRowTensors(predictedRegions(batch));
    case "mrc":
      return { ...regionRowTensors(predictedRegions(batch)), regionLabels: classTensor(batch) };
    case "mrc-kl": {
      const regions = predictedRegions(batch);
      return { ...regionRowTensors(regions), regionTargets: softTensor(batch, regions, settings) };
    }
  }
}

/** A predicted region: its row b * R + r among the pairs' regions, and p * R + r among the pictures'. */
interface PredictedRegion {
  readonly row: number;
  readonly source: number;
}

/** The predicted regions of the pairs; a picture's are those of the pair that it stands in. */
function predictedRegions(batch: Batch): PredictedRegion[] {
  const { maskedRegions, numPairs, pictureOfPair } = batch;
  const { regionsPerPicture } = batch.shape;
  const rows = Array.from({ length: numPairs * regionsPerPicture }, (_, row) => {
    const picture = pictureOfPair[Math.floor(row / regionsPerPicture)] ?? 0;
    return { row, source: picture * regionsPerPicture + (row % regionsPerPicture) };
  });
  return rows.filter(({ source }) => maskedRegions[source] === 1);
}

function regionRowTensors(regions: readonly PredictedRegion[]): NamedTensors {
  const padded = paddedCount(regions.length);
  const filled = (valueOf: (region: PredictedRegion) => number): Int32Array => {
    const values = new Int32Array(padded);
    values.set(regions.map(valueOf));
    return values;
  };
  return {
    regionRows: tf.tensor1d(
      filled(({ row }) => row),
      "int32",
    ),
    regionSources: tf.tensor1d(
      filled(({ source }) => source),
      "int32",
    ),
    regionWeights: tf.tensor1d(new Float32Array(padded).fill(1, 0, regions.length)),
  };
}

/** The classes of the predicted regions, [M]. */
function classTensor(batch: Batch): tf.Tensor1D {
  const regions = predictedRegions(batch);
  const probabilities = { values: batch.classProbabilities, numClasses: classesOf(batch) };
  const labels = new Int32Array(paddedCount(regions.length));
  labels.set(regions.map(({ source }) => objectClass(probabilities, source)));
  return tf.tensor1d(labels, "int32");
}

/** The class probabilities of the predicted regions, [M, C]; ShardError where they are none. */
function softTensor(
  batch: Batch,
  regions: readonly PredictedRegion[],
  { softLabels }: BatchSettings,
): tf.Tensor2D {
  const numClasses = classesOf(batch);
  const { regionsPerPicture } = batch.shape;
  const targets = new Float32Array(paddedCount(regions.length) * numClasses);
  for (const [index, { source }] of regions.entries()) {
    const key = batch.keys[Math.floor(source / regionsPerPicture)] ?? "";
    const record = `${key}, region ${source % regionsPerPicture}`;
    const request = { row: source, scaling: softLabels, record };
    const label = softLabel({ values: batch.classProbabilities, numClasses }, request);
    targets.set(label, index * numClasses);
  }
  return tf.tensor2d(targets, [paddedCount(regions.length), numClasses]);
}

function classesOf({ shape: { classesPerRegion } }: Batch): number {
  if (classesPerRegion > 0) return classesPerRegion;
  throw new ConfigError("the batches have no class probabilities, which this task predicts", {
    remedy: "prepare the set with regions.numClasses, or set the task's ratio to 0",
  });
}
