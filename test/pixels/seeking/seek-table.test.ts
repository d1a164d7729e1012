import { readFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/digest.ts";
import { RandomStream } from "../../../src/core/random.ts";
import { withSeekTable } from "../../../src/pixels/seeking/add-seek-table.ts";
import { codesOf, withSymbols } from "../../../src/pixels/seeking/huffman-table.ts";
import { realData } from "../../real-data.ts";
import { areaOfWhole, decodedArea, drawnPart } from "./decoded-parts.ts";
import { encoded } from "./made-jpegs.ts";

/** Of the segments below, in their order: they decide digests of sets, so they never change. */
const PINNED = [
  "2bab813c27b9f905fbd8c656e16e355fbac445099f80b8fef23e52b9200ad133",
  "605834d20a515cd37c95d3c9d8bf4df7743cb45e132c681cc54c9e330a0285ab",
];
const NAME = Buffer.from("Crossweave seek\0\x01", "latin1");

interface Told {
  readonly header: readonly number[];
  /** Of each point: its position, and the components' DC values. */
  readonly points: number[][];
  /** Bits from the first byte after the scan header to the end of the picture's last code byte. */
  readonly numScanBits: number;
  readonly segment: Buffer;
}

/** Reads a table by FORMAT.md alone; the segment is the last before the scan header. */
function readByFormat(jpeg: Buffer, numComponents: number): Told {
  const name = jpeg.indexOf(NAME);
  const length = jpeg.readUInt16BE(name - 2);
  const segment = jpeg.subarray(name - 4, name - 2 + length);
  const told = segment.subarray(4 + NAME.length + 4);
  expect(segment.readUInt16BE(0)).toBe(0xffea);
  expect(segment.readUInt32BE(4 + NAME.length)).toBe(crc32(told));
  const scan = name - 2 + length;
  expect(jpeg.readUInt16BE(scan)).toBe(0xffda);
  const codes = jpeg.subarray(scan + 2 + jpeg.readUInt16BE(scan + 2), -2);
  const numbers: number[] = [];
  let [value, place] = [0, 1];
  for (const byte of told) {
    value += (byte % 128) * place;
    place *= 128;
    if (byte < 128) {
      numbers.push(value);
      [value, place] = [0, 1];
    }
  }
  const points: number[][] = [];
  let last = Array.from({ length: 1 + numComponents }, () => 0);
  for (let at = 3; at < numbers.length; at += 1 + numComponents) {
    last = last.map((known, index) => {
      const number = numbers[at + index] ?? Number.NaN;
      if (index === 0) return known + number;
      return known + (number % 2 === 0 ? number / 2 : -(number + 1) / 2);
    });
    points.push(last);
  }
  return { header: numbers.slice(0, 3), points, numScanBits: codes.length * 8, segment };
}

async function toldOf(file: string, numComponents: number): Promise<Told> {
  const jpeg = withSeekTable(await readFile(realData("images/odd", file)));
  return readByFormat(Buffer.from(jpeg ?? []), numComponents);
}

describe("A stored seek table", () => {
  it("is what FORMAT.md says, byte for byte as ever", async () => {
    const colour = await toldOf("hopper.jpg", 3);
    expect(colour.header).toEqual([128, 128, 4]);
    expect(colour.points).toHaveLength(2 * 8 + 1);
    const grey = await toldOf("hopper_gray.jpg", 1);
    expect(grey.header).toEqual([128, 128, 8]);
    expect(grey.points).toHaveLength(2 * 16 + 1);
    for (const { numScanBits, points } of [colour, grey]) {
      const positions = points.map(([position = 0]) => position);
      expect(points[0]?.every((number) => number === 0)).toBe(true);
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      const end = positions.at(-1) ?? 0;
      expect(end).toBeGreaterThan(numScanBits - 8);
      expect(end).toBeLessThanOrEqual(numScanBits);
    }
    expect([colour, grey].map(({ segment }) => sha256(segment))).toEqual(PINNED);
  });
});

describe("A Huffman table", () => {
  const counts = Uint8Array.from([0, 3, ...Array.from({ length: 14 }, () => 0)]); // 00, 01, 10

  it("gets codes of 16 bits for what it lacks, and keeps the code of ones alone free", () => {
    const table = { counts, symbols: Uint8Array.of(4, 5, 6) };
    expect(withSymbols(table, [5, 4])).toBe(table);
    const wider = withSymbols(table, [7, 4, 8]);
    const codes = wider && codesOf(wider);
    expect([4, 5, 6, 7, 8].map((symbol) => codes?.lengths[symbol])).toEqual([2, 2, 2, 16, 16]);
    expect([4, 5, 6, 7, 8].map((symbol) => codes?.codes[symbol])).toEqual([
      0, 1, 2, 0xc000, 0xc001,
    ]);
    expect(table.counts).toEqual(counts);
  });

  it("that is full gets none, and one with too many codes has none", () => {
    const full = new Uint8Array(16).fill(1);
    const table = { counts: full, symbols: Uint8Array.from({ length: 16 }, (_, index) => index) };
    expect(withSymbols(table, [99])).toBeUndefined();
    expect(codesOf(table)).toBeDefined();
    expect(
      codesOf({ counts: Uint8Array.from([3]), symbols: Uint8Array.of(1, 2, 3) }),
    ).toBeUndefined();
  });
});

describe("A picture without details", () => {
  it("whose codes leave no room for seams is decoded as others are", () => {
    const pixels = { width: 400, height: 300, data: new Uint8Array(400 * 300 * 3).fill(77) };
    const jpeg = encoded(pixels, { subsampling: "4:2:0", quality: 90, isOptimized: true });
    const seekable = withSeekTable(jpeg) ?? jpeg;
    expect(seekable.length).toBeGreaterThan(jpeg.length);
    for (let seed = 0; seed < 20; seed += 1) {
      const part = drawnPart(seekable, new RandomStream(seed, 0));
      expect(decodedArea(seekable, part)).toEqual({
        pixels: areaOfWhole(jpeg, part),
        isCut: false,
      });
    }
  });
});
