import { bertBaseCased, bertLargeCased, type BertConfig } from "../bert/config.ts";
import { embeddingSpecs } from "../bert/embeddings.ts";
import { encoderSpecs } from "../bert/encoder.ts";
import { bertLanguageHead, languageHeadSpecs, type LanguageHead } from "../bert/language-head.ts";
import { poolerSpecs } from "../bert/pooler.ts";
import { matchingHeadSpecs } from "../heads/matching.ts";
import { classificationSpecs, regressionSpecs } from "../heads/regions.ts";
import type { WeightSpec } from "../weights.ts";
import { imageEmbeddingSpecs } from "./image-embedding.ts";
import { uniterPaper, type UniterSwitches } from "./switches.ts";

/** UNITER (Chen et al., ECCV 2020): one BERT over words and a detector's regions. */
export interface UniterConfig {
  readonly transformer: BertConfig;
  /** Of a region, as the detector gives them. */
  readonly regionFeatures: number;
  /** Of the detector, the background included, which is class 0. */
  readonly regionClasses: number;
  readonly switches: UniterSwitches;
}

/** Bottom-up attention (Anderson et al. 2018): 2048 pooled features; 1,600 object classes and the background. */
const bottomUpAttention = { regionFeatures: 2048, regionClasses: 1601 } as const;

/** UNITER-base: L = 12, H = 768, A = 12 (section 4, footnote 12); cased, as its released code. */
export const uniterBase: UniterConfig = {
  transformer: bertBaseCased,
  ...bottomUpAttention,
  switches: uniterPaper,
};

/** UNITER-large: L = 24, H = 1024, A = 16 (section 4, footnote 12). */
export const uniterLarge: UniterConfig = { ...uniterBase, transformer: bertLargeCased };

/** Where words are predicted: Linear, GELU, LN and the tied decoder with a bias. */
export const uniterLanguageHead: LanguageHead = { ...bertLanguageHead, name: "mlm_head" };

/** All weights of pre-training; where matching reads the state of [CLS] itself, the pooler is the tasks' only. */
export function uniterSpecs(config: UniterConfig): WeightSpec[] {
  const { regionClasses, regionFeatures, switches, transformer } = config;
  const sizes = { hiddenSize: transformer.hiddenSize, regionClasses, regionFeatures };
  return [
    ...embeddingSpecs(transformer),
    ...imageEmbeddingSpecs(sizes, switches),
    ...encoderSpecs(transformer),
    ...poolerSpecs(transformer),
    ...languageHeadSpecs(transformer, uniterLanguageHead),
    ...matchingHeadSpecs(switches.matchingHead, transformer.hiddenSize),
    ...regressionSpecs(switches.regressionHead, sizes),
    ...classificationSpecs(switches.classificationHead, sizes),
  ];
}
