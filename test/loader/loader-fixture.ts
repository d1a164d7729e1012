import { createHash } from "node:crypto";
import { join } from "node:path";

import type { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { StreamPosition } from "../../src/loader/batching/epoch-cursor.ts";
import type { Batch, LoaderOptions } from "../../src/loader/options.ts";
import { drawnScenes, temporaryFolder, writeSet, writeVocabulary } from "./shard-set-fixture.ts";

/** Three batches of 8, and 6 scenes left over. */
export const NUM_SCENES = 30;

/** A set of drawn scenes with a vocabulary, and loader options for them. */
export interface LoaderFixture extends AsyncDisposable {
  readonly set: string;
  readonly vocabulary: string;
  options(changes?: Partial<LoaderOptions>): LoaderOptions;
}

export async function loaderFixture(): Promise<LoaderFixture> {
  const folder = await temporaryFolder();
  const set = join(folder.path, "set");
  await writeSet(set, await drawnScenes(NUM_SCENES));
  const vocabulary = await writeVocabulary(folder.path);
  return {
    set,
    vocabulary,
    options: (changes = {}) => ({
      sets: [{ folder: set, splits: ["train"] }],
      vocabulary,
      seed: 1,
      batching: { kind: "pictures", picturesPerBatch: 8 },
      grouping: "none",
      pairing: { kind: "matched-unmatched", matched: 2, unmatched: 2 },
      text: { maxTokens: 20, longer: "cut" },
      pictures: { kind: "square", size: 16 },
      augment: {
        crop: { scale: [0.5, 1], ratio: [0.75, 1.3] },
        flip: "if-text-has-no-side-words",
        randAugment: null,
      },
      onDamage: "stop",
      mlmProbability: 0.15,
      rank: 0,
      worldSize: 1,
      numWorkers: 0,
      prefetchBatches: 2,
      ...changes,
    }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The real part of a batch by value: the loader takes the arrays back. */
export interface Content {
  readonly place: string;
  /** The same on all ranks. */
  readonly shape: string;
  readonly keys: string;
  readonly textIds: string;
  readonly matched: Int32Array;
  /** All arrays of the batch, but for `pictureOfPair`, which counts a rank's own pictures. */
  readonly arrays: readonly (Uint8Array | Int32Array | Float32Array)[];
}

export function contentOf(batch: Batch): Content {
  const arrays = [
    batch.pixels,
    batch.validHeights,
    batch.validWidths,
    batch.numRegions,
    batch.regionBoxes,
    batch.regionFeatures,
    batch.classProbabilities,
    batch.tokenIds,
    batch.tokenMask,
    batch.mlmLabels,
    batch.matched,
    batch.textBoxes,
    batch.hasTextBox,
    batch.maskedRegions,
    ...Object.values(batch.labelled ?? {}),
  ];
  return {
    place: `${batch.epoch}/${batch.batchIndex}`,
    shape: JSON.stringify(batch.shape),
    keys: batch.keys.join(),
    textIds: batch.textIds.join(),
    matched: batch.matched.slice(0, (batch.numPairs / batch.numPictures) * batch.numRealPictures),
    arrays: arrays.map((values) =>
      values.slice(0, (values.length / batch.numPictures) * batch.numRealPictures),
    ),
  };
}

/** A digest of the parts of one global batch, in rank order. */
export function digest(parts: readonly Content[]): string {
  const hash = createHash("sha256");
  for (const array of parts[0]?.arrays.keys() ?? []) {
    for (const part of parts) hash.update(part.arrays[array] ?? new Uint8Array());
  }
  hash
    .update(parts.map(({ keys }) => keys).join())
    .update(parts.map((part) => part.textIds).join());
  return `${parts[0]?.place} ${hash.digest("hex")}`;
}

export async function take(
  loader: BatchLoader,
  from: StreamPosition,
  count: number,
): Promise<Content[]> {
  const contents: Content[] = [];
  for await (const batch of loader.batches(from)) {
    contents.push(contentOf(batch));
    if (contents.length === count) break;
  }
  return contents;
}
