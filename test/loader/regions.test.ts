import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ConfigError } from "../../src/core/errors.ts";
import type { Scene } from "../../src/core/records.ts";
import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { Batch, LoaderOptions } from "../../src/loader/options.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { boxedScenes, numClasses, numFeatures } from "./boxed-scenes.ts";
import { type LoaderFixture, loaderFixture } from "./loader-fixture.ts";
import { temporaryFolder, writeSet } from "./shard-set-fixture.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let fixture: LoaderFixture;
let scenes: readonly Scene[];
beforeAll(async () => {
  [folder, fixture] = await Promise.all([temporaryFolder(), loaderFixture()]);
  scenes = await boxedScenes(12);
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function optionsFor(
  name: string,
  content: readonly Scene[],
  changes: Partial<LoaderOptions> = {},
): Promise<LoaderOptions> {
  const set = join(folder.path, name);
  await writeSet(set, content);
  return fixture.options({
    sets: [{ folder: set, splits: ["train"] }],
    batching: { kind: "pictures", picturesPerBatch: 4 },
    pairing: { kind: "exact-half" },
    pictures: { kind: "none" },
    regions: { maxRegions: 5, numFeatures, numClasses },
    augment: noAugmentation,
    ...changes,
  });
}

async function firstBatch(options: LoaderOptions, use: (batch: Batch) => void): Promise<void> {
  await using loader = await BatchLoader.open(options);
  for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
    use(batch);
    return;
  }
}

/** The values of a picture's rows. */
function rowsOf(values: Float32Array, picture: number, width: number): number[][] {
  return Array.from({ length: 5 }, (_, region) => {
    const start = (picture * 5 + region) * width;
    return [...values.subarray(start, start + width)];
  });
}

const nothing = (width: number): number[] => Array.from({ length: width }, () => 0);

/** The same without pictures that could be decoded: their bytes are no picture. */
function undecodable(scene: Scene): Scene {
  const pictures = scene.pictures.map((picture) => ({ ...picture, bytes: Buffer.from("none") }));
  return { ...scene, pictures };
}

describe("regions in a batch", () => {
  it("are the stored ones in their order, in pixels of the upright picture, and zeros behind them; no picture is decoded", async () => {
    const options = await optionsFor("no pictures", scenes.map(undecodable));
    await firstBatch(options, (batch) => {
      expect(batch.pixels).toHaveLength(0);
      expect([...batch.numRegions]).toEqual([3, 3, 3, 3]);
      expect(batch.shape).toMatchObject({
        pictureHeight: 0,
        pictureWidth: 0,
        regionsPerPicture: 5,
      });
      for (const [row, key] of batch.keys.entries()) {
        const [picture] = scenes[Number(key.slice(5))]?.pictures ?? [];
        const sides = [picture?.width, picture?.height];
        const isTurned = (picture?.orientation ?? 1) >= 5;
        expect([batch.validWidths[row], batch.validHeights[row]]).toEqual(
          isTurned ? sides.toReversed() : sides,
        );
        expect(rowsOf(batch.regionFeatures, row, numFeatures)).toEqual([
          [1, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 1, 0],
          nothing(numFeatures),
          nothing(numFeatures),
        ]);
        expect(rowsOf(batch.classProbabilities, row, numClasses)).toEqual([
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
          nothing(numClasses),
          nothing(numClasses),
        ]);
        const boxes = rowsOf(batch.regionBoxes, row, 4);
        expect(boxes.slice(3)).toEqual([nothing(4), nothing(4)]);
        const stored = scenes[Number(key.slice(5))]?.regions?.[0]?.boxes ?? [];
        // Turning changes neither a box's area nor its two sides.
        expect(boxes.slice(0, 3).map(([, , width = 0, height = 0]) => width * height)).toEqual(
          stored.map(({ height, width }) => width * height),
        );
      }
    });
  });

  it("are no more than asked for, and without class probabilities unless they are wanted", async () => {
    const regions = { maxRegions: 2, numFeatures };
    await firstBatch(await optionsFor("two", scenes, { regions }), (batch) => {
      expect([...batch.numRegions]).toEqual([2, 2, 2, 2]);
      expect(batch.classProbabilities).toHaveLength(0);
      expect(batch.regionFeatures).toHaveLength(4 * 2 * numFeatures);
      expect(batch.regionFeatures.slice(0, 8)).toEqual(Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0));
    });
  });

  it("are empty arrays when they are not asked for", async () => {
    const pictures = { kind: "square", size: 8 } as const;
    await firstBatch(await optionsFor("none", scenes, { regions: "none", pictures }), (batch) => {
      const { classProbabilities, hasTextBox, numRegions, regionBoxes, regionFeatures } = batch;
      for (const values of [numRegions, regionBoxes, regionFeatures, classProbabilities]) {
        expect(values).toHaveLength(0);
      }
      expect([...hasTextBox, ...batch.textBoxes]).toEqual([]);
    });
  });

  it("of padding pictures are none, whatever lay in the slot before", async () => {
    const options = await optionsFor("padding", scenes, { worldSize: 3, prefetchBatches: 1 });
    await using loader = await BatchLoader.open(options);
    let numBatches = 0;
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      expect([...batch.numRegions]).toEqual([3, 0]);
      expect(batch.regionFeatures.subarray(5 * numFeatures).every((value) => value === 0)).toBe(
        true,
      );
      // As another consumer might leave it.
      batch.regionFeatures.fill(7);
      numBatches += 1;
      if (numBatches === 4) break;
    }
  });
});

describe("sets without the regions that are asked for", () => {
  it.each([
    {
      of: "have none at all",
      change: (scene: Scene): Scene => ({ ...scene, regions: null }),
      message: /coco:0 has no region features/,
    },
    {
      of: "have other features",
      change: (scene: Scene): Scene => ({ ...scene, regions: wider(scene, { features: 1 }) }),
      message: /the regions of coco:0 have 5 features, regions.numFeatures is 4/,
    },
    {
      of: "have other classes",
      change: (scene: Scene): Scene => ({ ...scene, regions: wider(scene, { classes: 2 }) }),
      message: /the regions of coco:0 have 5 classes, regions.numClasses is 3/,
    },
  ])("are refused when the loader opens: they $of", async ({ of, change, message }) => {
    const opening = BatchLoader.open(await optionsFor(of, scenes.map(change)));
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toThrow(ConfigError);
  });

  it("stop the stream at the first picture that has none", async () => {
    const content = scenes.map((scene, index) =>
      index === 7 ? { ...scene, regions: null } : scene,
    );
    await using loader = await BatchLoader.open(
      await optionsFor("one missing", content, { onDamage: "skip" }),
    );
    const consume = async (): Promise<void> => {
      for await (const batch of loader.batches({ epoch: 0, step: 0 })) if (batch.epoch > 0) return;
    };
    await expect(consume()).rejects.toThrow(/coco:7 has no region features/);
  });
});

function wider(
  { regions }: Scene,
  { classes = 0, features = 0 }: { classes?: number; features?: number },
): Scene["regions"] {
  const [found] = regions ?? [];
  if (found === undefined || found === null) return regions;
  const more = (bytes: Uint8Array, columns: number): Uint8Array =>
    Buffer.concat([bytes, Buffer.alloc(2 * columns * found.boxes.length)]);
  return [
    {
      ...found,
      numFeatures: found.numFeatures + features,
      numClasses: found.numClasses + classes,
      features: more(found.features, features),
      classProbabilities: more(found.classProbabilities, classes),
    },
  ];
}
