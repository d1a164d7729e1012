import * as tf from "@tensorflow/tfjs-core";
import { attentionBias } from "../bert/attention.ts";
import { embedText } from "../bert/embeddings.ts";
import { encode } from "../bert/encoder.ts";
import { jointSequence, splitJoint } from "../bert/joint.ts";
import { languageHeadLogits } from "../bert/language-head.ts";
import { firstStates, pooled } from "../bert/pooler.ts";
import { matchingLogits } from "../heads/matching.ts";
import {
  tensorNamed,
  type FusionInput,
  type FusionOutput,
  type NamedTensors,
  type PairModel,
  type PictureArrays,
} from "../pair-model.ts";
import { matrix, tensor3 } from "../ranks.ts";
import type { Weights } from "../weights.ts";
import { NUMBERS_OF_A_REGION, regionNumbers } from "./boxes.ts";
import { compact, spread, type CompactionTensors } from "./compaction.ts";
import { uniterLanguageHead, uniterSpecs, type UniterConfig } from "./config.ts";
import { embedRegions } from "./image-embedding.ts";

// P pictures, B pairs, n text tokens, R regions, F features, D hidden size

/** The token type of words; regions have the other one. */
const WORD_TYPE = 0;

/** UNITER for whoever evaluates or probes it. */
export function uniterModel(config: UniterConfig): PairModel {
  const { switches } = config;
  return {
    specs: uniterSpecs(config),
    buffers: [],
    pictureTensors: regionTensors,
    embed: (weights, pictures) => ({
      tokens: embedRegions(
        weights,
        {
          features: tensor3(tensorNamed(pictures, "regionFeatures")),
          boxes: tensor3(tensorNamed(pictures, "regionNumbers")),
        },
        switches,
      ),
      mask: matrix(tensorNamed(pictures, "regionMask")),
    }),
    fuse: (weights, input) => fuseRegions(weights, config, input),
    matchingLogits: (weights, { text }) => uniterMatching(weights, config, text),
    languageLogits: (weights, chosen) => languageHeadLogits(weights, uniterLanguageHead, chosen),
  };
}

/** A batch's regions: features [P, R, F], boxes as seven numbers [P, R, 7], and which rows are regions [P, R]. */
export function regionTensors(batch: PictureArrays): NamedTensors {
  const { numPictures, numRegions, regionFeatures } = batch;
  const { featuresPerRegion, regionsPerPicture } = batch.shape;
  const { numbers } = regionNumbers(batch, regionsPerPicture);
  const mask = Int32Array.from({ length: numPictures * regionsPerPicture }, (_, row) =>
    Number(row % regionsPerPicture < (numRegions[Math.floor(row / regionsPerPicture)] ?? 0)),
  );
  const rows = [numPictures, regionsPerPicture] as const;
  return {
    regionFeatures: tf.tensor3d(regionFeatures.slice(), [...rows, featuresPerRegion]),
    regionNumbers: tf.tensor3d(numbers, [...rows, NUMBERS_OF_A_REGION]),
    regionMask: tf.tensor2d(mask, [...rows], "int32"),
  };
}

/**
 * The Transformer over a text and its picture's embedded regions; their dropout is drawn here, for each pair. With a
 * compaction no pad stands between the two and sequences are only as long as they must be; the outputs are the same.
 */
export function fuseRegions(
  weights: Weights,
  { transformer }: UniterConfig,
  input: FusionInput & { readonly compaction?: CompactionTensors },
): FusionOutput {
  const { compaction, dropout, tokenIds, tokenMask, visual } = input;
  const words = embedText(weights, { tokenIds, tokenTypes: WORD_TYPE, dropout });
  const others = tensor3(dropout()(visual.tokens));
  const joint = jointSequence({ words, wordMask: tokenMask, others, otherMask: visual.mask });
  const encoded =
    compaction === undefined
      ? encode(weights, transformer, { ...joint, dropout })
      : spread(
          encode(weights, transformer, {
            tokens: compact(joint.tokens, compaction),
            bias: attentionBias(compaction.mask),
            dropout,
          }),
          compaction,
        );
  const { others: regions, words: text } = splitJoint(encoded, tokenIds.shape[1]);
  return { text, visual: regions };
}

/** Logits of (unmatched, matched), [B, 2], from text states [B, n, D]. */
export function uniterMatching(
  weights: Weights,
  { switches }: UniterConfig,
  text: tf.Tensor3D,
): tf.Tensor2D {
  const pairs = switches.matchingInput === "pooled" ? pooled(weights, text) : firstStates(text);
  return matchingLogits(weights, pairs);
}
