import { join } from "node:path";

import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Scene } from "../../src/core/records.ts";
import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { Batch, LoaderOptions } from "../../src/loader/options.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { decodeView } from "../../src/loader/pictures/picture.ts";
import {
  keepRatioSize,
  uprightSize,
  wholePicture,
} from "../../src/loader/pictures/view-geometry.ts";
import { boxedScenes } from "./boxed-scenes.ts";
import { type LoaderFixture, loaderFixture } from "./loader-fixture.ts";
import {
  caption,
  photographScenes,
  storedPicture,
  temporaryFolder,
  writeSet,
} from "./shard-set-fixture.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let fixture: LoaderFixture;
beforeAll(async () => {
  [folder, fixture] = await Promise.all([temporaryFolder(), loaderFixture()]);
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const pictures = { kind: "keep-ratio", shorter: 60, longer: 100 } as const;

async function optionsFor(name: string, scenes: readonly Scene[]): Promise<LoaderOptions> {
  const set = join(folder.path, name);
  await writeSet(set, scenes);
  return fixture.options({
    sets: [{ folder: set, splits: ["train"] }],
    pictures,
    augment: noAugmentation,
    prefetchBatches: 1,
  });
}

/** The rows of a picture's pixels, each cut at `width`, and all values that are beside or below. */
function partsOf(batch: Batch, picture: number): { shown: Uint8Array; padding: Uint8Array } {
  const { pictureHeight, pictureWidth } = batch.shape;
  const { validHeights, validWidths } = batch;
  const [height = 0, width = 0] = [validHeights[picture], validWidths[picture]];
  const [shown, padding]: [number[], number[]] = [[], []];
  for (let line = 0; line < pictureHeight; line += 1) {
    const start = (picture * pictureHeight + line) * pictureWidth * 3;
    const inside = line < height ? width * 3 : 0;
    shown.push(...batch.pixels.subarray(start, start + inside));
    padding.push(...batch.pixels.subarray(start + inside, start + pictureWidth * 3));
  }
  return { shown: Uint8Array.from(shown), padding: Uint8Array.from(padding) };
}

/** Compares an epoch's pictures with the same ones decoded alone; gives how many there were. */
async function compareEpoch(options: LoaderOptions, scenes: readonly Scene[]): Promise<number> {
  const stored = new Map(scenes.map(({ pictures: [picture] }) => [picture?.key, picture]));
  let numPictures = 0;
  await using loader = await BatchLoader.open(options);
  for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
    for (const [row, key] of batch.keys.entries()) {
      const picture = stored.get(key);
      if (picture === undefined) throw new Error(`no picture ${key}`);
      const shown = keepRatioSize(uprightSize(picture), pictures);
      const alone = await decodeView(picture.bytes, { picture, view: wholePicture, shown });
      const parts = partsOf(batch, row);
      expect([batch.validWidths[row], batch.validHeights[row]]).toEqual([
        shown.width,
        shown.height,
      ]);
      expect(Buffer.compare(parts.shown, alone)).toBe(0);
      expect(parts.padding.every((value) => value === 0)).toBe(true);
      numPictures += 1;
    }
    expect(batch.shape.pictureWidth).toBe(Math.max(...batch.validWidths));
    expect(batch.shape.pictureHeight).toBe(Math.max(...batch.validHeights));
    if (batch.batchIndex === loader.batchesPerEpoch - 1) break;
  }
  return numPictures;
}

describe("pictures that keep their ratio", () => {
  it("stand at the upper left of black, with their own height and width, in every orientation (R-4, D-12)", async () => {
    const scenes = await boxedScenes(32);
    expect(await compareEpoch(await optionsFor("boxes", scenes), scenes)).toBe(32);
  });

  it("are the real photographs as each is decoded alone, pixel for pixel", async () => {
    const scenes = await photographScenes();
    expect(await compareEpoch(await optionsFor("photographs", scenes), scenes)).toBe(48);
  });

  it("leave no trace of the batch before in the padding of ranks and slots", async () => {
    const scenes = await boxedScenes(32);
    const options = await optionsFor("traces", scenes);
    await using loader = await BatchLoader.open({ ...options, rank: 0, worldSize: 3 });
    let numPadding = 0;
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      const last = batch.numPictures - 1;
      expect(batch.numRealPictures).toBe(last);
      expect([batch.validWidths[last], batch.validHeights[last]]).toEqual([0, 0]);
      expect(partsOf(batch, last).padding.every((value) => value === 0)).toBe(true);
      numPadding += 1;
      if (numPadding === 6) break;
    }
  });

  it("that are black have a full mask all the same", async () => {
    const scenes = await Promise.all(
      [1, 2].map((id) => blackScene(id, { width: 40 * id, height: 60 })),
    );
    const options = await optionsFor("black", scenes);
    const batching = { kind: "pictures", picturesPerBatch: 2 } as const;
    await using loader = await BatchLoader.open({ ...options, batching });
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      const masks = batch.keys.map((key, row) => ({
        key,
        size: [batch.validWidths[row], batch.validHeights[row]],
      }));
      expect(new Set(masks)).toEqual(
        new Set([
          { key: "coco:1", size: [60, 90] },
          { key: "coco:2", size: [80, 60] },
        ]),
      );
      break;
    }
  });
});

async function blackScene(id: number, size: { width: number; height: number }): Promise<Scene> {
  const create = { ...size, channels: 3, background: "black" } as const;
  const bytes = await sharp({ create }).jpeg().toBuffer();
  return {
    sceneKey: `coco:${id}`,
    pictures: [storedPicture(String(id), bytes, size)],
    texts: [caption(`${id}-0`, `night number ${id}`)],
    regions: null,
  };
}
