import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../src/core/digest.ts";
import { imageKey, imageSources } from "../../src/core/keys.ts";
import {
  type PictureRegions,
  type Scene,
  type SceneText,
  type StoredPicture,
  textKinds,
} from "../../src/core/records.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { readLedger } from "../../src/shards/ledger.ts";
import { madeUpScenes, ledgerEntries, temporaryFolder, writeShardSet } from "./small-set.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom("\u{feff}bom", "nul\0", "e\u0301", "\u{1f415}", "", "line\nline"),
);
const nullableText = fc.option(text, { nil: null });
const float = fc.float({ noNaN: true, noDefaultInfinity: true });
const size = fc.integer({ min: 1, max: 2 ** 31 - 1 });

const sceneText: fc.Arbitrary<SceneText> = fc.record({
  id: text,
  kind: fc.constantFrom(...textKinds),
  text,
  label: nullableText,
  answers: fc.array(fc.record({ answer: text, count: fc.integer({ min: -5, max: 10 }) }), {
    maxLength: 3,
  }),
  choices: fc.array(text, { maxLength: 4 }),
  box: fc.option(fc.record({ x: float, y: float, width: float, height: float }), { nil: null }),
  context: nullableText,
});

const digest = fc.string({ minLength: 1, maxLength: 4 }).map((seed) => sha256(seed));
const pictureBytes = fc.uint8Array({ maxLength: 300 });

const imageKeyOf = fc
  .tuple(fc.constantFrom(...imageSources), fc.string({ unit: "grapheme", minLength: 1 }))
  .map(([source, id]) => imageKey(source, id));

const picture: fc.Arbitrary<StoredPicture> = pictureBytes.chain((bytes) =>
  fc.record({
    key: imageKeyOf,
    path: text,
    format: fc.constantFrom("jpeg", "png"),
    width: size,
    height: size,
    sourceWidth: size,
    sourceHeight: size,
    sourceSizeBytes: size,
    orientation: fc.integer({ min: 1, max: 8 }),
    sha256: fc.constant(sha256(bytes)),
    sourceSha256: digest,
    pixelSha256: digest,
    perceptualHash: nullableText,
    url: nullableText,
    flickrPhotoId: nullableText,
    license: nullableText,
    linkedKeys: fc.array(imageKeyOf, { maxLength: 3 }),
    notes: fc.array(fc.string({ unit: "grapheme" }), { maxLength: 3 }),
    bytes: fc.constant(bytes),
  }),
);

const box = fc.record({ x: float, y: float, width: float, height: float });

function halves(numValues: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: 2 * numValues, maxLength: 2 * numValues });
}

const regions: fc.Arbitrary<PictureRegions> = fc
  .record({
    boxes: fc.array(box, { maxLength: 3 }),
    numFeatures: fc.integer({ min: 1, max: 5 }),
    numClasses: fc.integer({ min: 0, max: 3 }),
  })
  .chain(({ boxes, numFeatures, numClasses }) => {
    const numRegions = boxes.length;
    return fc.record({
      boxes: fc.constant(boxes),
      confidences: fc.option(fc.array(float, { minLength: numRegions, maxLength: numRegions }), {
        nil: null,
      }),
      numFeatures: fc.constant(numFeatures),
      numClasses: fc.constant(numClasses),
      features: halves(numRegions * numFeatures),
      classProbabilities: halves(numRegions * numClasses),
    });
  });

const scene: fc.Arbitrary<Scene> = fc.array(picture, { maxLength: 3 }).chain((pictures) => {
  const ofPictures = fc.array(fc.option(regions, { nil: null }), {
    minLength: pictures.length,
    maxLength: pictures.length,
  });
  return fc.record({
    sceneKey: text,
    pictures: fc.constant(pictures),
    texts: fc.array(sceneText, { maxLength: 4 }),
    regions: pictures.length === 0 ? fc.constant(null) : fc.option(ofPictures, { nil: null }),
  });
});

async function readBack(folder: string, split: string): Promise<Scene[]> {
  await using reader = await ShardSetReader.open(folder);
  const scenes = reader.split(split);
  return await Promise.all(
    Array.from({ length: scenes.numScenes }, async (_, sceneIndex) => {
      const head = await scenes.head(sceneIndex);
      const pictures = [];
      const found = [];
      for (const [pictureIndex, info] of head.pictures.entries()) {
        const bytes = await scenes.pictureBytes(sceneIndex, pictureIndex);
        pictures.push({ ...info, bytes: Uint8Array.from(bytes) });
        found.push(plainBytes(await scenes.regions(sceneIndex, pictureIndex)));
      }
      return { ...head, pictures, regions: found };
    }),
  );
}

/** The reader gives Node's buffers, which are not equal to plain arrays. */
function plainBytes(given: PictureRegions | null): PictureRegions | null {
  if (given === null) return null;
  const { features, classProbabilities, ...rest } = given;
  return {
    ...rest,
    features: Uint8Array.from(features),
    classProbabilities: Uint8Array.from(classProbabilities),
  };
}

/** A reader tells of each picture; that a scene has none at all and that none of its pictures has any is the same. */
function ofEachPicture(written: Scene): Scene {
  return { ...written, regions: written.regions ?? written.pictures.map(() => null) };
}

describe("a shard set", () => {
  it("gives back every scene as it was written", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(scene, { maxLength: 12 }),
        fc.record({
          targetBatchBytes: fc.integer({ min: 1, max: 20_000 }),
          maxScenesPerBatch: fc.integer({ min: 1, max: 6 }),
          targetShardBytes: fc.integer({ min: 1, max: 40_000 }),
        }),
        async (scenes, layout) => {
          await using folder = await temporaryFolder();
          await writeShardSet(folder.path, [{ split: "train", scenes }], layout);
          expect(await readBack(folder.path, "train")).toEqual(scenes.map(ofEachPicture));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("gives the heads in order", async () => {
    await using folder = await temporaryFolder();
    const scenes = madeUpScenes(23);
    await writeShardSet(folder.path, [{ split: "val", role: "eval", scenes }]);
    await using reader = await ShardSetReader.open(folder.path);
    const split = reader.split("val");
    expect(split.role).toBe("eval");
    const heads = await Array.fromAsync(split.heads());
    expect(heads.map((head) => head.sceneKey)).toEqual(scenes.map((each) => each.sceneKey));
    expect(heads.map((head) => head.texts)).toEqual(scenes.map((each) => each.texts));
  });

  it("has a split without scenes and a split of many", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, [
      { split: "empty", scenes: [] },
      { split: "train", scenes: madeUpScenes(17) },
    ]);
    expect(index.splits.map((split) => split.shards.length)).toEqual([0, 2]);
    await using reader = await ShardSetReader.open(folder.path);
    expect(reader.split("empty").numScenes).toBe(0);
    expect(await Array.fromAsync(reader.split("empty").heads())).toEqual([]);
    expect(reader.split("train").numScenes).toBe(17);
  });

  it("gives back the ledger", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, []);
    expect(await Array.fromAsync(readLedger(folder.path))).toEqual(ledgerEntries);
  });
});
