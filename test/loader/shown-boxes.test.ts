import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { Batch, LoaderOptions, PictureSizing } from "../../src/loader/options.ts";
import { boxedScenes, colours, EDGE_VALUE, numClasses, numFeatures } from "./boxed-scenes.ts";
import { type LoaderFixture, loaderFixture } from "./loader-fixture.ts";
import { temporaryFolder, writeSet } from "./shard-set-fixture.ts";

const NUM_SCENES = 32;
// An edge between two pixels of the shown picture is seen at one of them, and JPEG blurs it.
const TOLERANCE_PIXELS = 1.25;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let fixture: LoaderFixture;
beforeAll(async () => {
  [folder, fixture] = await Promise.all([temporaryFolder(), loaderFixture()]);
  await writeSet(join(folder.path, "set"), await boxedScenes(NUM_SCENES));
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function boxedOptions(changes: Partial<LoaderOptions>): LoaderOptions {
  return fixture.options({
    sets: [{ folder: join(folder.path, "set"), splits: ["train"] }],
    text: { maxTokens: 24, longer: "cut" },
    regions: { maxRegions: 4, numFeatures, numClasses },
    textBoxes: true,
    mlmProbability: 0,
    ...changes,
  });
}

interface Edges {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Where the pixels of a picture that have a colour lie; undefined where there are none. */
function edgesOf(batch: Batch, picture: number, channel: number): Edges | undefined {
  const { pictureHeight, pictureWidth } = batch.shape;
  const start = picture * pictureHeight * pictureWidth;
  let found: Edges | undefined;
  for (let place = 0; place < pictureHeight * pictureWidth; place += 1) {
    const values = [0, 1, 2].map((other) => batch.pixels[(start + place) * 3 + other] ?? 0);
    if (!values.every((value, other) => value > EDGE_VALUE === (other === channel))) continue;
    const [x, y] = [place % pictureWidth, Math.floor(place / pictureWidth)];
    found = {
      left: Math.min(found?.left ?? x, x),
      top: Math.min(found?.top ?? y, y),
      right: Math.max(found?.right ?? 0, x + 1),
      bottom: Math.max(found?.bottom ?? 0, y + 1),
    };
  }
  return found;
}

function edgesOfBox([x = 0, y = 0, width = 0, height = 0]: readonly number[]): Edges {
  return { left: x, top: y, right: x + width, bottom: y + height };
}

/** How far a box of the batch is from where its colour is, in pixels. */
function distance(said: Edges, seen: Edges | undefined): number {
  if (seen === undefined) return Infinity;
  return Math.max(
    Math.abs(said.left - seen.left),
    Math.abs(said.top - seen.top),
    Math.abs(said.right - seen.right),
    Math.abs(said.bottom - seen.bottom),
  );
}

/** What a batch says of a thing and what its picture shows of it. */
interface Comparison {
  /** How far the box is from the thing, in pixels; 0 where both are not there. */
  readonly distance: number;
  readonly isShown: boolean;
}

/** Each region's box beside its colour; things that are not among a picture's regions are not shown. */
function comparedRegions(batch: Batch): Comparison[] {
  const pictures = Array.from({ length: batch.numRealPictures }, (_, picture) => picture);
  return pictures.flatMap((picture) => {
    const first = picture * batch.shape.regionsPerPicture;
    const regions = Array.from({ length: batch.numRegions[picture] ?? 0 }, (_, region) => {
      const row = first + region;
      const kind = oneOf(batch.regionFeatures.subarray(row * numFeatures, (row + 1) * numFeatures));
      expect(
        oneOf(batch.classProbabilities.subarray(row * numClasses, (row + 1) * numClasses)),
      ).toBe(kind);
      const box = edgesOfBox([...batch.regionBoxes.subarray(row * 4, row * 4 + 4)]);
      return { distance: distance(box, edgesOf(batch, picture, kind)), isShown: true };
    });
    const hidden = Array.from({ length: colours.length - regions.length }, () => ({
      distance: 0,
      isShown: false,
    }));
    return [...regions, ...hidden];
  });
}

/** The place of the only value that is 1 where all others are 0. */
function oneOf(values: Float32Array): number {
  const kind = values.indexOf(1);
  expect(values.filter((value) => value !== 0)).toEqual(Float32Array.of(1));
  return kind;
}

/** Each text's box beside its colour; unmatched texts must have none. */
function comparedTexts(batch: Batch): Comparison[] {
  return batch.textIds.map((id, pair) => {
    const box = [...batch.textBoxes.subarray(pair * 4, pair * 4 + 4)];
    const isShown = batch.matched[pair] === 1;
    expect(batch.hasTextBox[pair]).toBe(Number(isShown));
    if (!isShown) return { isShown, distance: Math.max(...box) };
    const seen = edgesOf(batch, batch.pictureOfPair[pair] ?? -1, Number(id.split("-")[1]));
    return { isShown, distance: distance(edgesOfBox(box), seen) };
  });
}

const square: PictureSizing = { kind: "square", size: 96 };
const keepRatio: PictureSizing = { kind: "keep-ratio", shorter: 80, longer: 120 };
const crop = { scale: [0.3, 1], ratio: [0.6, 1.6] } as const;

describe("boxes of regions and texts lie where their things are in the pixels, in all 8 EXIF orientations,", () => {
  it.each([
    { of: "whole pictures in squares", pictures: square, isCropped: false, isMirrored: false },
    { of: "mirrored pictures in squares", pictures: square, isCropped: false, isMirrored: true },
    { of: "mirrored crops in squares", pictures: square, isCropped: true, isMirrored: true },
    { of: "whole pictures of any ratio", pictures: keepRatio, isCropped: false, isMirrored: false },
    {
      of: "mirrored pictures of any ratio",
      pictures: keepRatio,
      isCropped: false,
      isMirrored: true,
    },
    { of: "mirrored crops of any ratio", pictures: keepRatio, isCropped: true, isMirrored: true },
  ])("of $of", async ({ isCropped, isMirrored, pictures }) => {
    const options = boxedOptions({
      pictures,
      augment: {
        crop: isCropped ? crop : "none",
        flip: isMirrored ? "if-text-has-no-side-words" : "never",
        randAugment: null,
      },
    });
    const regions: Comparison[] = [];
    const texts: Comparison[] = [];
    await using loader = await BatchLoader.open(options);
    const numBatches = 2 * loader.batchesPerEpoch;
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      regions.push(...comparedRegions(batch));
      texts.push(...comparedTexts(batch));
      if (regions.length === numBatches * 8 * colours.length) break;
    }
    const farthest = (all: Comparison[]) => Math.max(...all.map((one) => one.distance));
    expect(farthest(regions)).toBeLessThan(TOLERANCE_PIXELS);
    expect(farthest(texts)).toBeLessThan(TOLERANCE_PIXELS);
    const shareHidden = 1 - regions.filter(({ isShown }) => isShown).length / regions.length;
    // A crop of 0.3 to 1 of the area leaves some things out, not most.
    const [least, most] = isCropped ? [0.1, 0.6] : [0, 0];
    expect(shareHidden).toBeGreaterThanOrEqual(least);
    expect(shareHidden).toBeLessThanOrEqual(most);
    expect(texts.filter(({ isShown }) => isShown)).toHaveLength(texts.length / 2);
  });
});
