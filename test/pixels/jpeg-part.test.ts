import * as fc from "fast-check";
import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { assert, describe, expect, it } from "vitest";
import { JpegDecoder, readyForParts } from "../../src/pixels/jpeg-decoder.ts";
import { type JpegPart, planJpegPart } from "../../src/pixels/jpeg-part.ts";
import type { RgbPixels } from "../../src/pixels/resampler.ts";
import {
  INIT_COMPRESS,
  openHandle,
  PIXEL_RGB,
  QUALITY,
  SUBSAMPLING,
  turboLibrary,
} from "../../src/pixels/turbo-library.ts";
import { realData, realPhotographs } from "../real-data.ts";

const [decoder, library] = [await JpegDecoder.load(), await turboLibrary()];
assert(decoder !== undefined && library !== undefined, "libjpeg-turbo is there on Linux");
const [jpegs, turbo] = [decoder, library];
await readyForParts();

function decoded(
  bytes: Uint8Array,
  partOf: (width: number, height: number) => JpegPart,
): Uint8Array {
  using jpeg = jpegs.open(bytes);
  assert(jpeg !== undefined);
  const part = partOf(jpeg.frame.width, jpeg.frame.height);
  const pixels = new Uint8Array(part.region.width * part.region.height * 3);
  jpeg.decode(part, pixels);
  return pixels;
}

/** All of a picture, reduced. */
function whole(reduction: number): (width: number, height: number) => JpegPart {
  return (fullWidth, fullHeight) => {
    const [width, height] = [Math.ceil(fullWidth / reduction), Math.ceil(fullHeight / reduction)];
    const area = { left: 0, top: 0, right: width, bottom: height };
    return { reduction, region: { x: 0, y: 0, width, height }, isWhole: true, area };
  };
}

function corner(width: number, height: number): JpegPart {
  const area = { left: 0, top: 0, right: 99, bottom: 50 };
  const target = { width: 99, height: 50 };
  return planJpegPart({ width, height, blockWidth: 16 }, { area, target, decoding: "exact" });
}

interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The pixels of a rectangle. */
function cut(pixels: Uint8Array, rowPixels: number, rectangle: Rectangle): Buffer {
  const { left, top, width, height } = rectangle;
  return Buffer.concat(
    Array.from({ length: height }, (_, y) => {
      const start = ((top + y) * rowPixels + left) * 3;
      return pixels.subarray(start, start + width * 3);
    }),
  );
}

const SUBSAMPLINGS = ["4:4:4", "4:2:2", "4:2:0", "grey", "4:4:0", "4:1:1", "4:4:1"] as const;
const PROGRESSIVE = 12; // of turbojpeg.h

/** A photograph as it is, and with all ways of reducing the colour planes, baseline and progressive. */
async function variants(path: string): Promise<Uint8Array[]> {
  const original = await readFile(realData("images/coco", path));
  const { data, info } = await sharp(original)
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const encoded = SUBSAMPLINGS.flatMap((_, subsampling) =>
    [0, 1].map((progressive) => encode({ ...info, data }, { subsampling, progressive })),
  );
  return [original, ...encoded];
}

function encode(
  { data, width, height }: RgbPixels,
  { subsampling, progressive }: { subsampling: number; progressive: number },
): Uint8Array {
  using held = new DisposableStack();
  const { handle, require } = openHandle(turbo, INIT_COMPRESS, held);
  require(turbo.set(handle, SUBSAMPLING, subsampling));
  require(turbo.set(handle, QUALITY, 90));
  require(turbo.set(handle, PROGRESSIVE, progressive));
  const [memory, length]: [unknown[], number[]] = [[null], [0]];
  require(turbo.compress(handle, data, width, 0, height, PIXEL_RGB, memory, length));
  held.defer(() => turbo.free(memory[0]));
  return turbo.copy(memory[0], Number(length[0]));
}

/** Shares of what is left, in thousandths. */
const share = fc.integer({ min: 0, max: 999 });
const shares = fc.tuple(share, share, share, share);

function rectangleIn(
  [left, top, width, height]: readonly [number, number, number, number],
  size: { width: number; height: number },
): Rectangle {
  const x = Math.floor((left / 1000) * size.width);
  const y = Math.floor((top / 1000) * size.height);
  return {
    left: x,
    top: y,
    width: 1 + Math.floor((width / 1000) * (size.width - x)),
    height: 1 + Math.floor((height / 1000) * (size.height - y)),
  };
}

