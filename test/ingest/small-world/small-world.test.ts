import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, RefusedError } from "../../../src/core/errors.ts";
import { silentProgress, type Progress } from "../../../src/core/progress.ts";
import { RandomStream } from "../../../src/core/random.ts";
import { viewOf } from "../../../src/ingest/small-world/picture.ts";
import { drawPhotograph } from "../../../src/ingest/small-world/scene.ts";
import {
  writeSmallWorld,
  type SmallWorldSummary,
} from "../../../src/ingest/small-world/small-world.ts";
import { digestFiles, listFiles, readTruth } from "./files.ts";
import type { TruePicture } from "./truth.ts";

const SCALE = 0.05;
let base = "";
let folder = "";
let summary: SmallWorldSummary;
let truth: Map<string, TruePicture>;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "crossweave-small-world-"));
  folder = join(base, "world");
  summary = await draw(folder, 7);
  truth = await readTruth(folder);
});

afterAll(async () => {
  await rm(base, { recursive: true, force: true });
});

async function draw(
  to: string,
  seed: number,
  watch: { progress?: Progress; signal?: AbortSignal } = {},
): Promise<SmallWorldSummary> {
  const { progress = silentProgress, signal = new AbortController().signal } = watch;
  return writeSmallWorld(to, { seed, scale: SCALE, progress, signal });
}

describe("the files of a small world", () => {
  test("are the same bytes for the same seed", async () => {
    const again = join(base, "again");
    expect(await draw(again, 7)).toEqual(summary);
    expect(await digestFiles(again)).toEqual(await digestFiles(folder));
  });

  test("are others for another seed", async () => {
    const other = await draw(join(base, "other"), 8);
    expect(other.digest).not.toBe(summary.digest);
    expect(other.pictures).toEqual(summary.pictures);
  });

  test("are the same bytes when the first run was interrupted", async () => {
    const interrupted = join(base, "interrupted");
    const controller = new AbortController();
    const progress: Progress = {
      report: ({ done }) => {
        if (done === 40) controller.abort();
      },
      say: () => {},
    };
    await expect(draw(interrupted, 7, { progress, signal: controller.signal })).rejects.toThrow(
      /abort/i,
    );
    const left = await listFiles(interrupted);
    expect(left.length).toBeLessThan(summary.numFiles / 2);
    expect(await draw(interrupted, 7)).toEqual(summary);
    expect(await digestFiles(interrupted)).toEqual(await digestFiles(folder));
  });

  test("are all in the summary's count, and no more", async () => {
    const paths = await listFiles(folder);
    expect(paths).toHaveLength(summary.numFiles + 1);
    expect(paths).toContain("small-world.json");
    expect(truth.size).toBe(summary.numPictures);
  });

  test("are left alone once complete", async () => {
    let numReports = 0;
    const progress: Progress = { report: () => (numReports += 1), say: () => {} };
    expect(await draw(folder, 7, { progress })).toEqual(summary);
    expect(numReports).toBe(0);
  });
});

describe("a folder that holds something else", () => {
  test("is refused when it is the world of another seed", async () => {
    const before = await digestFiles(folder);
    await expect(draw(folder, 9)).rejects.toThrow(RefusedError);
    await expect(draw(folder, 9)).rejects.toThrow(/seed 7 and scale 0\.05, asked for are seed 9/);
    expect(await digestFiles(folder)).toEqual(before);
  });

  test("is refused when it is no small world", async () => {
    const foreign = join(base, "foreign");
    await mkdir(foreign);
    await writeFile(join(foreign, "thesis.tex"), "years of work");
    await expect(draw(foreign, 7)).rejects.toThrow(/not empty and holds no small world/);
    expect(await listFiles(foreign)).toEqual(["thesis.tex"]);
  });

  test("is refused when its marker cannot be read", async () => {
    const damaged = join(base, "damaged");
    await mkdir(damaged);
    await writeFile(join(damaged, "small-world.json"), '{"seed": 7, "sc');
    await expect(draw(damaged, 7)).rejects.toThrow(RefusedError);
  });
});

test.each([0, -1, Number.NaN, 1000])("a scale of %d is a wrong option", async (scale) => {
  const options = { seed: 1, scale, progress: silentProgress, signal: AbortSignal.abort() };
  await expect(writeSmallWorld(join(base, "scale"), options)).rejects.toThrow(ConfigError);
});

