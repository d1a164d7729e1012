import * as tf from "@tensorflow/tfjs-core";
import { tensorOfBytes } from "../../tensor/bytes.ts";
import { embedText } from "../bert/embeddings.ts";
import { encode } from "../bert/encoder.ts";
import { jointSequence, splitJoint } from "../bert/joint.ts";
import { languageHeadLogits } from "../bert/language-head.ts";
import { linearWithoutBias } from "../layers.ts";
import {
  tensorNamed,
  type FusionInput,
  type FusionOutput,
  type NamedTensors,
  type PairModel,
  type PictureArrays,
} from "../pair-model.ts";
import { matrix, tensor4, vector } from "../ranks.ts";
import { weight, type Weights } from "../weights.ts";
import { sohoBuffers, sohoLanguageHead, sohoNames, sohoSpecs, type SohoConfig } from "./config.ts";
import { encodeGrid, sohoEvaluation, type SohoPictures } from "./grid-encoder.ts";
import { lookUp, placeTokens } from "./visual-tokens.ts";

// P pictures, H and W picture, B pairs, n text tokens, m visual tokens, D hidden size, N features, k codes

/** SOHO for whoever evaluates or probes it. */
export function sohoModel(config: SohoConfig): PairModel {
  return {
    specs: sohoSpecs(config),
    buffers: sohoBuffers(config),
    pictureTensors,
    embed: (weights, pictures) => {
      const run = sohoEvaluation;
      const grid = encodeGrid(weights, config, { pictures: sohoPictures(pictures), run });
      const { mask, tokens } = lookUp(weights, config, { grid, run });
      return { tokens: placeTokens(weights, tokens, grid), mask: matrix(tf.cast(mask, "int32")) };
    },
    fuse: (weights, input) => fuseSoho(weights, config, input),
    matchingLogits: sohoMatchingLogits,
    languageLogits: (weights, chosen) => languageHeadLogits(weights, sohoLanguageHead, chosen),
  };
}

/** The tensors of a batch's pictures; the caller's to dispose. */
export function pictureTensors(batch: PictureArrays): NamedTensors {
  const { numPictures, shape } = batch;
  const { pictureHeight, pictureWidth } = shape;
  return {
    pixels: tensorOfBytes<tf.Rank.R4>(batch.pixels, [numPictures, pictureHeight, pictureWidth, 3]),
    validHeights: tf.tensor1d(batch.validHeights.slice(), "int32"),
    validWidths: tf.tensor1d(batch.validWidths.slice(), "int32"),
  };
}

/** The pictures whose tensors `pictureTensors` has made. */
export function sohoPictures(tensors: NamedTensors): SohoPictures {
  return {
    pixels: tensor4(tensorNamed(tensors, "pixels")),
    valid: {
      heights: vector(tensorNamed(tensors, "validHeights")),
      widths: vector(tensorNamed(tensors, "validWidths")),
    },
  };
}

/**
 * The cross-modal Transformer over [CLS] words [SEP] and then the visual tokens. Words have the first token type where the
 * model has token types, visual tokens none.
 */
export function fuseSoho(weights: Weights, config: SohoConfig, input: FusionInput): FusionOutput {
  const { dropout, tokenIds, tokenMask, visual } = input;
  const { transformer } = config;
  const types = transformer.tokenTypes > 0 ? { tokenTypes: 0 } : {};
  const words = embedText(weights, { tokenIds, dropout, ...types });
  const sequence = jointSequence({
    words,
    wordMask: tokenMask,
    others: visual.tokens,
    otherMask: visual.mask,
  });
  const joint = encode(weights, transformer, { ...sequence, dropout });
  const split = splitJoint(joint, tokenIds.shape[1]);
  return { text: split.words, visual: split.others };
}

/** Logits of (unmatched, matched) from [CLS] as it is, [B, 2]. */
function sohoMatchingLogits(weights: Weights, { text }: FusionOutput): tf.Tensor2D {
  const [batch, , hiddenSize] = text.shape;
  const cls = tf.reshape(tf.slice(text, [0, 0, 0], [batch, 1, hiddenSize]), [batch, hiddenSize]);
  return matrix(linearWithoutBias(weight(weights, sohoNames.matching), cls));
}

/** Keeps a vector of zeros, as a code can be, from 0 / 0. */
const SMALLEST_SQUARE = 1e-24;

/**
 * Logits over the dictionary's codes, [N, D] and [k, D] to [N, k]. "cosine": SOHO's code. "dot": the dot product over the
 * square root of D, which keeps the start as even as attention's is. No gradient reaches the codes.
 */
export function codeLogits(
  states: tf.Tensor2D,
  codes: tf.Tensor2D,
  kind: "dot" | "cosine",
): tf.Tensor2D {
  if (kind === "dot") {
    const scaled = tf.mul(states, states.shape[1] ** -0.5);
    return tf.matMul(scaled, codes, false, true);
  }
  return tf.matMul(directionsOf(states), directionsOf(codes), false, true);
}

function directionsOf(rows: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.sum(tf.square(rows), 1, true);
  return tf.mul(rows, tf.rsqrt(tf.add(squares, SMALLEST_SQUARE)));
}
