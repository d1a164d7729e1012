import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { AreaDecoder, type AreaRequest } from "../../src/pixels/area-decoder.ts";
import { bicubic, bilinear } from "../../src/pixels/line-weights.ts";
import { upright } from "../../src/pixels/upright.ts";
import { realData, realPhotographs } from "../real-data.ts";
import { decodeMutated } from "./mutated-jpegs.ts";
import { differenceOf } from "./pillow-resizes.ts";

const decoder = await AreaDecoder.load();
const withoutTurbo = AreaDecoder.withoutTurbo();

async function photograph(): Promise<{ bytes: Buffer; stored: { width: number; height: number } }> {
  const [path = ""] = await realPhotographs();
  const bytes = await readFile(realData("images/coco", path));
  const { width, height } = await sharp(bytes).metadata();
  return { bytes, stored: { width, height } };
}

const asItIs: Omit<AreaRequest, "stored"> = {
  orientation: 1,
  area: null,
  isMirrored: false,
  shown: { width: 90, height: 70 },
  kernel: bicubic,
  decoding: "exact",
};

async function shown(
  of: AreaDecoder,
  bytes: Uint8Array,
  request: AreaRequest,
): Promise<Uint8Array> {
  const into = new Uint8Array(request.shown.width * request.shown.height * 3);
  await of.decode(bytes, request, into);
  return into;
}

/** An upright picture without loss, so that it may be compared. */
async function uprightPng(
  bytes: Buffer,
  orientation: number,
): Promise<{ bytes: Buffer; stored: { width: number; height: number } }> {
  const { data, info } = await sharp(bytes)
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const turned = upright({ data, width: info.width, height: info.height }, orientation);
  const { width, height } = turned;
  const png = await sharp(turned.data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return { bytes: png, stored: { width, height } };
}

describe("An area of a picture", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "of orientation %i is that of the upright picture, mirrored or not, to a level",
    async (orientation) => {
      const { bytes, stored } = await photograph();
      const other = await uprightPng(bytes, orientation);
      const area = { left: 31, top: 47, right: 331, bottom: 247 };
      for (const isMirrored of [false, true]) {
        for (const one of [null, area]) {
          const request = { ...asItIs, area: one, isMirrored };
          const ours = await shown(decoder, bytes, { ...request, stored, orientation });
          const expected = await shown(decoder, other.bytes, { ...request, stored: other.stored });
          const { mean, p99 } = differenceOf([[ours, expected]]);
          expect({ isSmall: mean < 0.1, p99 }).toEqual({ isSmall: true, p99: expect.any(Number) });
          expect(p99).toBeLessThanOrEqual(1);
        }
      }
    },
  );

  it("mirrored is the same read from right to left", async () => {
    const { bytes, stored } = await photograph();
    const plain = await shown(decoder, bytes, { ...asItIs, stored });
    const mirrored = await shown(decoder, bytes, { ...asItIs, stored, isMirrored: true });
    const back = upright({ ...asItIs.shown, data: mirrored }, 2);
    expect(back.data).toEqual(plain);
  });

  it("has the same pixels where libjpeg-turbo is missing", async () => {
    const { bytes, stored } = await photograph();
    for (const area of [null, { left: 100, top: 3, right: 222, bottom: 200 }]) {
      const request = { ...asItIs, stored, area };
      expect(await shown(withoutTurbo, bytes, request)).toEqual(
        await shown(decoder, bytes, request),
      );
    }
  });

  it("may have any size, and with many neighbours a pixel keeps an even colour", async () => {
    const [width, height] = [1201, 953];
    for (const value of [0, 1, 128, 254, 255]) {
      const background = { r: value, g: value, b: 255 - value };
      const png = await sharp({ create: { width, height, channels: 3, background } })
        .png()
        .toBuffer();
      for (const [w, h] of [
        [1, 1],
        [7, 3],
        [33, 50],
        [90, 1201],
        [1333, 17],
      ] as const) {
        for (const kernel of [bicubic, bilinear]) {
          const request = {
            ...asItIs,
            stored: { width, height },
            shown: { width: w, height: h },
            kernel,
          };
          const pixels = await shown(decoder, png, request);
          const wrong = pixels.filter(
            (found, at) => found !== (at % 3 === 2 ? 255 - value : value),
          );
          expect({ w, h, value, wrong }).toEqual({ w, h, value, wrong: new Uint8Array() });
        }
      }
    }
  });

  it("is not made of a picture of another size than the stored one", async () => {
    const { bytes } = await photograph();
    const stored = { width: 10, height: 10 };
    for (const one of [decoder, withoutTurbo]) {
      await expect(shown(one, bytes, { ...asItIs, stored })).rejects.toThrow(/expected 10 x 10/);
    }
  });
});

describe("A whole picture", () => {
  it("is decoded upright, the same with and without libjpeg-turbo", async () => {
    const { bytes, stored } = await photograph();
    const { data } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    const expected = upright({ ...stored, data }, 6);
    for (const of of [decoder, withoutTurbo]) {
      const {
        width,
        height,
        data: found,
      } = await of.decodeWhole(bytes, { stored, orientation: 6 });
      expect([width, height]).toEqual([stored.height, stored.width]);
      expect(Buffer.compare(found, expected.data)).toBe(0);
    }
  });

  it("may be a PNG, and has the size that is stored", async () => {
    const { bytes, stored } = await photograph();
    const png = await sharp(bytes).resize(40, 30).png().toBuffer();
    const small = { width: 40, height: 30 };
    const { data } = await decoder.decodeWhole(png, { stored: small, orientation: 1 });
    expect(Buffer.compare(data, await sharp(png).raw().toBuffer())).toBe(0);
    await expect(decoder.decodeWhole(png, { stored, orientation: 1 })).rejects.toThrow("40 x 30");
  });
});

describe("A decoder's pool", () => {
  it("gives the same pixels, several at once, while the calling thread goes on", async () => {
    const { bytes, stored } = await photograph();
    const expected = await shown(decoder, bytes, { ...asItIs, stored });
    let turns = 0;
    const count = (): void => {
      turns += 1;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    await shown(decoder, bytes, { ...asItIs, stored });
    expect(turns).toBe(0); // on the calling thread, nothing else happens meanwhile
    const all = Array.from({ length: 6 }, () => new Uint8Array(expected.length));
    await Promise.all(all.map((into) => decoder.decodeInPool(bytes, { ...asItIs, stored }, into)));
    clearImmediate(timer);
    expect(turns).toBeGreaterThan(0);
    for (const pixels of all) expect(pixels).toEqual(expected);
  });
});

describe("Damage", () => {
  it("in 300 JPEGs ends no process and changes no other picture", async () => {
    const { decoded, refused } = await decodeMutated(300);
    expect(decoded + refused).toBe(300);
    expect(refused).toBeGreaterThan(120);
  });
});
