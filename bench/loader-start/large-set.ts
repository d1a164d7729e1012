import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import type { Scene, SceneText } from "../../src/core/records.ts";
import { BatchComposer } from "../../src/loader/batching/batch-composer.ts";
import { emptyTable } from "../../src/loader/batching/scene-table.ts";
import type { LoaderOptions } from "../../src/loader/options.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import {
  caption,
  commitSplit,
  photographScenes,
  storedPicture,
} from "../../test/loader/shard-set-fixture.ts";
import { realData } from "../../test/real-data.ts";
import { report } from "../shard-reading/measures.ts";

/** Steps of epoch 0 at which a bench starts, each a share of the epoch. */
export const measuredShares = [0, 0.001, 0.01, 0.5, 0.99, 0.999] as const;
// The ring's batches are built as well, by as many threads as there are.
const PHOTOGRAPH_BATCHES = 6;
const LARGEST_BATCH = 32;
const TEXTS_PER_SCENE = 5;
const TINY_PICTURE_BYTES = 600;

// As many scenes a batch and a shard as photographs have in the layout that `prepare` uses.
const layout = { targetBatchBytes: 2 ** 25, maxScenesPerBatch: 128, targetShardBytes: 3.1e6 };

const captionFile = z.object({ annotations: z.array(z.object({ caption: z.string() })) });

/** The options that both benches open the set with: Visual Parsing's pairs of photographs of 384 px. */
export function largeSetOptions(
  folder: string,
  changes: Partial<LoaderOptions> = {},
): LoaderOptions {
  return {
    sets: [{ folder, splits: ["train"] }],
    vocabulary: realData("bert/vocab.txt"),
    seed: 1,
    batching: { kind: "pictures", picturesPerBatch: LARGEST_BATCH },
    grouping: "none",
    pairing: { kind: "matched-unmatched", matched: 2, unmatched: 2 },
    text: { maxTokens: 24, longer: "cut" },
    pictures: { kind: "square", size: 384 },
    augment: { ...noAugmentation, flip: "if-text-has-no-side-words" },
    onDamage: "stop",
    mlmProbability: 0.15,
    rank: 0,
    worldSize: 1,
    numWorkers: 2,
    prefetchBatches: 3,
    ...changes,
  };
}

/**
 * Writes a set of so many scenes with COCO's captions, unless the folder has one. Scenes in the batches that the
 * benches ask for have real photographs; the others, of which only texts are read, have bytes that are no pictures.
 */
export async function writeLargeSet(folder: string, numScenes: number): Promise<void> {
  if (existsSync(join(folder, "index.json"))) return;
  const startMs = performance.now();
  await mkdir(folder, { recursive: true });
  await using writer = await SplitWriter.create({ folder, split: "train", role: "train", layout });
  for await (const scene of scenes(numScenes)) await writer.append(scene);
  const split = await writer.finish();
  await commitSplit(folder, split, "large");
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  const [numShards, numBatches] = [
    split.shards.length,
    split.shards.flatMap((s) => s.batches).length,
  ];
  report(
    "set written",
    `${numScenes} scenes, ${numShards} shards, ${numBatches} batches, ${seconds} s`,
  );
}

async function* scenes(numScenes: number): AsyncGenerator<Scene> {
  const photographs = await photographScenes();
  const captions = await realCaptions();
  const wanted = photographIndexes(numScenes);
  for (let index = 0; index < numScenes; index += 1) {
    const photograph = photographs[index % photographs.length]?.pictures[0];
    const bytes = Buffer.alloc(TINY_PICTURE_BYTES, `no picture ${index} `);
    const picture = wanted.has(index) ? photograph : undefined;
    const texts = Array.from({ length: TEXTS_PER_SCENE }, (_, part): SceneText => {
      const place = (index * TEXTS_PER_SCENE + part) % captions.length;
      return caption(`${index}-${part}`, captions[place] ?? "");
    });
    yield {
      sceneKey: `coco:${index}`,
      pictures: [{ ...(picture ?? storedPicture(String(index), bytes)), key: `coco:${index}` }],
      texts,
      regions: null,
    };
  }
}

/** The captions of COCO's val2014, one of them for each text. */
async function realCaptions(): Promise<string[]> {
  const { gunzipSync } = await import("node:zlib");
  const packed = await readFile(realData("coco/captions_val2017.json.gz"));
  const content: unknown = JSON.parse(gunzipSync(packed).toString("utf8"));
  return captionFile.parse(content).annotations.map((annotation) => annotation.caption);
}

/** The scenes of the batches that the benches ask for. */
function photographIndexes(numScenes: number): ReadonlySet<number> {
  const options = largeSetOptions("");
  const sets = [{ numScenes, weight: undefined }];
  const composer = new BatchComposer({ options, sets, table: emptyTable });
  const numBatches = Math.floor(numScenes / LARGEST_BATCH);
  const indexes = measuredShares.flatMap((share) => {
    const first = Math.floor(numBatches * share);
    return Array.from({ length: PHOTOGRAPH_BATCHES }, (_, step) => first + step).flatMap((index) =>
      composer
        .compose(0, index, { pool: 0, bucket: 0, index })
        .samples.map(({ sampleIndex }) => sampleIndex),
    );
  });
  return new Set(indexes);
}
