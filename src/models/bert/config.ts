/** A BERT encoder (Devlin et al. 2019); weights carry the names of the transformers library. */
export interface BertConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly maxPositions: number;
  /** Rows of the token-type table; 0: the model has none. */
  readonly tokenTypes: number;
  readonly dropout: number;
  /** Each layer is computed again in the backward pass: less memory, more time (Chen et al. 2016). */
  readonly recompute: boolean;
}

/** Tokens of the published vocabularies (Devlin et al. 2019). */
const UNCASED_VOCABULARY = 30_522;
const CASED_VOCABULARY = 28_996;

/** A model's constants but for its vocabulary. */
export type BertShape = Omit<BertConfig, "vocabularySize">;

/** Devlin et al. 2019, section 3: L = 12, H = 768, A = 12. */
export const bertBase: BertShape = {
  hiddenSize: 768,
  layers: 12,
  heads: 12,
  intermediateSize: 3072,
  maxPositions: 512,
  tokenTypes: 2,
  dropout: 0.1,
  recompute: false,
};
export const bertBaseUncased: BertConfig = { ...bertBase, vocabularySize: UNCASED_VOCABULARY };
export const bertBaseCased: BertConfig = { ...bertBase, vocabularySize: CASED_VOCABULARY };

/** Devlin et al. 2019, section 3: L = 24, H = 1024, A = 16. */
export const bertLarge: BertShape = {
  ...bertBase,
  hiddenSize: 1024,
  layers: 24,
  heads: 16,
  intermediateSize: 4096,
};
export const bertLargeUncased: BertConfig = { ...bertLarge, vocabularySize: UNCASED_VOCABULARY };
export const bertLargeCased: BertConfig = { ...bertLarge, vocabularySize: CASED_VOCABULARY };
