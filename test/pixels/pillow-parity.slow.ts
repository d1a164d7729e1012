import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readJpegStructure } from "../../src/ingest/decoding/jpeg-structure.ts";
import { realData, realPhotographs } from "../real-data.ts";
import { type Difference, differenceOf, ownResize, pillowResizes } from "./pillow-resizes.ts";

type Shape = "whole" | "part" | "small part";

/** Of all photographs together, and of the worst of them. */
interface Found {
  readonly all: Difference;
  readonly worst: Difference;
}

/** All photographs in one shape and size, with one kernel. */
async function found(
  shape: Shape,
  side: number,
  how: { kernel: "bicubic" | "bilinear"; decoding: "exact" | "scaled" },
): Promise<Found> {
  const photographs = await realPhotographs();
  const cases = await Promise.all(
    photographs.map(async (photograph, index) => {
      const crop = cropOf(shape, index, await sizeOf(photograph));
      return { photograph, crop, width: side, height: side, kernel: how.kernel };
    }),
  );
  const theirs = await pillowResizes(cases);
  const pairs: [Uint8Array, Uint8Array][] = [];
  for (const [index, one] of cases.entries()) {
    pairs.push([await ownResize(one, how.decoding), theirs[index] ?? new Uint8Array()]);
  }
  const each = pairs.map((pair) => differenceOf([pair]));
  const worst = {
    mean: Math.max(...each.map(({ mean }) => mean)),
    p99: Math.max(...each.map(({ p99 }) => p99)),
    max: Math.max(...each.map(({ max }) => max)),
  };
  return { all: differenceOf(pairs), worst };
}

async function sizeOf(photograph: string): Promise<{ width: number; height: number }> {
  const structure = readJpegStructure(await readFile(realData("images/coco", photograph)));
  if (structure === undefined) throw new Error(`${photograph} is no JPEG`);
  return structure;
}

function cropOf(
  shape: Shape,
  index: number,
  { width, height }: { width: number; height: number },
): readonly [number, number, number, number] | null {
  const [left, top] = [(index * 37) % 101, (index * 53) % 97];
  if (shape === "whole") return null;
  return shape === "part"
    ? [left, top, width - ((index * 11) % 73), height - ((index * 17) % 67)]
    : [left, top, left + 150 + index, top + 130 + index];
}

describe("Beside Pillow 13.0.0, 51 photographs", () => {
  it.each([
    ["whole", 384],
    ["whole", 64],
    ["part", 224],
    ["small part", 224],
  ] as const)("decoded in full size: %s to %i", async (shape, side) => {
    for (const kernel of ["bicubic", "bilinear"] as const) {
      const { worst } = await found(shape, side, { kernel, decoding: "exact" });
      expect(worst.mean).toBeLessThan(0.25);
      expect(worst.p99).toBe(1);
      expect(worst.max).toBeLessThanOrEqual(kernel === "bilinear" ? 1 : 20);
    }
  });

  it.each([112, 80, 64, 48, 32])("decoded in less than their full size: to %i", async (side) => {
    for (const kernel of ["bicubic", "bilinear"] as const) {
      const { all, worst } = await found("whole", side, { kernel, decoding: "scaled" });
      expect(all.mean).toBeLessThan(0.5);
      expect(all.p99).toBeLessThanOrEqual(3);
      expect(worst.mean).toBeLessThan(1.1);
      expect(worst.p99).toBeLessThanOrEqual(5);
    }
  });
});
