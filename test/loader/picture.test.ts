import { readFile } from "node:fs/promises";

import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";

import { sha256 } from "../../src/core/digest.ts";
import { ShardError } from "../../src/core/errors.ts";
import { wholePicture } from "../../src/loader/pictures/view-geometry.ts";
import { decodeView, picturePolicy } from "../../src/loader/pictures/picture.ts";
import { HEADROOM } from "../../src/pixels/jpeg-part.ts";
import { PixelCache } from "../../src/loader/pictures/pixel-cache.ts";
import { realData } from "../real-data.ts";
import { shownPixels, wholePixels } from "./decoded.ts";

type Colour = readonly [red: number, green: number, blue: number];
const RED: Colour = [250, 10, 10];
const GREEN: Colour = [10, 250, 10];
const BLUE: Colour = [10, 10, 250];
const WHITE: Colour = [250, 250, 250];

/** A picture of four quarters, given by rows. */
function quarters(colours: readonly [Colour, Colour, Colour, Colour]): Sharp {
  const side = 64;
  const pixels = Uint8Array.from({ length: side * side * 3 }, (_, place) => {
    const [x, y] = [Math.floor(place / 3) % side, Math.floor(place / 3 / side)];
    const quarter = (y < side / 2 ? 0 : 2) + (x < side / 2 ? 0 : 1);
    return colours[quarter]?.[place % 3] ?? 0;
  });
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } });
}

/** The colours in the middle of the four quarters of decoded pixels, named. */
function namedQuarters(pixels: Uint8Array, size: number): string {
  const places = [0.25, 0.75].flatMap((y) => [0.25, 0.75].map((x) => [x, y] as const));
  return places
    .map(([x, y]) => {
      const start = (Math.floor(y * size) * size + Math.floor(x * size)) * 3;
      const [red = 0, green = 0, blue = 0] = pixels.subarray(start, start + 3);
      const bits = [red, green, blue].map((value) => (value > 127 ? "1" : "0")).join("");
      return { "100": "red", "010": "green", "001": "blue", "111": "white" }[bits] ?? bits;
    })
    .join(" ");
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, place) => sum + Math.abs(value - (b[place] ?? 0)), 0) / a.length;
}

describe("a decoded picture", () => {
  const drawn = quarters([RED, GREEN, BLUE, WHITE]);

  it("has rows from the top, pixels from the left, and red, green, blue in that order", async () => {
    const bytes = await drawn.clone().jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer();
    const pixels = await wholePixels(bytes, 24);
    expect(pixels).toHaveLength(24 * 24 * 3);
    expect(namedQuarters(pixels, 24)).toBe("red green blue white");
  });

  it.each([
    [1, "red green blue white"],
    [2, "green red white blue"],
    [3, "white blue green red"],
    [4, "blue white red green"],
    [5, "red blue green white"],
    [6, "blue red white green"],
    [7, "white green blue red"],
    [8, "green white red blue"],
  ])("stands upright from EXIF orientation %i", async (orientation, expected) => {
    const bytes = await drawn.clone().withMetadata({ orientation }).png().toBuffer();
    expect(namedQuarters(await wholePixels(bytes, 16), 16)).toBe(expected);
  });

  it.each([2, 3, 4, 5, 6, 7, 8])(
    "of the photograph in orientation %i is the upright photograph",
    async (orientation) => {
      const upright = await readFile(realData("images/odd/hopper.jpg"));
      const turned = await readFile(realData(`images/odd/hopper_orientation_${orientation}.jpg`));
      const difference = meanDifference(
        await wholePixels(upright, 64),
        await wholePixels(turned, 64),
      );
      expect(difference).toBeLessThan(3);
    },
  );

  it("shows a part of the upright picture, mirrored when asked", async () => {
    const bytes = await drawn.clone().withMetadata({ orientation: 6 }).png().toBuffer(); // blue red / white green
    const upperHalf = { x: 0, y: 0, width: 64, height: 32 };
    const view = { crop: upperHalf, mirrored: false };
    expect(
      namedQuarters(
        await shownPixels(bytes, {
          size: 16,
          view,
        }),
        16,
      ),
    ).toBe("blue red blue red");
    const mirrored = { ...view, mirrored: true };
    expect(
      namedQuarters(
        await shownPixels(bytes, {
          size: 16,
          view: mirrored,
        }),
        16,
      ),
    ).toBe("red blue red blue");
    const rightHalf = { crop: { x: 32, y: 0, width: 32, height: 64 }, mirrored: false };
    expect(
      namedQuarters(
        await shownPixels(bytes, {
          size: 16,
          view: rightHalf,
        }),
        16,
      ),
    ).toBe("red red green green");
  });

  it("is the same as the crop of the whole picture, mirrored in its columns", async () => {
    const bytes = await readFile(realData("images/odd/hopper.jpg"));
    const plain = await wholePixels(bytes, 32);
    const mirrored = await shownPixels(bytes, {
      size: 32,
      view: { ...wholePicture, mirrored: true },
    });
    const turnedBack = Uint8Array.from(plain, (_, place) => {
      const [x, rest] = [Math.floor(place / 3) % 32, Math.floor(place / 3 / 32)];
      return mirrored[(rest * 32 + (31 - x)) * 3 + (place % 3)] ?? 0;
    });
    expect(meanDifference(turnedBack, plain)).toBeLessThan(1);
  });

  it.each([
    "hopper_gray.jpg",
    "pil_sample_cmyk.jpg",
    "Channel_digital_image_CMYK_color_no_profile.jpg",
    "16-bit-grey-alpha.png",
    "p_16.png",
    "transparent.png",
    "hopper.gif",
    "hopper.webp",
  ])("of %s has three channels of 8 bits", async (name) => {
    const pixels = await wholePixels(await readFile(realData("images/odd", name)), 20);
    expect(pixels).toHaveLength(20 * 20 * 3);
    expect(new Set(pixels).size).toBeGreaterThan(8);
  });

  it("shows white where the picture is transparent, as at preparation", async () => {
    const background = { r: 200, g: 0, b: 0, alpha: 0 };
    const bytes = await sharp({ create: { width: 8, height: 8, channels: 4, background } })
      .png()
      .toBuffer();
    expect(new Set(await wholePixels(bytes, 8))).toEqual(new Set([255]));
  });

  it.each(["truncated_jpeg.jpg", "truncated.jpg", "corrupt-header.jpg", "broken.png"])(
    "of %s does not exist",
    async (name) => {
      const bytes = await readFile(realData("images/odd", name));
      await expect(wholePixels(bytes, 20)).rejects.toThrow(ShardError);
      await expect(wholePixels(bytes, 20)).rejects.toThrow(/does not decode/);
    },
  );
});

