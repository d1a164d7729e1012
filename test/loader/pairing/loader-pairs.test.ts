import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Scene, StoredPicture } from "../../../src/core/records.ts";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import type { LoaderOptions } from "../../../src/loader/options.ts";
import {
  type Content,
  digest,
  type LoaderFixture,
  loaderFixture,
  take,
} from "../loader-fixture.ts";
import { caption, drawnScenes, temporaryFolder, writeSet } from "../shard-set-fixture.ts";

const OPTIONS: readonly Partial<LoaderOptions>[] = [
  { pairing: { kind: "bernoulli", probability: 0.5, replace: "picture" } },
  { pairing: { kind: "bernoulli", probability: 0.5, replace: "either" } },
  { pairing: { kind: "exact-half" } },
  { pairing: { kind: "bernoulli-texts", texts: 4, probability: 0.5, unmatchedText: "first" } },
  { text: { maxTokens: 19, longer: "drop" } },
  {
    augment: {
      crop: { scale: [0.5, 1], ratio: [0.75, 1.3] },
      flip: "swap-side-words",
      randAugment: { numOperations: 2, magnitude: 9 },
    },
  },
];

const TWO_AND_TWO = { kind: "matched-unmatched", matched: 2, unmatched: 2 } as const;

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
      fixture.options({
        sets,
        batching: { kind: "pictures", picturesPerBatch: 9 },
        pairing: { ...TWO_AND_TWO, unmatchedFrom: "all-splits" },
      }),
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

  it.each([0, 1])(
    "never mark as unmatched what is one picture by way of a third set, with %i workers",
    async (numWorkers) => {
      await using folder = await temporaryFolder();
      process.env["CROSSWEAVE_CACHE"] = join(folder.path, "cache");
      const scenes = await drawnScenes(18);
      // The pictures 0 to 4 of the sets are the same, but only the second set says so.
      const names: ((id: number) => Partial<StoredPicture>)[] = [
        (id) => ({ key: `coco:${id}` }),
        (id) => ({
          key: `vg:${id}`,
          ...(id < 5 ? { linkedKeys: [`coco:${id}`], flickrPhotoId: `70${id}` } : {}),
        }),
        (id) => ({ key: `flickr30k:70${id}` }),
      ];
      const sets = await Promise.all(
        names.map(async (named, set) => {
          const own = Array.from({ length: 6 }, (_, id) => scenes[set * 6 + id]).flatMap(
            (scene, id) =>
              scene === undefined
                ? []
                : {
                    ...scene,
                    ...renamed(scene, named(id)),
                    texts: [caption(`${id}-${set}`, `${id} in ${set}`)],
                  },
          );
          await writeSet(join(folder.path, String(set)), own);
          return { folder: join(folder.path, String(set)), splits: ["train"] };
        }),
      );
      const pairing = { kind: "matched-unmatched", matched: 0, unmatched: 3 } as const;
      const options = {
        sets,
        numWorkers,
        pairing: { ...pairing, unmatchedFrom: "all-splits" } as const,
      };
      await using loader = await BatchLoader.open(fixture.options(options));
      const pairs = (await take(loader, { epoch: 0, step: 0 }, 400)).flatMap(unmatchedPairs);
      expect(pairs.filter(showsItsPicture)).toEqual([]);
      // Each of the 18 pictures met texts of each of the 3 sets.
      expect(new Set(pairs.map(({ key, id }) => `${key} ${id.split("-")[1]}`)).size).toBe(18 * 3);
    },
  );

  it.each([
    { unmatchedFrom: "same-split", share: 1, leeway: 0 },
    // Half of the samples are of each set: (5 / 15 + 9 / 15) / 2, with 4 standard deviations of 640 draws.
    { unmatchedFrom: "all-splits", share: 7 / 15, leeway: 0.08 },
  ] as const)("come from $unmatchedFrom", async ({ unmatchedFrom, share, leeway }) => {
    await using folder = await temporaryFolder();
    process.env["CROSSWEAVE_CACHE"] = join(folder.path, "cache");
    const scenes = await drawnScenes(16);
    const [first, second] = [join(folder.path, "first"), join(folder.path, "second")];
    await writeSet(first, scenes.slice(0, 6));
    await writeSet(second, scenes.slice(6));
    const sets = [first, second].map((set) => ({ folder: set, splits: ["train"], weight: 1 }));
    const pairing = { ...TWO_AND_TWO, unmatchedFrom };
    await using loader = await BatchLoader.open(fixture.options({ sets, pairing }));
    const pairs = (await take(loader, { epoch: 0, step: 0 }, 40)).flatMap(unmatchedPairs);
    const numSame = pairs.filter(
      ({ key, id }) => isOfFirstSet(id.split("-")[0]) === isOfFirstSet(key.split(":")[1]),
    ).length;
    expect(pairs).toHaveLength(640);
    expect(Math.abs(numSame / 640 - share)).toBeLessThanOrEqual(leeway);
  });
});

/** Whether a text is of its picture by the numbers of both; those from 5 on are told apart. */
function showsItsPicture({ key, id }: { key: string; id: string }): boolean {
  const picture = key.replace("flickr30k:70", "").split(":").at(-1);
  return id.split("-")[0] === picture && Number(picture) < 5;
}

function isOfFirstSet(scene: string | undefined): boolean {
  return Number(scene) < 6;
}

/** The unmatched pairs of a batch: the picture's key and the text's id. */
function unmatchedPairs({ keys, matched, textIds }: Content): { key: string; id: string }[] {
  const [pictures, ids] = [keys.split(","), textIds.split(",")];
  const perPicture = ids.length / pictures.length;
  return ids.flatMap((id, pair) =>
    matched[pair] === 0 ? [{ key: pictures[Math.floor(pair / perPicture)] ?? "", id }] : [],
  );
}

/** The same scene, whose picture has this name and no other that is another's. */
function renamed(scene: Scene, name: Partial<Scene["pictures"][number]>): Partial<Scene> {
  return { pictures: scene.pictures.map((picture) => ({ ...picture, ...name })) };
}
