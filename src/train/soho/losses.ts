import * as tf from "@tensorflow/tfjs-core";
import { dictionaryNames } from "../../models/dictionary/dictionary.ts";
import { countRestarts } from "../../models/dictionary/restart.ts";
import { codePerplexity, usedCodes } from "../../models/dictionary/usage.ts";
import { stopGradient } from "../../models/layers.ts";
import { tensorNamed, type FusionOutput, type NamedTensors } from "../../models/pair-model.ts";
import { matrix, tensor3, vector } from "../../models/ranks.ts";
import { sohoNames, type SohoConfig } from "../../models/soho/config.ts";
import { encodeGrid, type SohoRun } from "../../models/soho/grid-encoder.ts";
import { codeLogits, fuseSoho, sohoModel, sohoPictures } from "../../models/soho/soho.ts";
import {
  lookUp,
  maskedTokens,
  placeTokens,
  type DictionaryTokens,
} from "../../models/soho/visual-tokens.ts";
import { weight, type Weights } from "../../models/weights.ts";
import { gatherRows } from "../../tensor/gather.ts";
import { hideTokens } from "../objectives/masked-features.ts";
import {
  hideIndexAtLocation,
  hideOneIndex,
  maskedVisualAccuracy,
  maskedVisualLoss,
  visualWeights,
  type VisualMask,
} from "../objectives/masked-visual.ts";
import type { SohoObjectives } from "../recipes/soho-recipe.ts";
import { languageLoss, matchingLosses } from "../systems/pair-losses.ts";
import type { LossCall } from "../systems/system.ts";

// P pictures, B pairs, n text tokens, m visual tokens, D hidden size, k codes

export interface SohoContext {
  readonly config: SohoConfig;
  readonly objectives: SohoObjectives;
  readonly run: SohoRun;
}

/** Names of what is told of a step, in the order of `SohoLosses.readings`. */
export const sohoReadings = [
  "mlm",
  "itm",
  "mvm",
  "itmAccuracy",
  "mvmAccuracy",
  "mvmRate",
  "codesUsed",
  "codePerplexity",
  "codeRestarts",
] as const;

export interface SohoLosses {
  readonly total: tf.Scalar;
  readonly readings: readonly tf.Scalar[];
}

/** L = L_MLM + L_MVM + L_ITM (eq. 9) of a rank's share of a batch; `call.weights` hold the buffers too. */
export function sohoLosses(
  call: Pick<LossCall, "batch" | "dropout" | "weights">,
  context: SohoContext,
): SohoLosses {
  const { batch, dropout, weights } = call;
  const { config, objectives, run } = context;
  const grid = encodeGrid(weights, config, { pictures: sohoPictures(batch), run });
  const looked = lookUp(weights, config, { grid, run });
  const mask = visualMask(looked, batch, context);
  const pictureOfPair = vector(tensorNamed(batch, "pictureOfPair"));
  const ofPairs = (x: tf.Tensor3D): tf.Tensor3D => tensor3(gatherRows(x, pictureOfPair));
  const tokens = hideTokens(
    ofPairs(placeTokens(weights, looked.tokens, grid)),
    mask.hidden,
    ofPairs(maskedTokens(weights, grid)),
  );
  const valid = matrix(gatherRows(looked.mask, pictureOfPair)); // [B, m]
  const output = fuseSoho(weights, config, {
    tokenIds: matrix(tensorNamed(batch, "tokenIds")),
    tokenMask: matrix(tensorNamed(batch, "tokenMask")),
    visual: { tokens, mask: matrix(tf.cast(valid, "int32")) },
    dropout,
  });
  const model = sohoModel(config);
  const matched = vector(tensorNamed(batch, "matched"));
  const itm = matchingLosses(model.matchingLogits(weights, output), matched);
  const mlm = languageLoss(output.text, batch, (chosen) => model.languageLogits(weights, chosen));
  const mvm = visualLosses(output, { looked, mask, matched, valid, config });
  const shares = sharesOf(batch, config);
  const parts = {
    mlm: tf.mul<tf.Scalar>(mlm, shares.words),
    itm: tf.mul<tf.Scalar>(itm.loss, shares.pairs),
    mvm: tf.mul<tf.Scalar>(mvm.loss, shares.predictedPairs),
  };
  const total: tf.Scalar = tf.addN([
    tf.mul(parts.mlm, objectives.mlmWeight),
    tf.mul(parts.itm, objectives.itmWeight),
    tf.mul(parts.mvm, objectives.mvmWeight),
  ]);
  const told = [
    tf.mul<tf.Scalar>(itm.accuracy, shares.pairs),
    tf.mul<tf.Scalar>(mvm.accuracy, shares.predictedPairs),
    tf.mul<tf.Scalar>(mvm.rate, shares.pairs),
    // Of several ranks these are the mean of what each rank sees.
    tf.mul<tf.Scalar>(usedCodes(looked.counts), shares.pairs),
    tf.mul<tf.Scalar>(codePerplexity(looked.counts), shares.pairs),
    tf.mul<tf.Scalar>(restartsOf(weights, looked, config), shares.pairs),
  ];
  return { total, readings: [parts.mlm, parts.itm, parts.mvm, ...told] };
}

