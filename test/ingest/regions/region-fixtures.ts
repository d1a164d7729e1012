import { copyFile, cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { silentProgress } from "../../../src/core/progress.ts";
import type { PictureInfo, SceneText } from "../../../src/core/records.ts";
import { storePicture } from "../../../src/ingest/pictures/store-picture.ts";
import type { OpenOptions } from "../../../src/ingest/regions/entry-source.ts";
import type {
  NpzRegionPolicy,
  RegionPolicy,
  RegionSelection,
  TsvRegionPolicy,
} from "../../../src/ingest/regions/region-policy.ts";
import type { StoreScenesOptions } from "../../../src/ingest/scenes.ts";
import type { PlannedScene } from "../../../src/ingest/source.ts";
import { realData } from "../../real-data.ts";
import { madeUpPicture } from "../../shards/scenes.ts";

export const fixtures: string = join(import.meta.dirname, "fixtures");

/** UNITER's. */
const selection: RegionSelection = { minConfidence: 0.2, minRegions: 10, maxRegions: 100 };

/** Of the sizes of the fixtures. */
export function npzPolicy(changes: Partial<NpzRegionPolicy> = {}): NpzRegionPolicy {
  const sizes = { numFeatures: 8, numClasses: 3 };
  return { from: "npz", folders: ["npz"], required: true, ...sizes, selection, ...changes };
}

export function tsvPolicy(path: string, changes: Partial<TsvRegionPolicy> = {}): TsvRegionPolicy {
  const files = [{ path, pictures: "coco" }] as const;
  const sizes = { numFeatures: 8, numClasses: 3 };
  return { from: "tsv", files, required: true, ...sizes, selection, ...changes };
}

export function optionsFor<Policy extends RegionPolicy>(
  policy: Policy,
  sourceFolder: string = fixtures,
): OpenOptions<Policy> {
  return { sourceFolder, policy, progress: silentProgress };
}

/** The pictures of the fixtures with the size of their files, stored as they are. */
const fixturePictures: readonly PictureInfo[] = [
  { id: 790, width: 640, height: 422 },
  { id: 78_499, width: 640, height: 428 },
  { id: 84_284, width: 500, height: 375 },
  { id: 121_647, width: 480, height: 640 },
].map(({ id, width, height }) => {
  const size = { width, height, sourceWidth: width, sourceHeight: height };
  return { ...madeUpPicture(id), ...size };
});

export function onlyPicture(id: number): PictureInfo {
  const found = fixturePictures.find(({ key }) => key === `coco:${id}`);
  if (found === undefined) throw new RangeError(`no fixture has the picture ${id}`);
  return found;
}

/** A source folder with the fixtures and the photographs they are about, removed on disposal. */
export async function photographFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "crossweave-regions-"));
  await cp(fixtures, path, { recursive: true });
  for (const scene of photographScenes()) {
    for (const { path: name } of scene.draft.pictures) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await copyFile(realData("images/coco", name), join(path, name));
    }
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Stores pictures as the pool does, reduced to a shorter side of 200 pixels. */
export function inThisProcess(sourceFolder: string): StoreScenesOptions["pictures"] {
  const policy = { shorterSide: 200, jpegQuality: 80, maxPixels: 1e7 };
  return {
    capacity: 2,
    store: (reference) => storePicture(reference, { sourceFolder, policy }),
  };
}

/** One planned scene for each of the fixtures' photographs. */
export function photographScenes(texts: readonly SceneText[] = []): PlannedScene[] {
  return fixturePictures.map(({ key }) => {
    const path = `train2017/${key.slice("coco:".length).padStart(12, "0")}.jpg`;
    const known = { url: null, flickrPhotoId: null, license: null, linkedKeys: [] };
    const file = "coco/annotations/captions_train2017.json";
    return {
      draft: { sceneKey: key, split: "train", pictures: [{ key, path, ...known }], texts },
      records: [{ file, kind: "image", record: `/images/${key.slice(5)}`, id: key.slice(5) }],
    };
  });
}
