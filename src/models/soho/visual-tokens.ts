import * as tf from "@tensorflow/tfjs-core";
import { nearestCodes, quantise, dictionaryNames } from "../dictionary/dictionary.ts";
import { offeredFeatures } from "../dictionary/restart.ts";
import { codeStatistics, updatedDictionary, type CodeStatistics } from "../dictionary/update.ts";
import { layerNorm, linear } from "../layers.ts";
import { matrix, tensor3, tensor4, vector } from "../ranks.ts";
import { cellMask } from "../resnet/grid-features.ts";
import { sinePositionsWithin } from "../sine-position.ts";
import { weight, type Weights } from "../weights.ts";
import { dictionaryOf, sohoNames, type SohoConfig } from "./config.ts";
import { normalise, pointwise, type GridFeatures, type SohoRun } from "./grid-encoder.ts";

// P pictures, h and w grid, m = h w visual tokens, D hidden size, k codes

/** Names under which a step collects what the next dictionary is made of. */
export const codeStatisticNames = {
  counts: "code_counts",
  sums: "code_sums",
  /** Of dictionaries whose idle codes begin anew. */
  offered: "code_offers",
} as const;

/** A batch's pictures as the dictionary sees them. */
export interface DictionaryTokens {
  /** The code of each cell, [P, m] of int32. */
  readonly indices: tf.Tensor2D;
  /** Cells that lie in the picture, [P, m], 1 or 0. */
  readonly mask: tf.Tensor2D;
  /** What the Transformer is to read, before its position and its norm, [P, m, D]. */
  readonly tokens: tf.Tensor3D;
  /** The codes that were read, [k, D]. */
  readonly codes: tf.Tensor2D;
  /** Features of each code, of this rank, [k]. */
  readonly counts: tf.Tensor1D;
}

/** The visual dictionary's embedding of grid features (section 3.2). */
export function lookUp(
  weights: Weights,
  config: SohoConfig,
  { grid, run }: { readonly grid: GridFeatures; readonly run: SohoRun },
): DictionaryTokens {
  const { features, valid } = grid;
  const [pictures, height, width, hiddenSize] = features.shape;
  const flat: tf.Tensor2D = tf.reshape(features, [-1, hiddenSize]);
  const mask = cellMask(valid);
  const codes = matrix(weight(weights, sohoNames.dictionary + dictionaryNames.codes));
  const indices = nearestCodes(flat, codes);
  const counted = config.switches.dictionaryPadding === "counted" ? tf.onesLike(mask) : mask;
  const statistics = codeStatistics(flat, indices, {
    counted: vector(tf.reshape(counted, [-1])),
    numCodes: codes.shape[0],
  });
  const read = codesOfStep(weights, config, { features: flat, codes, statistics, run });
  const quantised = quantise(flat, read, indices);
  const grids = { features, quantised: tensor4(tf.reshape(quantised, features.shape)) };
  return {
    indices: tf.reshape(indices, [pictures, height * width]),
    mask,
    tokens: tf.reshape(tokensOf(weights, config, { ...grids, run }), [
      pictures,
      height * width,
      hiddenSize,
    ]),
    codes: read,
    counts: statistics.counts,
  };
}

/** The codes that a step reads: in the released code those that its own features have moved already. */
function codesOfStep(
  weights: Weights,
  config: SohoConfig,
  step: {
    readonly features: tf.Tensor2D;
    readonly codes: tf.Tensor2D;
    readonly statistics: CodeStatistics;
    readonly run: SohoRun;
  },
): tf.Tensor2D {
  const { codes, features, run, statistics } = step;
  if (run.mode === "eval") return codes;
  run.collect(codeStatisticNames.counts, statistics.counts);
  run.collect(codeStatisticNames.sums, statistics.sums);
  if (run.restarts !== undefined) {
    run.collect(codeStatisticNames.offered, offeredFeatures(features, run.restarts));
  }
  if (config.switches.dictionaryOrder === "read-first") return codes;
  const { sumOverRanks = tf.clone } = run;
  const prefix = sohoNames.dictionary;
  const moved = updatedDictionary(weights, dictionaryOf(config), {
    prefix,
    statistics: {
      counts: vector(sumOverRanks(statistics.counts)),
      sums: matrix(sumOverRanks(statistics.sums)),
    },
  });
  return matrix(weight(moved, prefix + dictionaryNames.codes));
}

function tokensOf(
  weights: Weights,
  { switches }: SohoConfig,
  grids: {
    readonly features: tf.Tensor4D;
    readonly quantised: tf.Tensor4D;
    readonly run: SohoRun;
  },
): tf.Tensor {
  const { features, quantised, run } = grids;
  switch (switches.visualInput) {
    case "features":
      return features;
    case "quantised":
      return quantised;
    case "gated": {
      const code = tensor4(linear(weights, sohoNames.codeProjection, quantised));
      const both = tensor4(tf.concat([code, features], 3));
      const scores = pointwise(weights, `${sohoNames.gate}.weight`, both);
      const gate = tf.softmax(normalise(weights, sohoNames.gateNorm, { x: scores, run }));
      const [ofCode, ofFeature] = tf.split(gate, 2, 3); // [P, h, w, 1] each
      if (!ofCode || !ofFeature) throw new RangeError("a gate has two sides");
      return tf.add(tf.mul(code, ofCode), tf.mul(features, ofFeature));
    }
  }
}

/** PyTorch's default, which SOHO's code takes here. */
const NECK_NORM_EPSILON = 1e-5;

/** Tokens [P, m, D] with their sine position in the picture, normalised: what stands in the sequence. */
export function placeTokens(
  weights: Weights,
  tokens: tf.Tensor3D,
  grid: GridFeatures,
): tf.Tensor3D {
  return normaliseTokens(weights, tf.add(tokens, positionsOf(grid)));
}

/** What stands in the place of hidden tokens: the mask vector at each position, [P, m, D]. */
export function maskedTokens(weights: Weights, grid: GridFeatures): tf.Tensor3D {
  return normaliseTokens(weights, tf.add(weight(weights, sohoNames.mask), positionsOf(grid)));
}

function positionsOf({ features, valid }: GridFeatures): tf.Tensor3D {
  const [pictures, height, width, hiddenSize] = features.shape;
  const codes = sinePositionsWithin(valid, hiddenSize);
  return tf.reshape(codes, [pictures, height * width, hiddenSize]);
}

function normaliseTokens(weights: Weights, tokens: tf.Tensor): tf.Tensor3D {
  const options = { name: sohoNames.norm, epsilon: NECK_NORM_EPSILON };
  return tensor3(layerNorm(weights, tokens, options));
}
