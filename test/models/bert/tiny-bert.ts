import type { BertConfig } from "../../../src/models/bert/config.ts";

/** Two layers of 16 channels. */
export const tinyBert: BertConfig = {
  vocabularySize: 20,
  hiddenSize: 16,
  layers: 2,
  heads: 2,
  intermediateSize: 32,
  maxPositions: 10,
  tokenTypes: 2,
  dropout: 0,
  recompute: false,
};