describe("A part of a JPEG", () => {
  it("has the very pixels of the whole, however it is coded and wherever it lies, in every reduction", async () => {
    const photographs = await realPhotographs();
    const files = (await Promise.all([0, 17].map((at) => variants(photographs[at] ?? "")))).flat();
    for (const reduction of [1, 2, 4, 8]) {
      for (const bytes of files) {
        using jpeg = jpegs.open(bytes);
        assert(jpeg !== undefined);
        const { frame } = jpeg;
        const [width, height] = [frame.width, frame.height].map((side) =>
          Math.ceil(side / reduction),
        );
        assert(width !== undefined && height !== undefined);
        const all = decoded(bytes, whole(reduction));
        fc.assert(
          fc.property(shares, (drawn) => {
            const rectangle = rectangleIn(drawn, { width, height });
            const part = planned(rectangle, { frame, reduction });
            const pixels = decoded(bytes, () => part);
            const { area, region } = part;
            const inside = { ...rectangle, left: area.left, top: area.top };
            const found = cut(pixels, region.width, inside);
            expect(found.equals(cut(all, width, rectangle))).toBe(true);
          }),
          { numRuns: 6 },
        );
      }
    }
  });

  it("leaves nothing behind in the decoder for the next picture", async () => {
    const [path] = await realPhotographs();
    const bytes = await readFile(realData("images/coco", path ?? ""));
    const all = decoded(bytes, whole(1));
    const half = decoded(bytes, whole(2));
    expect(half.length).toBeLessThan(all.length / 3);
    expect(decoded(bytes, whole(1))).toEqual(all);
    const part = decoded(bytes, corner);
    expect(part.length).toBeLessThan(half.length);
    expect(decoded(bytes, whole(1))).toEqual(all);
    expect(decoded(bytes, whole(1))).toEqual(all);
    expect(decoded(bytes, whole(2))).toEqual(half);
    expect(decoded(bytes, corner)).toEqual(part);
  });

  it("is little more than what was asked for", () => {
    const frame = { width: 640, height: 480, blockWidth: 16 };
    const area = { left: 200, top: 100, right: 300, bottom: 180 };
    const target = { width: 224, height: 224 };
    expect(planJpegPart(frame, { area, target, decoding: "scaled" })).toEqual({
      reduction: 1,
      region: { x: 192, y: 98, width: 110, height: 84 },
      isWhole: false,
      area: { left: 8, top: 2, right: 108, bottom: 82 },
    });
  });

  it("is reduced only where twice the pixels that are shown are left in both directions", () => {
    const frame = { width: 4001, height: 3000, blockWidth: 16 };
    const area = { left: 0, top: 0, right: 4001, bottom: 3000 };
    const reductionTo = (side: number, decoding: "exact" | "scaled"): number =>
      planJpegPart(frame, { area, target: { width: side, height: side }, decoding }).reduction;
    expect([751, 750, 375, 187].map((side) => reductionTo(side, "scaled"))).toEqual([1, 2, 4, 8]);
    expect(reductionTo(64, "exact")).toBe(1);
    const part = planJpegPart(frame, {
      area,
      target: { width: 384, height: 384 },
      decoding: "scaled",
    });
    expect(part).toMatchObject({
      reduction: 2,
      isWhole: true,
      region: { width: 2001, height: 1500 },
    });
    expect(part.area).toEqual({ left: 0, top: 0, right: 2000.5, bottom: 1500 });
  });

  it("is all of a picture whose blocks the library does not know", () => {
    const frame = { width: 100, height: 80, blockWidth: null };
    const area = { left: 20, top: 10, right: 30, bottom: 20 };
    const part = planJpegPart(frame, { area, target: { width: 8, height: 8 }, decoding: "exact" });
    expect(part).toMatchObject({ isWhole: true, area, region: { width: 100, height: 80 } });
  });
});

/** The plan for a rectangle of the reduced picture. */
function planned(
  { left, top, width, height }: Rectangle,
  { frame, reduction }: { frame: Parameters<typeof planJpegPart>[0]; reduction: number },
): JpegPart {
  const area = {
    left: left * reduction,
    top: top * reduction,
    right: (left + width) * reduction,
    bottom: (top + height) * reduction,
  };
  // Twice the target, so that this very reduction is chosen.
  const target = { width: width / 2, height: height / 2 };
  const decoding = reduction === 1 ? "exact" : "scaled";
  return planJpegPart(frame, { area, target, decoding });
}