describe("a shown part", () => {
  it("is put where it is told, in a rectangle of any shape, decoded on this thread or in the pool", async () => {
    const bytes = await readFile(realData("images/odd/hopper.jpg"));
    const picture = { width: 128, height: 128, orientation: 1 };
    const options = { picture, view: wholePicture, shown: { width: 30, height: 20 } };
    const alone = await decodeView(bytes, options);
    expect(alone).toHaveLength(30 * 20 * 3);
    const memory = new Uint8Array(new SharedArrayBuffer(30 * 20 * 3 + 10));
    const into = memory.subarray(5, -5);
    for (const thread of ["own", "pool"] as const) {
      memory.fill(7);
      expect(await decodeView(bytes, { ...options, into, thread })).toBe(into);
      expect(Buffer.compare(into, alone)).toBe(0);
      expect([...memory.subarray(0, 5), ...memory.subarray(-5)]).toEqual(Array(10).fill(7));
    }
  });

  it("depends on the kernel and, made very small, on how it is decoded", async () => {
    const bytes = await readFile(realData("images/odd/hopper.jpg"));
    const picture = { width: 128, height: 128, orientation: 1 };
    const options = { picture, view: wholePicture, shown: { width: 20, height: 20 } };
    const samplings = (["bicubic", "bilinear"] as const).flatMap((kernel) =>
      (["exact", "scaled"] as const).map((decoding) => ({ kernel, decoding })),
    );
    const all = await Promise.all(
      samplings.map(async (sampling) => sha256(await decodeView(bytes, { ...options, sampling }))),
    );
    expect(new Set(all).size).toBe(4);
    expect(sha256(await decodeView(bytes, options))).toBe(all[1]); // bicubic and scaled
  });

  it("of a picture that has another size than was recorded does not exist", async () => {
    const bytes = await readFile(realData("images/odd/hopper.jpg"));
    const picture = { width: 100, height: 128, orientation: 1 };
    const shown = { width: 20, height: 20 };
    const decoding = decodeView(bytes, { picture, view: wholePicture, shown });
    await expect(decoding).rejects.toThrow(ShardError);
    await expect(decoding).rejects.toThrow(/it has 128 x 128 pixels, expected 100 x 128/);
  });
});

describe("the policy for a run's recipe", () => {
  it("names all that decides the pixels", () => {
    const sampling = { kernel: "bilinear", decoding: "scaled" } as const;
    expect(picturePolicy(sampling)).toEqual({
      version: 2,
      decoder: "libjpeg: accurate integer transform, smooth upsampling; libvips for other formats",
      decoding: "scaled",
      headroom: HEADROOM,
      orientation: "as recorded at preparation",
      colours: "sRGB, 8 bit, transparency over white",
      kernel: "bilinear",
      sampling: "antialiased, crop before resize, rows then columns, weights of 14 bits, sums of 6",
    });
    expect(picturePolicy()).toMatchObject({ kernel: "bicubic", decoding: "scaled" });
  });
});

describe("the cache of decoded pictures", () => {
  const options = { numPictures: 3, pictureBytes: 4, maxBytes: 12 };

  it("decodes each picture once when all fit", async () => {
    const cache = new PixelCache(options);
    let numDecoded = 0;
    const decode = async (): Promise<Uint8Array> => {
      numDecoded += 1;
      return new Uint8Array(4);
    };
    const first = await cache.get(2, decode);
    expect(await cache.get(2, decode)).toBe(first);
    await cache.get(1, decode);
    expect(numDecoded).toBe(2);
  });

  it("keeps nothing when not all fit", async () => {
    const cache = new PixelCache({ ...options, numPictures: 4 });
    let numDecoded = 0;
    const decode = async (): Promise<Uint8Array> => {
      numDecoded += 1;
      return new Uint8Array(4);
    };
    await cache.get(2, decode);
    await cache.get(2, decode);
    expect(numDecoded).toBe(2);
  });
});
