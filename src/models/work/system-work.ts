import { type SohoConfig, BACKBONE_PREFIX, sohoSpecs } from "../soho/config.ts";
import { swinOutputShape } from "../swin/stages.ts";
import type { Grid } from "../swin/windows.ts";
import { resNetChannels } from "../resnet/config.ts";
import { NUMBERS_OF_A_REGION } from "../uniter/boxes.ts";
import { type UniterConfig, uniterSpecs } from "../uniter/config.ts";
import {
  LANGUAGE_PREFIX,
  VISUAL_PREFIX,
  type VisualParsingConfig,
  visualParsingSpecs,
} from "../visual-parsing/visual-parsing.ts";
import type { WeightSpec } from "../weights.ts";
import { areaOf, resNetGrid, resNetWork, swinWork, transformerWork } from "./encoder-work.ts";

// n text tokens, m visual tokens, c visual channels, D hidden size, V vocabulary

/** What one picture with one text is to a model. */
export interface PairSizes {
  /** n, with [CLS] and [SEP] */
  readonly textTokens: number;
  /** Words that are predicted of a text, on average. */
  readonly predictedWords: number;
}

/** Where only some visual tokens are predicted. */
export interface PredictedTokens {
  /** For each text, on average. */
  readonly predictedTokens: number;
}

/** Weights and work of one part of a model, forward. */
export interface PartWork {
  readonly part: string;
  readonly parameters: number;
  /** Multiply-adds of matrix products and convolutions for each picture, whatever its texts. */
  readonly perPicture: number;
  /** And for each text that is shown with it. */
  readonly perText: number;
}

export function visualParsingWork(
  config: VisualParsingConfig,
  sizes: PairSizes & PredictedTokens,
): PartWork[] {
  const { languageLayers, swin, transformer } = config;
  const { hiddenSize } = transformer;
  const { channels, tokens } = swinOutputShape(swin);
  const picture = { height: swin.imageSize, width: swin.imageSize };
  const count = parameterCounter(visualParsingSpecs(config));
  const language: PartWork = {
    part: "language Transformer",
    parameters: count(LANGUAGE_PREFIX),
    perPicture: 0,
    perText: transformerWork({ ...transformer, layers: languageLayers }, sizes.textTokens),
  };
  return [
    {
      part: "Swin Transformer",
      parameters: count(VISUAL_PREFIX),
      perPicture: swinWork(swin, picture),
      perText: 0,
    },
    {
      part: "visual embedding",
      parameters: count("visual_embedding."),
      perPicture: tokens * channels * hiddenSize,
      perText: 0,
    },
    { part: "word embeddings", parameters: count("embeddings."), perPicture: 0, perText: 0 },
    ...(languageLayers > 0 ? [language] : []),
    {
      part: "multi-modal Transformer",
      parameters: count("encoder."),
      perPicture: 0,
      perText: transformerWork(transformer, sizes.textTokens + tokens),
    },
    {
      part: "heads",
      parameters: count("mlm_head.", "itm_head.", "mfr_head."),
      perPicture: 0,
      perText:
        sizes.predictedWords * hiddenSize * transformer.vocabularySize +
        sizes.predictedTokens * hiddenSize * channels +
        2 * hiddenSize,
    },
  ];
}

export function sohoWork(
  config: SohoConfig,
  sizes: PairSizes & { readonly picture: Grid },
): PartWork[] {
  const { dictionary, resnet, switches, transformer } = config;
  const { hiddenSize } = transformer;
  const grid = resNetGrid(resnet, sizes.picture);
  const tokens = Math.floor(grid.height / 2) * Math.floor(grid.width / 2);
  const convolved = switches.gridOrder === "conv-pool" ? areaOf(grid) : tokens;
  const gate = switches.visualInput === "gated" ? hiddenSize ** 2 + 4 * hiddenSize : 0;
  const count = parameterCounter(sohoSpecs(config));
  return [
    {
      part: "residual network",
      parameters: count(BACKBONE_PREFIX),
      perPicture: resNetWork(resnet, sizes.picture),
      perText: 0,
    },
    {
      part: "visual embedding",
      parameters: count("neck."),
      perPicture:
        convolved * resNetChannels(resnet) * hiddenSize +
        tokens * (dictionary.codes * hiddenSize + gate),
      perText: 0,
    },
    { part: "word embeddings", parameters: count("embeddings."), perPicture: 0, perText: 0 },
    {
      part: "cross-modal Transformer",
      parameters: count("encoder."),
      perPicture: 0,
      perText: transformerWork(transformer, sizes.textTokens + tokens),
    },
    {
      part: "heads",
      parameters: count("head.", "mlm_head."),
      perPicture: 0,
      perText:
        sizes.predictedWords * hiddenSize * transformer.vocabularySize +
        // Which tokens are hidden is drawn in the step, so that all of them are scored.
        tokens * hiddenSize * dictionary.codes +
        2 * hiddenSize,
    },
  ];
}

export function uniterWork(
  config: UniterConfig,
  sizes: PairSizes & PredictedTokens & { readonly regions: number },
): PartWork[] {
  const { regionClasses, regionFeatures, transformer } = config;
  const { hiddenSize, vocabularySize } = transformer;
  const count = parameterCounter(uniterSpecs(config));
  // Each head has a square layer before its last; one task is drawn for a batch, all are counted.
  const words = sizes.predictedWords * (hiddenSize ** 2 + hiddenSize * vocabularySize);
  const regions =
    sizes.predictedTokens *
    (2 * hiddenSize ** 2 + hiddenSize * regionFeatures + hiddenSize * regionClasses);
  return [
    {
      part: "region embedding",
      parameters: count("img_embeddings."),
      perPicture: sizes.regions * hiddenSize * (regionFeatures + NUMBERS_OF_A_REGION),
      perText: 0,
    },
    { part: "word embeddings", parameters: count("embeddings."), perPicture: 0, perText: 0 },
    {
      part: "Transformer",
      parameters: count("encoder."),
      perPicture: 0,
      perText: transformerWork(transformer, sizes.textTokens + sizes.regions),
    },
    {
      part: "heads",
      parameters: count("pooler.", "mlm_head.", "itm_head.", "feat_regress.", "region_classifier."),
      perPicture: 0,
      perText: words + regions + hiddenSize ** 2 + 2 * hiddenSize,
    },
  ];
}

/** Work of a training step on pictures with their texts: a backward pass does twice the work of the forward pass. */
export function stepWork(
  parts: readonly PartWork[],
  batch: { readonly pictures: number; readonly textsPerPicture: number },
): number {
  const { pictures, textsPerPicture } = batch;
  return 3 * pictures * forwardWork(parts, textsPerPicture);
}

/** Work of showing one picture with its texts. */
export function forwardWork(parts: readonly PartWork[], texts: number): number {
  return parts.reduce((sum, part) => sum + part.perPicture + texts * part.perText, 0);
}

/** Counts the numbers in the weights whose names begin with one of some prefixes. */
function parameterCounter(specs: readonly WeightSpec[]): (...prefixes: string[]) => number {
  return (...prefixes) =>
    parameterCount(specs.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix))));
}

/** How many numbers are trained in these weights. */
export function parameterCount(specs: readonly WeightSpec[]): number {
  return specs.reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}
