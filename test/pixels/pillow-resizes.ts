import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJpegStructure } from "../../src/ingest/decoding/jpeg-structure.ts";
import { AreaDecoder } from "../../src/pixels/area-decoder.ts";
import { bicubic, bilinear } from "../../src/pixels/line-weights.ts";
import { pythonEnvironment } from "../python-environment.ts";
import { realData, realPhotographs } from "../real-data.ts";

/** A photograph of the real data, cropped and then resized. */
export interface ResizeCase {
  /** Below the COCO photographs. */
  readonly photograph: string;
  readonly crop: readonly [left: number, top: number, right: number, bottom: number] | null;
  readonly width: number;
  readonly height: number;
  readonly kernel: "bicubic" | "bilinear";
}

/** Whole photographs and parts, made smaller and larger, with both kernels; their results are committed. */
export async function fewCases(): Promise<ResizeCase[]> {
  const [first = "", second = "", third = ""] = await realPhotographs();
  const shapes = [
    { photograph: first, crop: null, width: 56, height: 48 },
    { photograph: second, crop: [101, 57, 321, 248], width: 64, height: 50 },
    { photograph: third, crop: [33, 70, 63, 93], width: 61, height: 44 },
    { photograph: first, crop: [200, 100, 207, 300], width: 30, height: 40 },
  ] as const;
  return shapes.flatMap((shape) => [
    { ...shape, kernel: "bicubic" } as const,
    { ...shape, kernel: "bilinear" } as const,
  ]);
}

function pathOf({ photograph }: ResizeCase): string {
  return realData("images/coco", photograph);
}

/** What Pillow makes of the cases, in a throw-away Python environment. */
export async function pillowResizes(cases: readonly ResizeCase[]): Promise<Uint8Array[]> {
  const python = await pythonEnvironment("requirements-parity.txt");
  const folder = await mkdtemp(join(tmpdir(), "crossweave-pillow-"));
  try {
    const [list, result] = [join(folder, "cases.json"), join(folder, "result")];
    await writeFile(list, JSON.stringify(cases.map((one) => ({ ...one, path: pathOf(one) }))));
    await python.run("resize_pictures.py", [list, result]);
    return cutResults(await readFile(result), cases);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The pixels of each case, from those of all of them. */
export function cutResults(pixels: Uint8Array, cases: readonly ResizeCase[]): Uint8Array[] {
  let start = 0;
  return cases.map(({ width, height }) => {
    start += width * height * 3;
    return pixels.subarray(start - width * height * 3, start);
  });
}

const decoder = await AreaDecoder.load();

/** What ours is. */
export async function ownResize(
  one: ResizeCase,
  decoding: "exact" | "scaled",
): Promise<Uint8Array> {
  const { crop, width, height, kernel } = one;
  const bytes = await readFile(pathOf(one));
  const stored = readJpegStructure(bytes);
  if (stored === undefined) throw new Error(`${one.photograph} is no JPEG`);
  const area = crop && { left: crop[0], top: crop[1], right: crop[2], bottom: crop[3] };
  const into = new Uint8Array(width * height * 3);
  const request = {
    stored,
    orientation: 1,
    area,
    isMirrored: false,
    shown: { width, height },
    kernel: { bicubic, bilinear }[kernel],
    decoding,
  };
  await decoder.decode(bytes, request, into);
  return into;
}

/** Absolute differences in levels: their mean, the one that 99 in 100 do not pass, and the largest. */
export interface Difference {
  readonly mean: number;
  readonly p99: number;
  readonly max: number;
}

/** Of all pixels of all cases together. */
export function differenceOf(pairs: readonly (readonly [Uint8Array, Uint8Array])[]): Difference {
  const counts = new Float64Array(256);
  for (const [ours, theirs] of pairs) {
    for (const [at, value] of ours.entries()) {
      const levels = Math.abs(value - (theirs[at] ?? Number.NaN));
      counts[levels] = (counts[levels] ?? Number.NaN) + 1;
    }
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  const sum = counts.reduce((all, count, levels) => all + count * levels, 0);
  let seen = 0;
  const p99 = counts.findIndex((count) => (seen += count) >= total * 0.99);
  return { mean: sum / total, p99, max: counts.findLastIndex((count) => count > 0) };
}
