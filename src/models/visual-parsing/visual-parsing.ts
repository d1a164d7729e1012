import * as tf from "@tensorflow/tfjs-core";
import { jointSequence, splitJoint } from "../bert/joint.ts";
import { languageHeadLogits, languageHeadSpecs, type LanguageHead } from "../bert/language-head.ts";
import { firstStates } from "../bert/pooler.ts";
import { attentionBias } from "../bert/attention.ts";
import { encode, encoderSpecs } from "../bert/encoder.ts";
import { embeddingSpecs, embedText } from "../bert/embeddings.ts";
import type { BertConfig } from "../bert/config.ts";
import type { Dropout, StochasticDepth } from "../dropout.ts";
import { normalisedPixels } from "../imagenet.ts";
import { BERT_NORM_EPSILON, layerNorm, linear } from "../layers.ts";
import { matrix } from "../ranks.ts";
import { sinePositions } from "../sine-position.ts";
import { swinForward } from "../swin/swin.ts";
import { swinOutputShape } from "../swin/stages.ts";
import { swinSpecs } from "../swin/specs.ts";
import type { SwinConfig } from "../swin/config.ts";
import type { SwinOutput } from "../swin/output.ts";
import {
  linearSpecs,
  normSpecs,
  weight,
  withoutPrefix,
  withPrefix,
  type Weights,
  type WeightSpec,
} from "../weights.ts";

// P pictures, B pairs, S image side, n text tokens, m visual tokens, c visual channels, D hidden size, V vocabulary

/** Visual Parsing (Xue et al., NeurIPS 2021): a Swin Transformer and a multi-modal Transformer, end to end. */
export interface VisualParsingConfig {
  readonly swin: SwinConfig;
  readonly transformer: BertConfig;
  /**
   * Layers of the optional language Transformer T_Lan, which reads the words before the multi-modal one does (section
   * 4.3, table 5); 0: none, as in the paper's final model. Its layers are those of the multi-modal Transformer.
   */
  readonly languageLayers: number;
}

/** Names of the language Transformer's weights begin with this. */
export const LANGUAGE_PREFIX = "language.";

/** The names of the vision Transformer's weights begin with this; they have their own learning rate. */
export const VISUAL_PREFIX = "visual.";

export function visualParsingSpecs(config: VisualParsingConfig): WeightSpec[] {
  const { hiddenSize } = config.transformer;
  const { channels } = swinOutputShape(config.swin);
  return [
    ...withPrefix(swinSpecs(config.swin), VISUAL_PREFIX),
    ...linearSpecs("visual_embedding.projection", channels, hiddenSize),
    ...normSpecs("visual_embedding.LayerNorm", hiddenSize),
    { name: "visual_embedding.mask", shape: [hiddenSize], initialisation: "truncated-normal" },
    ...embeddingSpecs(config.transformer),
    ...withPrefix(encoderSpecs(languageConfig(config)), LANGUAGE_PREFIX),
    ...encoderSpecs(config.transformer),
    ...languageHeadSpecs(config.transformer, languageHead),
    ...linearSpecs("itm_head", hiddenSize, 2),
    ...linearSpecs("mfr_head", hiddenSize, channels),
  ];
}

export interface PictureInput {
  /** 8-bit RGB pictures [P, S, S, 3], bytes or int32. */
  readonly pixels: tf.Tensor4D;
  /** `wholeDepth` in evaluation. */
  readonly depth: StochasticDepth;
}

/** Visual tokens [P, m, c] and the last attention of 8-bit pictures. */
export function parsePictures(
  weights: Weights,
  config: VisualParsingConfig,
  { depth, pixels }: PictureInput,
): SwinOutput {
  const visual = withoutPrefix(weights, VISUAL_PREFIX);
  return swinForward(visual, config.swin, { pixels: normalisedPixels(pixels), depth });
}

/**
 * Embeds visual tokens for the multi-modal Transformer: linear layer, two-dimensional sine position,
 * layer normalisation (section 3.3; that the position comes before the norm is our choice, the paper is silent).
 * [P, m, c] to [P, m, D].
 */
