import { RandomStream } from "../core/random.ts";

/** What a draw decides. It is a part of the draw's key, so that no two decisions share random numbers. */
export const drawPurposes = { order: 1, pairing: 2, masking: 3, augmentation: 4 } as const;

export type DrawPurpose = keyof typeof drawPurposes;

/** Names one sample of one epoch; every random choice about it is a pure function of this key. */
export interface SampleKey {
  readonly seed: number;
  readonly epoch: number;
  readonly sampleIndex: number;
}

/** The random numbers of one decision about a sample; `part` tells its texts apart. */
export function sampleDraws(purpose: DrawPurpose, key: SampleKey, part = 0): RandomStream {
  return new RandomStream(key.seed, drawPurposes[purpose], key.epoch, key.sampleIndex, part);
}
