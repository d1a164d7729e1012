import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { withSeekTable } from "../../../src/pixels/seeking/add-seek-table.ts";
import { readBaselineScan } from "../../../src/pixels/seeking/baseline-scan.ts";
import {
  isSeekSegment,
  readSeekSegment,
  type SeekTable,
} from "../../../src/pixels/seeking/seek-table.ts";
import { realData, realPhotographs } from "../../real-data.ts";
import { areaOfWhole, decodedArea, drawnPart } from "./decoded-parts.ts";
import { type Encoding, encoded, madePixels } from "./made-jpegs.ts";

/** How many of so many random parts were cut out, after each had the pixels of the whole picture. */
function numCut(jpeg: Uint8Array, numParts: number, seed: number): number {
  const seekable = withSeekTable(jpeg);
  if (seekable === undefined) throw new Error("it got no seek table");
  let count = 0;
  for (let index = 0; index < numParts; index += 1) {
    const draws = new RandomStream(seed, index);
    // A part that is shown in few pixels is decoded in less than its size.
    const part = drawnPart(seekable, draws, index % 4 === 0 ? 1 + draws.nextInt(40) : undefined);
    const { isCut, pixels } = decodedArea(seekable, part);
    expect({ seed, index, isSame: pixels.equals(areaOfWhole(jpeg, part)) }).toEqual({
      seed,
      index,
      isSame: true,
    });
    if (isCut) count += 1;
  }
  return count;
}

function seekTableOf(jpeg: Uint8Array): SeekTable | undefined {
  const seekable = withSeekTable(jpeg) ?? jpeg;
  const scan = readBaselineScan(seekable);
  return scan?.segments
    .map(({ start, end }) => seekable.subarray(start, end))
    .filter((segment) => isSeekSegment(segment))
    .map((segment) => readSeekSegment(segment, scan))
    .at(0);
}

describe("A part cut out of a JPEG", () => {
  it("has the pixels of the whole photograph", async () => {
    let count = 0;
    for (const [index, path] of (await realPhotographs()).entries()) {
      count += numCut(await readFile(realData("images/coco", path)), 3, index);
    }
    expect(count).toBeGreaterThan(51 * 2);
  });

  it.each(["4:4:4", "4:2:2", "4:2:0", "grey", "4:4:0", "4:1:1"] as const)(
    "has the pixels of the whole picture in %s, of any size, content and quality",
    (subsampling) => {
      let count = 0;
      for (let seed = 0; seed < 60; seed += 1) {
        const draws = new RandomStream(11, seed);
        const [width, height] = [1 + draws.nextInt(300), 1 + draws.nextInt(200)];
        const encoding: Encoding = {
          subsampling,
          quality: 1 + draws.nextInt(100),
          isOptimized: draws.nextBoolean(0.5),
        };
        const jpeg = encoded(madePixels(width, height, draws), encoding);
        count += numCut(jpeg, 4, seed);
      }
      expect(count).toBeGreaterThan(60);
    },
  );

  it("has the pixels of the smallest pictures", () => {
    for (let side = 1; side <= 20; side += 1) {
      const draws = new RandomStream(3, side);
      const pixels = madePixels(side, 21 - side, draws);
      expect(numCut(encoded(pixels, { subsampling: "4:2:0", quality: 90 }), 4, side)).toBeLessThan(
        5,
      );
    }
  });

  it("has the pixels of narrow and of low pictures, whose colours are upsampled in other ways", () => {
    for (let side = 1; side <= 20; side += 1) {
      for (const subsampling of ["4:2:0", "4:2:2", "4:4:0"] as const) {
        const draws = new RandomStream(4, side);
        const [narrow, low] = [madePixels(side, 90, draws), madePixels(150, side, draws)];
        expect(numCut(encoded(narrow, { subsampling, quality: 90 }), 10, side)).toBeLessThan(11);
        expect(numCut(encoded(low, { subsampling, quality: 90 }), 10, side)).toBeLessThan(11);
      }
    }
  });

  it("has the pixels of pictures whose codes are as long and as many as can be", () => {
    const draws = new RandomStream(1, 1);
    const data = Uint8Array.from({ length: 400 * 300 * 3 }, () => 255 * draws.nextInt(2));
    const pixels = { width: 400, height: 300, data };
    for (const subsampling of ["4:4:4", "4:2:0"] as const) {
      expect(numCut(encoded(pixels, { subsampling, quality: 100 }), 20, 5)).toBeGreaterThan(10);
    }
  });
});

describe("A seek table", () => {
  it("is one segment more, and all else stays as it was", async () => {
    const [path = ""] = await realPhotographs();
    const jpeg = await readFile(realData("images/coco", path));
    const seekable = withSeekTable(jpeg);
    const segments = (seekable && readBaselineScan(seekable)?.segments) ?? [];
    const found = segments.filter(({ start, end }) =>
      isSeekSegment(seekable?.subarray(start, end) ?? jpeg),
    );
    expect(found).toHaveLength(1);
    const [{ start, end } = { start: 0, end: 0 }] = found;
    const rest = [seekable?.subarray(0, start), seekable?.subarray(end)];
    expect(Buffer.concat(rest.map((bytes) => bytes ?? jpeg)).equals(jpeg)).toBe(true);
    expect(withSeekTable(seekable ?? jpeg)).toEqual(seekable);
  });

  it("is left out where codes cannot be entered: progressive ones and those with restart markers", () => {
    const pixels = madePixels(130, 90, new RandomStream(2, 2));
    const common = { subsampling: "4:2:0", quality: 90 } as const;
    expect(withSeekTable(encoded(pixels, common))).toBeDefined();
    expect(withSeekTable(encoded(pixels, { ...common, isProgressive: true }))).toBeUndefined();
    for (const restartBlocks of [1, 3, 9, 100]) {
      const jpeg = encoded(pixels, { ...common, restartBlocks });
      expect(withSeekTable(jpeg)).toBeUndefined();
      const part = drawnPart(jpeg, new RandomStream(4, restartBlocks));
      expect(decodedArea(jpeg, part)).toEqual({ pixels: areaOfWhole(jpeg, part), isCut: false });
    }
  });

  it("of a very long picture has wider strips, so that it fits into a segment", () => {
    const [width, height] = [65_000, 136];
    const pixels = { width, height, data: new Uint8Array(width * height * 3) };
    const jpeg = encoded(pixels, { subsampling: "4:4:4", quality: 95 });
    expect(seekTableOf(jpeg)).toMatchObject({ unitsPerStrip: 16, numRows: 17 });
    expect(seekTableOf(jpeg)?.stripsPerRow).toBe(Math.ceil(65_000 / 8 / 16));
    expect(numCut(jpeg, 6, 9)).toBeGreaterThan(2);
  });
});
