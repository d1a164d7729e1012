import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Scene } from "../../../src/core/records.ts";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import type { LoaderOptions } from "../../../src/loader/options.ts";
import { digest, type LoaderFixture, loaderFixture, take } from "../loader-fixture.ts";
import { caption, drawnScenes, temporaryFolder, writeSet } from "../shard-set-fixture.ts";

const OPTIONS: readonly Partial<LoaderOptions>[] = [
  { pairing: { kind: "bernoulli", probability: 0.5, replace: "picture" } },
  { pairing: { kind: "bernoulli", probability: 0.5, replace: "either" } },
  { pairing: { kind: "exact-half" } },
  { text: { maxTokens: 19, longer: "drop" } },
  {
    augment: {
      crop: { scale: [0.5, 1], ratio: [0.75, 1.3] },
      flip: "swap-side-words",
      randAugment: { numOperations: 2, magnitude: 9 },
    },
  },
];

async function digests(options: LoaderOptions): Promise<string[]> {
  const shares = await Promise.all(
    Array.from({ length: options.worldSize }, async (_, rank) => {
      await using loader = await BatchLoader.open({ ...options, rank });
      return await take(loader, { epoch: 0, step: 1 }, 3);
    }),
  );
  return [0, 1, 2].map((batch) => digest(shares.flatMap((share) => share[batch] ?? [])));
}

describe("Pairs of the loader", () => {
  let fixture: LoaderFixture;

  beforeAll(async () => {
    fixture = await loaderFixture();
  });

  afterAll(() => fixture[Symbol.asyncDispose]());

  it.each(OPTIONS)("are the same for 1 and 3 ranks with %j", async (changes) => {
    const one = await digests(fixture.options(changes));
    const three = await digests(fixture.options({ ...changes, worldSize: 3 }));
    expect(three).toEqual(one);
  });

  it("are matched in exactly half of each batch", async () => {
    await using loader = await BatchLoader.open(
      fixture.options({ pairing: { kind: "exact-half" } }),
    );
    for (const { matched } of await take(loader, { epoch: 0, step: 0 }, 6))
      expect(matched.reduce((sum, value) => sum + value, 0)).toBe(4);
  });

  it("never mark a picture's twin in another set as unmatched", async () => {
    await using folder = await temporaryFolder();
    const coco = (await drawnScenes(9)).slice(0, 9);
    const genome = coco.map((scene, index): Scene => {
      const pictures = scene.pictures.map(
        (picture) =>
          ({
            ...picture,
            key: `vg:${index}`,
            linkedKeys: [`coco:${index}`],
            sourceSha256: `${index}`.padStart(64, "0"),
            pixelSha256: `${index}`.padStart(64, "f"),
          }) as const,
      );
      const texts = [0, 1].map((part) => caption(`${index}-vg${part}`, `part ${part} of ${index}`));
      return { ...scene, sceneKey: `vg:${index}`, pictures, texts };
    });
    const [one, other] = [join(folder.path, "coco"), join(folder.path, "vg")];
    await writeSet(one, coco);
    await writeSet(other, genome);
    const sets = [one, other].map((set) => ({ folder: set, splits: ["train"] }));
    await using loader = await BatchLoader.open(
      fixture.options({ sets, batching: { kind: "pictures", picturesPerBatch: 9 } }),
    );
    let numUnmatched = 0;
    for (const { keys, matched, textIds } of await take(loader, { epoch: 0, step: 0 }, 60)) {
      const ids = textIds.split(",");
      for (const [row, key] of keys.split(",").entries()) {
        const picture = key.split(":")[1];
        const owners = ids.slice(row * 4, row * 4 + 4).map((id) => id.split("-")[0]);
        const isOwn = owners.map((owner) => Number(owner === picture));
        expect(isOwn).toEqual(Array.from(matched.slice(row * 4, row * 4 + 4)));
        numUnmatched += 2;
      }
    }
    expect(numUnmatched).toBe(60 * 9 * 2);
  });
});
