import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Scene } from "../../src/core/records.ts";
import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { LoaderOptions } from "../../src/loader/options.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { boxedScenes, firstRegions, numClasses, numFeatures } from "./boxed-scenes.ts";
import { globalBatches } from "./global-batches.ts";
import { type LoaderFixture, loaderFixture } from "./loader-fixture.ts";
import { temporaryFolder, writeSet } from "./shard-set-fixture.ts";

const MAX_TOKENS = 240;
const NUM_BATCHES = 12;

let fixture: LoaderFixture;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let scenes: readonly Scene[];
let options: LoaderOptions;
beforeAll(async () => {
  [fixture, folder] = await Promise.all([loaderFixture(), temporaryFolder()]);
  process.env["CROSSWEAVE_CACHE"] = join(folder.path, "cache");
  // Pictures with no region to three of them.
  scenes = (await boxedScenes(40)).map((scene, index) => ({
    ...scene,
    regions: scene.regions?.map((regions) => firstRegions(regions, index % 4)) ?? null,
  }));
  await writeSet(join(folder.path, "set"), scenes);
  options = fixture.options({
    sets: [{ folder: join(folder.path, "set"), splits: ["train"] }],
    batching: {
      kind: "tokens",
      maxTokens: MAX_TOKENS,
      multipleOf: 4,
      bucketSize: 32,
      tokensPerPicture: "regions",
    },
    pairing: { kind: "bernoulli", probability: 0.5, replace: "picture" },
    pictures: { kind: "none" },
    regions: { maxRegions: 3, numFeatures, numClasses },
    augment: noAugmentation,
  });
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Seen {
  readonly numPictures: number;
  readonly regionsPerPicture: number;
  readonly numRegions: readonly number[];
  /** Of each sample its text's tokens and its picture's regions. */
  readonly totals: readonly number[];
  readonly keys: readonly string[];
  readonly numUnmatched: number;
}

async function batchesOf(changes: Partial<LoaderOptions> = {}): Promise<Seen[]> {
  await using loader = await BatchLoader.open({ ...options, ...changes });
  const seen: Seen[] = [];
  for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
    const { keys, matched, numPictures, numRegions, shape, tokenMask } = batch;
    const { regionsPerPicture, textTokens } = shape;
    const totals = Array.from(numRegions, (count, row) => {
      const mask = tokenMask.subarray(row * textTokens, (row + 1) * textTokens);
      return count + mask.reduce((sum, value) => sum + value, 0);
    });
    const numUnmatched = matched.filter((value) => value === 0).length;
    const counts = [...numRegions];
    seen.push({ numPictures, regionsPerPicture, numRegions: counts, totals, keys, numUnmatched });
    if (seen.length === NUM_BATCHES) break;
  }
  return seen;
}

describe("token batches with regions", () => {
  it("hold at most the budget, in rows for the most regions of their pictures", async () => {
    let numUnmatched = 0;
    for (const batch of await batchesOf()) {
      expect(batch.numPictures % 4).toBe(0);
      expect(Math.max(...batch.totals) * batch.numPictures).toBeLessThanOrEqual(MAX_TOKENS);
      expect(Math.max(...batch.numRegions)).toBeLessThanOrEqual(batch.regionsPerPicture);
      const expected = batch.keys.map((key) => Number(key.split(":")[1]) % 4);
      expect(batch.numRegions).toEqual(expected);
      numUnmatched += batch.numUnmatched;
    }
    expect(numUnmatched).toBeGreaterThan(20);
  });

  it.each([1, 3])(
    "are padded to few shapes for %i ranks where lengths are rounded",
    async (worldSize) => {
      const batching = { ...options.batching, lengthMultiple: 4 };
      const rounded = { ...options, batching, worldSize };
      await using loader = await BatchLoader.open(rounded);
      const plain = await batchesOf({ worldSize });
      let [numPadded, numBatches] = [0, 0];
      const shapes = new Set<string>();
      for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
        const { matched, numPictures, numRealPictures, shape, tokenMask } = batch;
        const { regionsPerPicture, textTokens } = shape;
        expect(textTokens % 4 === 0 || textTokens === 20).toBe(true);
        expect(regionsPerPicture).toBe(regionsPerPicture === 0 ? 0 : 3);
        expect([...matched.subarray(numRealPictures)].every((value) => value === -1)).toBe(true);
        // [CLS] and [SEP] of padding, so that no row of attention is empty.
        const padding = tokenMask.subarray(numRealPictures * textTokens);
        expect(padding.filter((mask) => mask === 1)).toHaveLength(
          2 * (numPictures - numRealPictures),
        );
        numPadded += numPictures - numRealPictures;
        shapes.add(`${numPictures} ${textTokens} ${regionsPerPicture}`);
        numBatches += 1;
        if (numBatches === NUM_BATCHES) break;
      }
      expect(numPadded).toBeGreaterThan(0);
      const ofPlain = plain.map(
        ({ numPictures, regionsPerPicture }) => `${numPictures} ${regionsPerPicture}`,
      );
      expect(shapes.size).toBeLessThanOrEqual(new Set(ofPlain).size);
    },
  );

  it("are the same for 1 and 3 ranks", async () => {
    const from = { epoch: 1, step: 1, count: 4 };
    const alone = { worldSize: 1, numWorkers: 0, prefetchBatches: 1 };
    const one = await globalBatches(options, alone, from);
    expect(await globalBatches(options, { ...alone, worldSize: 3 }, from)).toEqual(one);
  });

  it("show pictures of one orientation, unmatched ones too, where these are grouped", async () => {
    const isPortrait = new Map<string, boolean>(
      scenes.flatMap(({ pictures }) =>
        pictures.map(({ height, key, orientation, width }) => [
          key,
          orientation > 4 ? width > height : height > width,
        ]),
      ),
    );
    const kinds = (await batchesOf({ grouping: "aspect" })).map(({ keys, numUnmatched }) => ({
      orientations: new Set(keys.map((key) => isPortrait.get(key))).size,
      numUnmatched,
    }));
    expect(kinds.map(({ orientations }) => orientations)).toEqual(kinds.map(() => 1));
    expect(kinds.reduce((sum, { numUnmatched }) => sum + numUnmatched, 0)).toBeGreaterThan(20);
  });

  it("need regions", async () => {
    await expect(
      BatchLoader.open({ ...options, regions: "none", pictures: { kind: "square", size: 8 } }),
    ).rejects.toThrow('batching.tokensPerPicture is "regions", but regions is "none"');
  });
});