export function embedPictures(
  weights: Weights,
  config: VisualParsingConfig,
  features: tf.Tensor3D,
): tf.Tensor3D {
  const projected = linear(weights, "visual_embedding.projection", features);
  const [pictures, tokens] = features.shape;
  return tf.reshape(placeAndNormalise(weights, config, projected), [
    pictures,
    tokens,
    config.transformer.hiddenSize,
  ]);
}

/** What stands in the place of masked visual tokens, [1, m, D]: a learned vector at the token's position. */
export function maskedPictureEmbedding(weights: Weights, config: VisualParsingConfig): tf.Tensor3D {
  const { tokens } = swinOutputShape(config.swin);
  const { hiddenSize } = config.transformer;
  const vector = tf.reshape(weight(weights, "visual_embedding.mask"), [1, 1, hiddenSize]);
  return tf.reshape(placeAndNormalise(weights, config, vector), [1, tokens, hiddenSize]);
}

export interface PairInput {
  /** [B, n] */
  readonly tokenIds: tf.Tensor2D;
  /** [B, n], 1 = real, 0 = pad. */
  readonly tokenMask: tf.Tensor2D;
  /** Embedded visual tokens, [B, m, D]. */
  readonly visual: tf.Tensor3D;
  readonly dropout: Dropout;
}

export interface PairOutput {
  /** [B, n, D]; position 0 is [CLS]. */
  readonly text: tf.Tensor3D;
  /** [B, m, D] */
  readonly visual: tf.Tensor3D;
}

function languageConfig({ languageLayers, transformer }: VisualParsingConfig): BertConfig {
  return { ...transformer, layers: languageLayers };
}

/** The words' embeddings, [B, n, D], behind the language Transformer where there is one. */
function readWords(
  weights: Weights,
  config: VisualParsingConfig,
  { dropout, tokenIds, tokenMask }: PairInput,
): tf.Tensor3D {
  const tokens = embedText(weights, { tokenIds, dropout });
  const bias = attentionBias(tokenMask);
  const language = withoutPrefix(weights, LANGUAGE_PREFIX);
  return encode(language, languageConfig(config), { tokens, bias, dropout });
}

/** The multi-modal Transformer over [CLS] words [SEP] and the visual tokens, in this order as in SOHO. */
export function fusePairs(
  weights: Weights,
  config: VisualParsingConfig,
  input: PairInput,
): PairOutput {
  const { dropout, tokenIds, visual } = input;
  const sequence = jointSequence({
    words: readWords(weights, config, input),
    wordMask: input.tokenMask,
    others: visual,
    otherMask: tf.ones<tf.Rank.R2>([visual.shape[0], visual.shape[1]], "int32"),
  });
  const joint = encode(weights, config.transformer, { ...sequence, dropout });
  const { words, others } = splitJoint(joint, tokenIds.shape[1]);
  return { text: words, visual: others };
}

/** Logits of (unmatched, matched) from [CLS], [B, 2] (Image-Text Matching head: a single linear layer). */
export function matchingLogits(weights: Weights, text: tf.Tensor3D): tf.Tensor2D {
  return matrix(linear(weights, "itm_head", firstStates(text)));
}

/** "A Linear layer as the MLM head" (section 3.3), tied as in BERT. */
const languageHead: LanguageHead = { name: "mlm_head", hasTransform: false, hasBias: true };

/** Logits over the vocabulary for chosen tokens, [M, D] to [M, V]; the kernel is tied to the word embeddings. */
export function languageLogits(weights: Weights, chosen: tf.Tensor2D): tf.Tensor2D {
  return languageHeadLogits(weights, languageHead, chosen);
}

/** The features regressed for masked visual tokens, [K, D] to [K, c] (r in eq. 9). */
export function regressedFeatures(weights: Weights, chosen: tf.Tensor2D): tf.Tensor2D {
  return tf.reshape(linear(weights, "mfr_head", chosen), [chosen.shape[0], -1]);
}

function placeAndNormalise(weights: Weights, config: VisualParsingConfig, x: tf.Tensor): tf.Tensor {
  const { grid, tokens } = swinOutputShape(config.swin);
  const { hiddenSize } = config.transformer;
  const codes = tf.tensor(sinePositions(grid, hiddenSize), [tokens, hiddenSize]);
  return layerNorm(weights, tf.add(x, codes), {
    name: "visual_embedding.LayerNorm",
    epsilon: BERT_NORM_EPSILON,
  });
}