describe("the pictures", () => {
  test("are of many sizes between 57 and 250 pixels, and decode to what the ground truth says", async () => {
    const sizes = new Set<string>();
    for (const picture of truth.values()) {
      const { data, info } = await sharp(join(folder, picture.path))
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([info.width, info.height, info.channels]).toEqual([picture.width, picture.height, 3]);
      expect(data.length).toBe(picture.width * picture.height * 3);
      expect(Math.min(info.width, info.height)).toBeGreaterThanOrEqual(50);
      expect(Math.max(info.width, info.height)).toBeLessThanOrEqual(250);
      sizes.add(`${info.width}x${info.height}`);
    }
    expect(sizes.size).toBeGreaterThan(100);
  });

  test("are JPEG, but for some of NLVR2's", async () => {
    const formats = new Map<string, number>();
    for (const { path, dataset } of truth.values()) {
      const { format } = await sharp(join(folder, path)).metadata();
      expect(["jpeg", dataset === "nlvr2" ? "png" : "jpeg"]).toContain(format);
      const name = `${dataset} ${format}`;
      formats.set(name, (formats.get(name) ?? 0) + 1);
    }
    expect(formats.get("nlvr2 jpeg") ?? 0).toBeGreaterThan(3 * (formats.get("nlvr2 png") ?? 0));
    expect(formats.get("nlvr2 png") ?? 0).toBeGreaterThan(0);
  });

  test("show inside each box the color that the ground truth says", async () => {
    const shown = { red: [215, 35, 40], blue: [40, 75, 220], yellow: [245, 215, 30] };
    for (const picture of [...truth.values()].slice(0, 60)) {
      const { data } = await sharp(join(folder, picture.path))
        .raw()
        .toBuffer({ resolveWithObject: true });
      for (const [color, ink] of Object.entries(shown)) {
        for (const object of picture.objects.filter((o) => o.color === color)) {
          const share = shareOfInk(data, picture.width, { ink, box: object.box });
          expect([picture.path, object.shape, share > 0.2]).toEqual([
            picture.path,
            object.shape,
            true,
          ]);
        }
      }
    }
  });
});

/** How much of a box is within 60 levels of an ink in every channel. */
function shareOfInk(
  data: Uint8Array,
  width: number,
  { ink, box }: { ink: readonly number[]; box: TruePicture["objects"][number]["box"] },
): number {
  let hits = 0;
  for (let row = box.y; row < box.y + box.height; row += 1) {
    for (let column = box.x; column < box.x + box.width; column += 1) {
      const at = (row * width + column) * 3;
      if (ink.every((level, channel) => Math.abs((data[at + channel] ?? 0) - level) < 60))
        hits += 1;
    }
  }
  return hits / (box.width * box.height);
}

describe("a photograph", () => {
  test("keeps its shapes whole, apart, and large enough to see", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(), (seed, index) => {
        const photograph = drawPhotograph("any", new RandomStream(seed, index));
        const { width, height, objects } = viewOf(photograph, { kind: "drawn" });
        for (const [position, { box }] of objects.entries()) {
          expect(box.x).toBeGreaterThanOrEqual(0);
          expect(box.y).toBeGreaterThanOrEqual(0);
          expect(box.x + box.width).toBeLessThanOrEqual(width);
          expect(box.y + box.height).toBeLessThanOrEqual(height);
          expect(Math.max(box.width, box.height)).toBeGreaterThanOrEqual(
            Math.min(width, height) / 5,
          );
          for (const other of objects.slice(position + 1)) {
            expect(areApart(box, other.box)).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test("has the same objects however it is rendered, mirrored when flipped", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const photograph = drawPhotograph("any", new RandomStream(seed));
        const drawn = viewOf(photograph, { kind: "drawn" });
        const flipped = viewOf(photograph, { kind: "flipped" });
        const resized = viewOf(photograph, { kind: "resized", factor: 2 });
        for (const [index, { box }] of drawn.objects.entries()) {
          const mirrored = flipped.objects[index]?.box;
          expect(mirrored).toEqual({ ...box, x: drawn.width - box.x - box.width });
          const { x = 0, y = 0, width = 0, height = 0 } = resized.objects[index]?.box ?? {};
          expect([x, y, width, height]).toEqual(
            [box.x, box.y, box.width, box.height].map((n) => n * 2),
          );
        }
        const cropped = viewOf(photograph, { kind: "cropped" });
        for (const { box } of cropped.objects) {
          expect(box.x + box.width).toBeLessThanOrEqual(cropped.width);
          expect(box.y + box.height).toBeLessThanOrEqual(cropped.height);
        }
      }),
      { numRuns: 200 },
    );
  });
});

interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function areApart(a: Rectangle, b: Rectangle): boolean {
  const isBeside = a.x + a.width <= b.x || b.x + b.width <= a.x;
  return isBeside || a.y + a.height <= b.y || b.y + b.height <= a.y;
}

// The pictures' bytes follow the JPEG encoder's version; what they show follows ours alone.
test("what a seed draws and says never drifts", async () => {
  const digests = await digestFiles(folder);
  expect(digests.get("scenes.jsonl")).toBe(
    "94b2577945a74113c278dffc02479ee01380205aa4d812486c8c720e8f441bee",
  );
  expect(digests.get("coco/dataset_coco.json")).toBe(
    "c5529a9ce3ab186a0702956c9d0ccaf4e35c3312ad5f84b39d3052e9a7dcd09d",
  );
});
