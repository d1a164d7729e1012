import { RandomStream } from "../../../src/core/random.ts";
import type { BatchComposer, ComposedBatch } from "../../../src/loader/batching/batch-composer.ts";
import type { SceneTable } from "../../../src/loader/batching/scene-table.ts";
import type { LoaderOptions } from "../../../src/loader/options.ts";
import { noAugmentation } from "../../../src/loader/pictures/augment.ts";

/** Options for composing; nothing is read. */
export function composing(changes: Partial<LoaderOptions> = {}): LoaderOptions {
  return {
    sets: [],
    vocabulary: "",
    seed: 1,
    batching: { kind: "pictures", picturesPerBatch: 8 },
    grouping: "none",
    pairing: { kind: "bernoulli", probability: 0.5, replace: "picture" },
    text: { maxTokens: 60, longer: "cut" },
    pictures: { kind: "square", size: 4 },
    augment: noAugmentation,
    mlmProbability: 0.15,
    onDamage: "stop",
    rank: 0,
    worldSize: 1,
    numWorkers: 0,
    prefetchBatches: 1,
    ...changes,
  };
}

/** A table of made-up scenes: one in three upright, up to six texts, their lengths about those of captions. */
export function madeTable(numScenes: number, seed = 1): SceneTable {
  const draws = new RandomStream(seed);
  const textCounts = Uint16Array.from({ length: numScenes }, () => draws.nextInt(7));
  const numTexts = textCounts.reduce((sum, count) => sum + count, 0);
  return {
    portrait: Uint8Array.from({ length: numScenes }, () => Number(draws.nextInt(3) === 0)),
    textCounts,
    textLengths: Uint16Array.from({ length: numTexts }, () => captionLength(draws)),
    // UNITER's 10 to 100, 36 in the middle.
    regionCounts: Uint16Array.from({ length: numScenes }, () =>
      Math.max(10, Math.min(100, Math.round(36 * Math.exp(0.4 * draws.nextGaussian())))),
    ),
  };
}

/** [CLS], [SEP] and a number of tokens that is log-normal around 11, as captions of COCO are. */
export function captionLength(draws: RandomStream): number {
  return 2 + Math.max(1, Math.round(11 * Math.exp(0.25 * draws.nextGaussian())));
}

/** All batches of an epoch. */
export async function epochOf(composer: BatchComposer, epoch: number): Promise<ComposedBatch[]> {
  const plan = await composer.epochPlan(epoch);
  return Array.from({ length: plan.numBatches }, (_, batchIndex) =>
    composer.compose(epoch, batchIndex, plan.place(batchIndex)),
  );
}
