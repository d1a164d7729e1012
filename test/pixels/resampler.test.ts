import * as fc from "fast-check";
import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { Resampler, type RgbPixels } from "../../src/pixels/resampler.ts";
import { realData, realPhotographs } from "../real-data.ts";
import { exactAreaMean } from "./exact-area-mean.ts";

const resampler = new Resampler();

function reduced(picture: RgbPixels, width: number, height: number): Uint8Array {
  const room = resampler.open(picture, { width, height });
  room.source.data.set(picture.data);
  return room.resample().data.slice();
}

async function photographPixels(path: string): Promise<RgbPixels> {
  const { data, info } = await sharp(await readFile(realData("images/coco", path)))
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

const shrinking = fc
  .record({ width: fc.integer({ min: 1, max: 80 }), height: fc.integer({ min: 1, max: 80 }) })
  .chain(({ width, height }) => {
    const numBytes = width * height * 3;
    return fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      data: fc.uint8Array({ minLength: numBytes, maxLength: numBytes }),
      toWidth: fc.integer({ min: 1, max: width }),
      toHeight: fc.integer({ min: 1, max: height }),
    });
  });

describe("A reduced picture", () => {
  it("has the mean of the area that each pixel covers, to half a level and the rounding of weights", () => {
    fc.assert(
      fc.property(shrinking, ({ toWidth, toHeight, ...picture }) => {
        const exact = exactAreaMean(picture, { width: toWidth, height: toHeight });
        const result = reduced(picture, toWidth, toHeight);
        for (const [index, value] of result.entries()) {
          expect(Math.abs(value - (exact[index] ?? Number.NaN))).toBeLessThan(0.55);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is of one colour when the picture is, in every size", () => {
    for (const colour of [0, 1, 127, 254, 255]) {
      const data = new Uint8Array(97 * 61 * 3).fill(colour);
      for (let size = 1; size <= 61; size += 3) {
        const result = reduced({ width: 97, height: 61, data }, size, size);
        expect(result.every((value) => value === colour)).toBe(true);
      }
    }
  });

  it("is the picture itself when the size is", () => {
    const data = Uint8Array.from({ length: 7 * 5 * 3 }, (_, index) => index * 2);
    expect(reduced({ width: 7, height: 5, data }, 7, 5)).toEqual(data);
  });

  it("differs from libvips' antialiased linear kernel by less than two levels on average", async () => {
    for (const path of (await realPhotographs()).slice(0, 8)) {
      const picture = await photographPixels(path);
      const { width, height } = picture;
      const [toWidth, toHeight] = [Math.round(width * 0.6), Math.round(height * 0.6)];
      const result = reduced(picture, toWidth, toHeight);
      const other = await sharp(picture.data, { raw: { width, height, channels: 3 } })
        .resize(toWidth, toHeight, { fit: "fill", kernel: "linear", fastShrinkOnLoad: false })
        .raw()
        .toBuffer();
      const sum = result.reduce(
        (total, value, at) => total + Math.abs(value - (other[at] ?? 0)),
        0,
      );
      expect(sum / result.length).toBeLessThan(2);
    }
  });
});

describe("A resampler", () => {
  it("gives every picture its own result, whatever was in its memory before", async () => {
    const [first = "", second = ""] = await realPhotographs();
    const [one, other] = [await photographPixels(first), await photographPixels(second)];
    const alone = reduced(one, 200, 100);
    reduced(other, 384, 384);
    expect(Buffer.compare(reduced(one, 200, 100), alone)).toBe(0);
    expect(
      Buffer.compare(new Resampler().open(one).source.data, new Uint8Array(one.data.length)),
    ).toBe(0);
  });

  it("gives back what a huge picture needed", () => {
    const roomy = new Resampler();
    roomy.open({ width: 6000, height: 6000 });
    const { data } = roomy.open({ width: 10, height: 10 }).source;
    expect(data.buffer.byteLength).toBeLessThan(1_000_000);
  });
});
