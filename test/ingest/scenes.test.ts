import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Box, Scene, SceneText } from "../../src/core/records.ts";
import { RegionFault } from "../../src/ingest/regions/region-fault.ts";
import { openRegions, type RegionSource } from "../../src/ingest/regions/region-source.ts";
import { type SceneOutcome, storeScenes } from "../../src/ingest/scenes.ts";
import type { PlannedScene } from "../../src/ingest/source.ts";
import { realData } from "../real-data.ts";
import {
  inThisProcess,
  npzPolicy,
  optionsFor,
  photographFolder,
  photographScenes,
} from "./regions/region-fixtures.ts";

let folder: Awaited<ReturnType<typeof photographFolder>>;

beforeAll(async () => {
  folder = await photographFolder();
});

afterAll(() => folder[Symbol.asyncDispose]());

function textAt(box: Box | null): SceneText {
  const said = { label: null, answers: [], choices: [], context: null };
  return { id: "1", kind: "expression", text: "the dog", box, ...said };
}

async function storeAll(
  scenes: readonly PlannedScene[],
  options: { sourceFolder?: string; regions?: RegionSource } = {},
): Promise<SceneOutcome[]> {
  const { sourceFolder = folder.path, regions } = options;
  return await Array.fromAsync(
    storeScenes(scenes, { pictures: inThisProcess(sourceFolder), regions }),
  );
}

function scenesOf(outcomes: readonly SceneOutcome[]): Scene[] {
  return outcomes.flatMap(({ scene }) => scene ?? []);
}

/** Mean colour of a rectangle of a picture's pixels as they lie in the file. */
async function colourAt(picture: Uint8Array | string, box: Box): Promise<number[]> {
  const extracted = await sharp(picture)
    .extract({
      left: Math.round(box.x),
      top: Math.round(box.y),
      width: Math.round(box.width),
      height: Math.round(box.height),
    })
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer();
  const { channels } = await sharp(extracted, {
    raw: { width: Math.round(box.width), height: Math.round(box.height), channels: 3 },
  }).stats();
  return channels.map(({ mean }) => mean);
}

describe("boxes of texts", () => {
  it("are scaled with the picture that they are in", async () => {
    const box = { x: 64, y: 21.1, width: 320, height: 211 };
    const [scene] = scenesOf(await storeAll(photographScenes([textAt(box), textAt(null)])));
    expect(scene?.pictures[0]).toMatchObject({ sourceWidth: 640, sourceHeight: 422, height: 200 });
    const [first, second] = scene?.texts ?? [];
    const scaleX = (scene?.pictures[0]?.width ?? 0) / 640;
    expect(first?.box?.x).toBeCloseTo(64 * scaleX, 6);
    expect(first?.box?.width).toBeCloseTo(320 * scaleX, 6);
    expect(first?.box?.y).toBeCloseTo(10, 6);
    expect(first?.box?.height).toBeCloseTo(100, 6);
    expect(second?.box).toBeNull();
  });

  it("keep their numbers where the picture keeps its size", async () => {
    const small = { ...photographScenes()[0] };
    const box = { x: 0.1, y: 0.7, width: 33.3, height: 17.9 };
    if (small.draft === undefined || small.records === undefined) throw new Error("no scene");
    const [picture] = small.draft.pictures;
    if (picture === undefined) throw new Error("no picture");
    const pictures = [{ ...picture, path: "hopper.jpg" }];
    const planned = {
      records: small.records,
      draft: { ...small.draft, pictures, texts: [textAt(box)] },
    };
    const [scene] = scenesOf(await storeAll([planned], { sourceFolder: realData("images/odd") }));
    expect(scene?.pictures[0]).toMatchObject({ width: 128, sourceWidth: 128 });
    expect(scene?.texts[0]?.box).toEqual(box);
  });

  it.each([
    ["Landscape_6.jpg", 6, { x: 30, y: 60, width: 150, height: 240 }],
    ["Landscape_6.jpg", 6, { x: 300, y: 420, width: 150, height: 180 }],
    ["Portrait_8.jpg", 8, { x: 60, y: 30, width: 240, height: 150 }],
  ])(
    "show in the stored %s (EXIF orientation %i) what they show in the file (D-11)",
    async (...[path, orientation, box]) => {
      const reference = {
        key: "coco:1",
        path,
        url: null,
        flickrPhotoId: null,
        license: null,
        linkedKeys: [],
      } as const;
      const draft = {
        sceneKey: "coco:1",
        split: "train",
        pictures: [reference],
        texts: [textAt(box)],
      };
      const sourceFolder = realData("images/odd");
      const [scene] = scenesOf(await storeAll([{ draft, records: [] }], { sourceFolder }));
      const picture = scene?.pictures[0];
      const stored = scene?.texts[0]?.box;
      if (picture === undefined || stored === null || stored === undefined)
        throw new Error("no box");
      expect(picture.orientation).toBe(orientation);
      expect(stored.width).toBeLessThan(box.width);
      const inFile = await colourAt(join(sourceFolder, path), box);
      const inSet = await colourAt(picture.bytes, stored);
      for (const [channel, mean] of inFile.entries()) {
        expect(Math.abs(mean - (inSet[channel] ?? 0))).toBeLessThan(3);
      }
    },
  );
});

