import * as tf from "@tensorflow/tfjs-core";
import { languageHeadLogits } from "../../models/bert/language-head.ts";
import type { Dropout } from "../../models/dropout.ts";
import { regionClassLogits, regressedRegions } from "../../models/heads/regions.ts";
import { type FusionOutput, type NamedTensors, tensorNamed } from "../../models/pair-model.ts";
import { matrix, tensor3, vector } from "../../models/ranks.ts";
import { uniterLanguageHead, type UniterConfig } from "../../models/uniter/config.ts";
import { embedRegions } from "../../models/uniter/image-embedding.ts";
import { fuseRegions, uniterMatching } from "../../models/uniter/uniter.ts";
import type { Weights } from "../../models/weights.ts";
import { gatherRows, gatherSlices } from "../../tensor/gather.ts";
import { meanNegativeLogLikelihood, shareRight } from "../objectives/likelihood.ts";
import { regionDivergenceLoss, regionRegressionLoss } from "../objectives/regions.ts";
import {
  alignmentLoss,
  cosineCosts,
  transportDistances,
  transportPlans,
  withoutSpecials,
} from "../objectives/transport.ts";
import type { UniterObjectives, UniterTask } from "../recipes/uniter-recipe.ts";
import { matchingLosses } from "../systems/pair-losses.ts";
import type { SystemLosses } from "../systems/system.ts";

// P pictures, B pairs, n text tokens, R regions, M predicted words or regions, D hidden size

export interface UniterLossCall {
  readonly config: UniterConfig;
  readonly objectives: Pick<UniterObjectives, "wraWeight" | "transport">;
  /** Of `uniterBatch`. */
  readonly batch: NamedTensors;
  readonly dropout: Dropout;
}

/** What is told of each task's step. */
export const uniterReadings: Readonly<Record<UniterTask, readonly string[]>> = {
  itm: ["itm", "wra", "itmAccuracy"],
  mlm: ["mlm", "mlmAccuracy"],
  mrfr: ["mrfr"],
  mrc: ["mrc", "mrcAccuracy"],
  "mrc-kl": ["mrcKl"],
};

/** The loss of one task (UNITER, section 3.2): each batch is for one. */
export function uniterLosses(
  task: UniterTask,
  weights: Weights,
  call: UniterLossCall,
): SystemLosses {
  const output = outputOf(weights, call);
  const [words, pairs, regions] = sharesOf(call.batch);
  switch (task) {
    case "itm":
      return alignedMatching(weights, call, { output, share: pairs });
    case "mlm":
      return scaled(languageLosses(weights, call, output), words);
    case "mrfr":
      return scaled([regressionLoss(weights, call, output)], regions);
    case "mrc":
      return scaled(classificationLosses(weights, call, output), regions);
    case "mrc-kl":
      return scaled([divergenceLoss(weights, call, output)], regions);
  }
}

function sharesOf(batch: NamedTensors): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const [words, pairs, regions] = tf.unstack(tensorNamed(batch, "shares"));
  if (!words || !pairs || !regions) throw new RangeError("a batch has three shares");
  return [words, pairs, regions];
}

/** A rank's part of a loss and what is told beside it, each a mean over the rank's own. */
function scaled(
  [loss, ...others]: readonly [tf.Scalar, ...tf.Scalar[]],
  share: tf.Tensor,
): SystemLosses {
  const total: tf.Scalar = tf.mul(loss, share);
  return { total, readings: [total, ...others.map((other): tf.Scalar => tf.mul(other, share))] };
}

function outputOf(weights: Weights, { batch, config, dropout }: UniterLossCall): FusionOutput {
  const pictures = {
    features: tensor3(tensorNamed(batch, "regionFeatures")),
    boxes: tensor3(tensorNamed(batch, "regionNumbers")),
    masked: matrix(tensorNamed(batch, "hidden")),
  };
  return fuseRegions(weights, config, {
    tokenIds: matrix(tensorNamed(batch, "tokenIds")),
    tokenMask: matrix(tensorNamed(batch, "tokenMask")),
    visual: {
      tokens: tensor3(ofPairs(embedRegions(weights, pictures, config.switches), batch)),
      mask: pairMask(batch),
    },
    dropout,
    compaction: {
      sources: vector(tensorNamed(batch, "jointSources")),
      mask: matrix(tensorNamed(batch, "jointMask")),
      places: vector(tensorNamed(batch, "jointPlaces")),
    },
  });
}

/** Rows of pictures [P, …] as rows of pairs [B, …]. */
function ofPairs(x: tf.Tensor, batch: NamedTensors): tf.Tensor {
  return gatherRows(x, vector(tensorNamed(batch, "pictureOfPair")));
}