function restartsOf(weights: Weights, { counts }: DictionaryTokens, config: SohoConfig): tf.Scalar {
  const { restartAfterSteps } = config.dictionary;
  if (restartAfterSteps === 0) return tf.scalar(0);
  const idle = weight(weights, sohoNames.dictionary + dictionaryNames.idleSteps);
  return countRestarts(vector(idle), counts, restartAfterSteps);
}

/** What part of the global batch's predicted words, pairs, and pairs that MVM is computed with this batch holds. */
function sharesOf(
  batch: NamedTensors,
  { switches }: SohoConfig,
): { readonly words: tf.Tensor; readonly pairs: tf.Tensor; readonly predictedPairs: tf.Tensor } {
  const [words, pairs, matchedPairs] = tf.unstack(tensorNamed(batch, "shares"));
  if (!words || !pairs || !matchedPairs) throw new RangeError("a batch has three shares");
  return { words, pairs, predictedPairs: switches.predictedPairs === "all" ? pairs : matchedPairs };
}

/** Visual tokens are hidden in unmatched pairs too, or a mask would give the match away. */
function visualMask(
  looked: DictionaryTokens,
  batch: NamedTensors,
  { config, objectives }: SohoContext,
): VisualMask {
  const pictures = {
    indices: looked.indices,
    valid: looked.mask,
    pictureOfPair: vector(tensorNamed(batch, "pictureOfPair")),
  };
  const uniforms = vector(tensorNamed(batch, "mvmUniforms"));
  if (config.switches.mvmChoice === "existing-index") {
    return hideOneIndex(pictures, { numCodes: config.dictionary.codes, uniforms });
  }
  const location = vector(tensorNamed(batch, "mvmLocation"));
  const probability = objectives.mvmProbability;
  return hideIndexAtLocation(pictures, { location, uniforms, probability });
}

interface VisualStep {
  readonly looked: DictionaryTokens;
  readonly mask: VisualMask;
  readonly matched: tf.Tensor1D;
  /** [B, m] */
  readonly valid: tf.Tensor2D;
  readonly config: SohoConfig;
}

function visualLosses(
  output: FusionOutput,
  { config, looked, mask, matched, valid }: VisualStep,
): { readonly loss: tf.Scalar; readonly accuracy: tf.Scalar; readonly rate: tf.Scalar } {
  const { mvmLogits, predictedPairs } = config.switches;
  const least = predictedPairs === "all" ? 0 : 1;
  const counted = vector(tf.cast(tf.greaterEqual(matched, least), "float32"));
  // The code's mean is over tokens; over pairs it is the same on any number of ranks.
  const weighting = predictedPairs === "all" ? "tokens" : "pairs";
  const weights = visualWeights(mask, counted, weighting);
  const states: tf.Tensor2D = tf.reshape(output.visual, [-1, output.visual.shape[2]]);
  const logits = codeLogits(states, looked.codes, mvmLogits);
  const numValid = tf.maximum(tf.sum(valid), 1);
  return {
    loss: maskedVisualLoss(logits, mask, weights),
    accuracy: maskedVisualAccuracy(matrix(stopGradient(logits)), mask, weights),
    rate: tf.div(tf.sum(mask.hidden), numValid),
  };
}