describe("regions of scenes", () => {
  it("are null for all when the recipe wants none", async () => {
    const scenes = scenesOf(await storeAll(photographScenes()));
    expect(scenes.map(({ regions }) => regions)).toEqual([null, null, null, null]);
  });

  it("stand beside the pictures they are of, in their stored pixels", async () => {
    using regions = await openRegions(optionsFor(npzPolicy(), folder.path));
    const scenes = scenesOf(await storeAll(photographScenes(), { regions }));
    expect(scenes.map((scene) => scene.regions?.map((found) => found?.boxes.length))).toEqual([
      [100],
      [57],
      [10],
      [8],
    ]);
    for (const { pictures, regions: found } of scenes) {
      const edges = found?.flatMap((each) => each?.boxes.map(({ x, width }) => x + width) ?? []);
      const widest = Math.max(...(edges ?? []));
      expect(widest).toBeLessThanOrEqual(pictures[0]?.width ?? 0);
      expect(widest).toBeGreaterThan((pictures[0]?.width ?? 0) / 2);
    }
  });

  it("leave a picture out with its records when they are damaged, and no other", async () => {
    using regions = await openRegions(optionsFor(npzPolicy(), folder.path));
    const damaged: RegionSource = {
      ...regions,
      read: async (picture) => {
        if (picture.key !== "coco:78499") return await regions.read(picture);
        throw new RegionFault("REG_UNREADABLE", "npz/x.npz: it is cut");
      },
      [Symbol.dispose]: () => {},
    };
    const outcomes = await storeAll(photographScenes(), { regions: damaged });
    expect(scenesOf(outcomes).map(({ sceneKey }) => sceneKey)).toEqual([
      "coco:790",
      "coco:84284",
      "coco:121647",
    ]);
    expect(outcomes[1]?.quarantined).toEqual([
      {
        file: "coco/annotations/captions_train2017.json",
        kind: "image",
        record: "/images/78499",
        id: "78499",
        outcome: "quarantined",
        reason: "REG_UNREADABLE",
        evidence: "npz/x.npz: it is cut",
      },
    ]);
  });

  it("may be missing when the recipe does not require them", async () => {
    using regions = await openRegions(optionsFor(npzPolicy(), folder.path));
    const partial: RegionSource = {
      ...regions,
      read: async (picture) =>
        picture.key === "coco:790" ? undefined : await regions.read(picture),
      [Symbol.dispose]: () => {},
    };
    const [first, second] = scenesOf(await storeAll(photographScenes(), { regions: partial }));
    expect(first?.regions).toEqual([null]);
    expect(second?.regions?.[0]?.boxes).toHaveLength(57);
  });
});
