import type { BertConfig } from "../bert/config.ts";
import { embeddingSpecs } from "../bert/embeddings.ts";
import { encoderSpecs } from "../bert/encoder.ts";
import { languageHeadSpecs, type LanguageHead } from "../bert/language-head.ts";
import {
  dictionaryBuffers,
  type DictionaryConfig,
  type DictionaryUpdate,
} from "../dictionary/dictionary.ts";
import { runningSpecs } from "../resnet/batch-norm.ts";
import { resNetBuffers, resNetChannels, resNetSpecs, type ResNetConfig } from "../resnet/config.ts";
import { linearSpecs, normSpecs, withPrefix, type WeightSpec } from "../weights.ts";
import type { SohoSwitches } from "./switches.ts";

// C channels of the network, D hidden size

/** SOHO: a residual network, a visual dictionary and a Transformer, end to end. */
export interface SohoConfig {
  readonly resnet: ResNetConfig;
  readonly dictionary: {
    /** k */
    readonly codes: number;
    /** How much of the old stays in a step: gamma of eq. 4, or the decay of the released code. */
    readonly momentum: number;
    /** Codes that are idle for so many steps begin anew; 0: never. */
    readonly restartAfterSteps: number;
  };
  readonly transformer: BertConfig;
  readonly switches: SohoSwitches;
}

/** What the weights of the residual network begin with; they have an optimizer of their own. */
export const BACKBONE_PREFIX = "backbone.";

/** Names of SOHO's code. */
export const sohoNames = {
  convolution: "neck.conv.conv",
  convolutionNorm: "neck.conv.bn",
  codeProjection: "neck.pos_line",
  gate: "neck.gate_fc.conv",
  gateNorm: "neck.gate_fc.bn",
  mask: "neck.mask_emb.weight",
  norm: "neck.ln",
  dictionary: "neck.vq.",
  matching: "head.match_class.weight",
} as const;

/** No transform and no bias, as in the released code; the paper is silent. */
export const sohoLanguageHead: LanguageHead = {
  name: "mlm_head",
  hasTransform: false,
  hasBias: false,
};

/** Code and feature. */
const GATE_OUTPUTS = 2;

export function sohoSpecs(config: SohoConfig): WeightSpec[] {
  const { transformer } = config;
  return [
    ...withPrefix(resNetSpecs(config.resnet), BACKBONE_PREFIX),
    ...neckSpecs(config),
    ...embeddingSpecs(transformer),
    ...encoderSpecs(transformer),
    ...languageHeadSpecs(transformer, sohoLanguageHead),
    // Without bias in the released code; the paper is silent.
    {
      name: sohoNames.matching,
      shape: [2, transformer.hiddenSize],
      initialisation: "truncated-normal",
    },
  ];
}

/** Running statistics of all normalisations, and the dictionary. */
export function sohoBuffers(config: SohoConfig): WeightSpec[] {
  const { hiddenSize } = config.transformer;
  const { gridNorm, visualInput } = config.switches;
  return [
    ...withPrefix(resNetBuffers(config.resnet), BACKBONE_PREFIX),
    ...(gridNorm === "batch" ? runningSpecs(sohoNames.convolutionNorm, hiddenSize) : []),
    ...(visualInput === "gated" ? runningSpecs(sohoNames.gateNorm, GATE_OUTPUTS) : []),
    ...dictionaryBuffers(dictionaryOf(config), sohoNames.dictionary),
  ];
}

export function dictionaryOf({ dictionary, switches, transformer }: SohoConfig): DictionaryConfig {
  const { codes, momentum, restartAfterSteps } = dictionary;
  const update: DictionaryUpdate =
    switches.dictionaryLaw === "momentum-means"
      ? { law: "momentum-means", momentum }
      : { law: "moving-sums", decay: momentum };
  return { codes, dimension: transformer.hiddenSize, update, restartAfterSteps };
}

function neckSpecs({ resnet, switches, transformer }: SohoConfig): WeightSpec[] {
  const { hiddenSize } = transformer;
  const bias: WeightSpec = {
    name: `${sohoNames.convolution}.bias`,
    shape: [hiddenSize],
    initialisation: "zeros",
  };
  const gate = [
    ...linearSpecs(sohoNames.codeProjection, hiddenSize, hiddenSize),
    kernel(sohoNames.gate, GATE_OUTPUTS, 2 * hiddenSize),
    ...normSpecs(sohoNames.gateNorm, GATE_OUTPUTS),
  ];
  return [
    kernel(sohoNames.convolution, hiddenSize, resNetChannels(resnet)),
    ...(switches.gridNorm === "batch" ? normSpecs(sohoNames.convolutionNorm, hiddenSize) : [bias]),
    ...(switches.visualInput === "gated" ? gate : []),
    { name: sohoNames.mask, shape: [1, hiddenSize], initialisation: "truncated-normal" },
    ...normSpecs(sohoNames.norm, hiddenSize),
  ];
}

function kernel(name: string, outputs: number, inputs: number): WeightSpec {
  return {
    name: `${name}.weight`,
    shape: [outputs, inputs, 1, 1],
    initialisation: "he-fan-out",
  };
}
