import { RandomStream } from "../core/random.ts";

/** What a draw decides. It is a part of the draw's key, so that no two decisions share random numbers. */
export const drawPurposes = {
  order: 1,
  pairing: 2,
  masking: 3,
  augmentation: 4,
  batching: 5,
  labels: 6,
  colours: 7,
  tasks: 8,
  regions: 9,
} as const;

export type DrawPurpose = keyof typeof drawPurposes;

/** A sample's place in its global batch, the same whatever the number of ranks. */
export interface PlaceInBatch {
  /** The stream's epoch, which need not be the number of the sample's visit. */
  readonly epoch: number;
  readonly batchIndex: number;
  readonly row: number;
  /** Rows of the global batch. */
  readonly numRows: number;
}

/** Names one sample of one epoch; every random choice about it is a pure function of this key. */
export interface SampleKey {
  readonly seed: number;
  /** How often the sample was visited before; the stream's epoch unless sets have weights. */
  readonly epoch: number;
  readonly sampleIndex: number;
  /** The text of the scene that the sample is about, where a sample is a text with its picture. */
  readonly textIndex?: number;
  /** Absent in evaluation, which has no batches. */
  readonly place?: PlaceInBatch;
}

/** The random numbers of one decision about a sample; `part` tells its texts apart. */
export function sampleDraws(purpose: DrawPurpose, key: SampleKey, part = 0): RandomStream {
  const { epoch, sampleIndex, seed, textIndex } = key;
  const ofText = textIndex === undefined ? [] : [textIndex];
  return new RandomStream(seed, drawPurposes[purpose], epoch, sampleIndex, part, ...ofText);
}
