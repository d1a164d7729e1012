import { describe, expect, it } from "vitest";

import { PixelCache } from "../../src/loader/pictures/pixel-cache.ts";

/** Asks for pictures of these sizes, in turn, twice; gives how often each was decoded. */
async function numDecodings(cache: PixelCache, sizes: readonly number[]): Promise<number[]> {
  const counts = sizes.map(() => 0);
  for (const pass of [1, 2]) {
    for (const [index, size] of sizes.entries()) {
      const pixels = await cache.get(index, () => {
        counts[index] = (counts[index] ?? 0) + 1;
        return Promise.resolve(new Uint8Array(size).fill(index));
      });
      expect([pass, pixels.length, pixels[0]]).toEqual([pass, size, index]);
    }
  }
  return counts;
}

describe("the cache of decoded pictures", () => {
  it("decodes each picture of a set that fits once", async () => {
    const cache = new PixelCache({ numPictures: 3, pictureBytes: 10, maxBytes: 60 });
    expect(await numDecodings(cache, [10, 20, 30])).toEqual([1, 1, 1]);
  });

  it("keeps none of a set whose pictures do not fit", async () => {
    const cache = new PixelCache({ numPictures: 4, pictureBytes: 16, maxBytes: 60 });
    expect(await numDecodings(cache, [10, 20, 30, 1])).toEqual([2, 2, 2, 2]);
  });

  it("gives all up when pictures are larger than was thought, and counts what they really take", async () => {
    const cache = new PixelCache({ numPictures: 3, pictureBytes: 10, maxBytes: 59 });
    expect(await numDecodings(cache, [10, 20, 30])).toEqual([2, 2, 2]);
  });

  it("counts a picture once that two samples asked for at the same time", async () => {
    const cache = new PixelCache({ numPictures: 2, pictureBytes: 10, maxBytes: 30 });
    const pixels = new Uint8Array(20);
    await Promise.all([1, 2].map(() => cache.get(0, () => Promise.resolve(pixels))));
    expect(await numDecodings(cache, [20, 10])).toEqual([0, 1]);
  });
});
