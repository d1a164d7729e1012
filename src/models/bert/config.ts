/** A BERT encoder (Devlin et al. 2019); weights carry the names of the transformers library. */
export interface BertConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly maxPositions: number;
  readonly dropout: number;
}