/** [B, R], 1 = a region */
function pairMask(batch: NamedTensors): tf.Tensor2D {
  const pictures = vector(tensorNamed(batch, "pictureOfPair"));
  return matrix(gatherSlices(tensorNamed(batch, "regionMask"), pictures, 0));
}

function alignedMatching(
  weights: Weights,
  { batch, config, objectives }: UniterLossCall,
  { output, share }: { readonly output: FusionOutput; readonly share: tf.Tensor },
): SystemLosses {
  const matched = vector(tensorNamed(batch, "matched"));
  const logits = uniterMatching(weights, config, output.text);
  const { accuracy, loss } = matchingLosses(logits, matched);
  const itm: tf.Scalar = tf.mul(loss, share);
  const itmAccuracy: tf.Scalar = tf.mul(accuracy, share);
  const { wraWeight } = objectives;
  const wra: tf.Scalar =
    wraWeight === 0
      ? tf.scalar(0)
      : tf.mul(alignment(batch, { config, objectives, output }), share);
  return { total: tf.add(itm, tf.mul(wra, wraWeight)), readings: [itm, wra, itmAccuracy] };
}

function alignment(
  batch: NamedTensors,
  { config, objectives, output }: Pick<UniterLossCall, "config" | "objectives"> & { readonly output: FusionOutput }, // prettier-ignore
): tf.Scalar {
  const { alignedSpecials, unmatchedAlignment } = config.switches;
  const tokenMask = matrix(tensorNamed(batch, "tokenMask"));
  const costs = cosineCosts(output.visual, output.text);
  const plans = transportPlans(
    {
      costs,
      visualMask: pairMask(batch),
      textMask: alignedSpecials ? tokenMask : withoutSpecials(tokenMask),
    },
    objectives.transport,
  );
  const distances = transportDistances(plans, costs);
  return alignmentLoss(distances, vector(tensorNamed(batch, "matched")), unmatchedAlignment);
}

function languageLosses(
  weights: Weights,
  { batch }: UniterLossCall,
  { text }: FusionOutput,
): [tf.Scalar, tf.Scalar] {
  const chosen = chosenRows(text, vector(tensorNamed(batch, "maskedRows")));
  const logits = languageHeadLogits(weights, uniterLanguageHead, chosen);
  const labels = vector(tensorNamed(batch, "maskedLabels"));
  const counted = vector(tensorNamed(batch, "maskedWeights"));
  return [meanNegativeLogLikelihood(logits, labels, counted), shareRight(logits, labels, counted)];
}

function regressionLoss(weights: Weights, call: UniterLossCall, output: FusionOutput): tf.Scalar {
  const { regressionHead, regressionScale } = call.config.switches;
  const { batch } = call;
  const sources = vector(tensorNamed(batch, "regionSources"));
  const features = chosenRows(tensor3(tensorNamed(batch, "regionFeatures")), sources);
  const regressed = regressedRegions(weights, regressionHead, regionStates(batch, output));
  return regionRegressionLoss(regressed, { features, counted: countedRegions(batch) }, regressionScale); // prettier-ignore
}

function classificationLosses(
  weights: Weights,
  { batch, config }: UniterLossCall,
  output: FusionOutput,
): [tf.Scalar, tf.Scalar] {
  const states = regionStates(batch, output);
  const logits = regionClassLogits(weights, config.switches.classificationHead, states);
  const labels = vector(tensorNamed(batch, "regionLabels"));
  const counted = countedRegions(batch);
  return [meanNegativeLogLikelihood(logits, labels, counted), shareRight(logits, labels, counted)];
}

function divergenceLoss(
  weights: Weights,
  { batch, config }: UniterLossCall,
  output: FusionOutput,
): tf.Scalar {
  const { classificationHead, divergenceScale } = config.switches;
  const logits = regionClassLogits(weights, classificationHead, regionStates(batch, output));
  const probabilities = matrix(tensorNamed(batch, "regionTargets"));
  return regionDivergenceLoss(logits, { probabilities, counted: countedRegions(batch) }, divergenceScale); // prettier-ignore
}

/** The states of the predicted regions, [M, D]. */
function regionStates(batch: NamedTensors, { visual }: FusionOutput): tf.Tensor2D {
  return chosenRows(visual, vector(tensorNamed(batch, "regionRows")));
}

function countedRegions(batch: NamedTensors): tf.Tensor1D {
  return vector(tensorNamed(batch, "regionWeights"));
}

/** Rows of x [B, N, D] counted through, [M, D]. */
function chosenRows(x: tf.Tensor3D, rows: tf.Tensor1D): tf.Tensor2D {
  return matrix(gatherRows(tf.reshape(x, [-1, x.shape[2]]), rows));
}

/** Share of the counted rows whose label has the highest logit. */
