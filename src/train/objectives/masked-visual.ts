import * as tf from "@tensorflow/tfjs-core";
import { matrix, vector } from "../../models/ranks.ts";
import { gatherSlices } from "../../tensor/gather.ts";
import { meanNegativeLogLikelihood } from "./likelihood.ts";

// P pictures, B pairs, m visual tokens, k codes

/** Pictures as codes, and who looks at them. */
export interface CodedPictures {
  /** The code of each visual token, [P, m] of int32. */
  readonly indices: tf.Tensor2D;
  /** 1 for tokens that lie in the picture, 0 for padding, [P, m]. */
  readonly valid: tf.Tensor2D;
  /** [B] */
  readonly pictureOfPair: tf.Tensor1D;
}

/** What Masked Visual Modelling hides of each pair. */
export interface VisualMask {
  /** 1 where a token is hidden, [B, m]. */
  readonly hidden: tf.Tensor2D;
  /** The code that each token had, [B, m] of int32: the labels of the hidden ones. */
  readonly indices: tf.Tensor2D;
}

/**
 * SOHO's choice (section 3.3): of the codes that a picture has, one is drawn, each with the same chance, and all tokens
 * that carry it are hidden. `uniforms` [B] in [0, 1) are the draws.
 */
export function hideOneIndex(
  pictures: CodedPictures,
  { numCodes, uniforms }: { readonly numCodes: number; readonly uniforms: tf.Tensor1D },
): VisualMask {
  const { indices, valid } = ofPairs(pictures);
  const [numPictures] = pictures.indices.shape;
  const places = tf.add(
    pictures.indices,
    tf.expandDims(tf.range(0, numPictures * numCodes, numCodes, "int32"), 1),
  );
  const tokensOfCode = tf.unsortedSegmentSum(
    tf.reshape(pictures.valid, [-1]),
    vector(tf.reshape(tf.cast(places, "int32"), [-1])),
    numPictures * numCodes,
  );
  const exists = tf.cast(
    tf.greater(tf.reshape(tokensOfCode, [numPictures, numCodes]), 0),
    "float32",
  );
  const rank = gatherSlices(tf.cumsum(exists, 1), pictures.pictureOfPair, 0); // [B, k]
  const numExisting = tf.slice(rank, [0, numCodes - 1], [-1, 1]); // [B, 1]
  const drawn = tf.floor(tf.mul(tf.expandDims(uniforms, 1), numExisting)); // [B, 1]
  // Codes whose rank does not pass the drawn one stand before the chosen code.
  const chosen = tf.sum(tf.cast(tf.lessEqual(rank, drawn), "int32"), 1, true); // [B, 1]
  const isChosen = tf.cast(tf.equal(indices, chosen), "float32");
  return { hidden: matrix(tf.mul(isChosen, valid)), indices };
}

export interface LocationDraws {
  /** A uniform number in [0, 1) for the whole batch, [1]. */
  readonly location: tf.Tensor1D;
  /** One for each pair, [B]. */
  readonly uniforms: tf.Tensor1D;
  readonly probability: number;
}

/**
 * The choice of SOHO's released code: one location for the whole batch; with `probability` a pair hides all tokens
 * that carry the code at that location, and nothing where the location is padding.
 */
export function hideIndexAtLocation(pictures: CodedPictures, draws: LocationDraws): VisualMask {
  const { indices, valid } = ofPairs(pictures);
  const [, tokens] = pictures.indices.shape;
  const drawn = tf.cast(tf.floor(tf.mul(draws.location, tokens)), "int32");
  const location = vector(tf.minimum(drawn, tf.scalar(tokens - 1, "int32"))); // [1]
  const isChosen = tf.cast(tf.equal(indices, gatherSlices(indices, location, 1)), "float32");
  const hides = tf.cast(tf.less(draws.uniforms, draws.probability), "float32"); // [B]
  const isSeen = gatherSlices(valid, location, 1); // [B, 1]
  const reach = tf.mul(isSeen, tf.expandDims(hides, 1));
  return { hidden: matrix(tf.mul(tf.mul(isChosen, valid), reach)), indices };
}

function ofPairs({ indices, pictureOfPair, valid }: CodedPictures): {
  readonly indices: tf.Tensor2D;
  readonly valid: tf.Tensor2D;
} {
  return {
    indices: matrix(gatherSlices(indices, pictureOfPair, 0)),
    valid: matrix(gatherSlices(valid, pictureOfPair, 0)),
  };
}

/** How hidden tokens weigh: each the same in the whole batch (SOHO's code), or each pair the same (eq. 7's expectation). */
export type VisualWeighting = "tokens" | "pairs";

/** The weights [B * m] of hidden tokens of the pairs that `counted` [B] marks. */
export function visualWeights(
  { hidden }: VisualMask,
  counted: tf.Tensor1D,
  weighting: VisualWeighting,
): tf.Tensor1D {
  const weights = tf.mul(hidden, tf.expandDims(counted, 1));
  const perPair = tf.maximum(tf.sum(hidden, 1, true), 1);
  return vector(tf.reshape(weighting === "tokens" ? weights : tf.div(weights, perPair), [-1]));
}

/**
 * Masked Visual Modelling (eq. 7): the mean negative log likelihood of the hidden tokens' codes by `visualWeights`, from
 * logits [B * m, k]; 0 where nothing is hidden. The released code divides by the number of tokens plus 1e-6.
 */
export function maskedVisualLoss(
  logits: tf.Tensor2D,
  { indices }: VisualMask,
  weights: tf.Tensor1D,
): tf.Scalar {
  return meanNegativeLogLikelihood(logits, vector(tf.reshape(indices, [-1])), weights);
}

/** The share of hidden tokens, by `visualWeights`, whose code has the highest logit. */
export function maskedVisualAccuracy(
  logits: tf.Tensor2D,
  { indices }: VisualMask,
  weights: tf.Tensor1D,
): tf.Scalar {
  const right = tf.cast(tf.equal(tf.argMax(logits, 1), tf.reshape(indices, [-1])), "float32");
  return tf.div(tf.sum(tf.mul(right, weights)), tf.maximum(tf.sum(weights), 1));
}

/**
 * The least that Masked Visual Modelling can reach with cosines as logits, which have no temperature: the right code at
 * 1 and the k - 1 others at -1, ln(1 + (k - 1) e^-2).
 */
export function cosineFloor(numCodes: number): number {
  return Math.log(1 + (numCodes - 1) * Math.exp(-2));
}
