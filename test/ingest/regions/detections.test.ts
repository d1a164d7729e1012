// R regions, D features, C classes
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Detections, storedRegions } from "../../../src/ingest/regions/detections.ts";
import { RegionFault, type RegionFaultCode } from "../../../src/ingest/regions/region-fault.ts";
import { npzPolicy, onlyPicture } from "./region-fixtures.ts";

const policy = npzPolicy({ numFeatures: 2, numClasses: 1 });
const picture = onlyPicture(790); // 640 x 422

/** R regions with the given confidences; feature [r, 0] is r. */
function detections(confidences: readonly number[], changes: Partial<Detections> = {}): Detections {
  const rows = confidences.map((_, row) => row);
  return {
    place: "coco.tsv line 7",
    corners: Float32Array.from(rows.flatMap(() => [0, 0, 1, 1])),
    frame: null,
    confidences: Float32Array.from(confidences),
    features: Float32Array.from(rows.flatMap((row) => [row, 0])),
    classProbabilities: Float32Array.from(rows.map(() => 1)),
    ...changes,
  };
}

/** Which rows of the entry were kept, in order. */
function keptRows(found: Detections): number[] {
  const { features } = storedRegions(found, picture, policy);
  return Array.from(new Float16Array(features.slice().buffer)).filter(
    (_, index) => index % 2 === 0,
  );
}

function faultOf(found: Detections, of = picture): { code: RegionFaultCode; message: string } {
  try {
    storedRegions(found, of, policy);
  } catch (error) {
    if (error instanceof RegionFault) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("no fault was found");
}

describe("UNITER's selection of regions", () => {
  it.each([
    [0, 10],
    [9, 10],
    [10, 10],
    [57, 57],
    [100, 100],
    [108, 100],
  ])("U-5: of 108 regions with %i confident ones keeps %i", (numConfident, numKept) => {
    const confidences = Array.from({ length: 108 }, (_, row) => (row < numConfident ? 0.5 : 0.1));
    expect(keptRows(detections(confidences))).toHaveLength(numKept);
  });

  it("keeps what there is when there is less than the least", () => {
    expect(keptRows(detections([0.1, 0.1, 0.1]))).toHaveLength(3);
  });

  it("takes the most confident first, equal ones in the file's order", () => {
    const small = npzPolicy({
      numFeatures: 2,
      numClasses: 1,
      selection: { minConfidence: 0.2, minRegions: 1, maxRegions: 4 },
    });
    const found = detections([0.3, 0.9, 0.3, 0.1, 0.5, 0.3]);
    const { features, confidences } = storedRegions(found, picture, small);
    const rows = Array.from(new Float16Array(features.slice().buffer)).filter(
      (_, at) => at % 2 === 0,
    );
    expect(rows).toEqual([1, 4, 0, 2]);
    expect(confidences?.map((value) => Math.round(value * 10))).toEqual([9, 5, 3, 3]);
  });

  it("compares in the precision of the file, as NumPy does", () => {
    const tenSure = Array.from({ length: 10 }, () => 0.9);
    const atThreshold = Float32Array.from([...tenSure, Math.fround(0.2)]);
    expect(atThreshold[10]).toBeGreaterThan(0.2);
    const found = detections([...tenSure, 0.2], { confidences: atThreshold });
    expect(keptRows(found)).toHaveLength(10);
  });

  it("keeps all regions of a file without confidences, up to the most", () => {
    const found = detections(
      Array.from({ length: 120 }, () => 0.5),
      { confidences: null },
    );
    expect(keptRows(found)).toEqual(Array.from({ length: 100 }, (_, row) => row));
    expect(storedRegions(found, picture, policy).confidences).toBeNull();
  });
});

describe("boxes of regions", () => {
  it("are in pixels of the stored picture, whatever the file gave them in", () => {
    const stored = { ...picture, width: 320, height: 211 };
    const inPixels = detections([0.9], {
      corners: Float32Array.of(64, 42.2, 320, 211),
      frame: { width: 640, height: 422 },
    });
    const inFractions = detections([0.9], { corners: Float32Array.of(0.1, 0.1, 0.5, 0.5) });
    for (const found of [inPixels, inFractions]) {
      const [box] = storedRegions(found, stored, policy).boxes;
      expect(box?.x).toBeCloseTo(32, 4);
      expect(box?.y).toBeCloseTo(21.1, 4);
      expect(box?.width).toBeCloseTo(128, 4);
      expect(box?.height).toBeCloseTo(84.4, 4);
    }
  });

  it("are cut off where they stick out by no more than rounding", () => {
    const found = detections([0.9], { corners: Float32Array.of(-0.001, 0, 1.0015, 1) });
    const [box] = storedRegions(found, picture, policy).boxes;
    expect(box).toEqual({ x: 0, y: 0, width: 640, height: 422 });
  });

  it("never leave the picture, wherever their corners are", () => {
    const edge = fc.double({ min: -0.01, max: 1.01, noNaN: true });
    let numInside = 0;
    fc.assert(
      fc.property(edge, edge, edge, edge, (...corners) => {
        const found = detections([0.9], { corners: Float64Array.from(corners) });
        try {
          for (const { x, y, width, height } of storedRegions(found, picture, policy).boxes) {
            expect(Math.min(x, y, width, height)).toBeGreaterThanOrEqual(0);
            expect(x + width).toBeLessThanOrEqual(640 + 1e-9);
            expect(y + height).toBeLessThanOrEqual(422 + 1e-9);
            numInside += 1;
          }
        } catch (error) {
          if (!(error instanceof RegionFault)) throw error;
        }
      }),
    );
    expect(numInside).toBeGreaterThan(5);
  });

  it.each<[string, readonly number[]]>([
    ["outside of the picture", [0.2, 0.2, 1.1, 0.4]],
    ["left of the picture", [-0.1, 0.2, 0.4, 0.4]],
    ["with its corners the wrong way round", [0.5, 0.2, 0.4, 0.4]],
    ["upside down", [0.2, 0.6, 0.4, 0.4]],
    ["that is NaN", [0.2, Number.NaN, 0.4, 0.4]],
    ["that is infinite", [0.2, 0.1, Infinity, 0.4]],
  ])("%s are a fault", (_, corners) => {
    const found = detections([0.9], { corners: Float32Array.from(corners) });
    expect(faultOf(found)).toMatchObject({
      code: "REG_BOX",
      message: expect.stringMatching(/^coco.tsv line 7: a box spans/),
    });
  });
});

describe("the picture that a detector saw", () => {
  it("may be a copy of other size with the same proportions", () => {
    const found = detections([0.9], {
      corners: Float32Array.of(0, 0, 160, 105.5),
      frame: { width: 320, height: 211 },
    });
    expect(storedRegions(found, picture, policy).boxes).toEqual([
      { x: 0, y: 0, width: 320, height: 211 },
    ]);
  });

  it("may not be of other proportions", () => {
    const found = detections([0.9], { frame: { width: 480, height: 640 } });
    expect(faultOf(found)).toEqual({
      code: "REG_FRAME",
      message: "coco.tsv line 7: it is about a picture of 480x640 pixels, the file has 640x422",
    });
  });

  it("may not be the picture turned upright, for boxes are in the file's frame", () => {
    const found = detections([0.9], { frame: { width: 422, height: 640 } });
    expect(faultOf(found, { ...picture, orientation: 6 }).message).toContain(
      "the file has 640x422, to be turned (EXIF orientation 6)",
    );
  });
});

describe("values of regions", () => {
  it.each<[string, Partial<Detections>, RegExp]>([
    ["a feature that is NaN", { features: Float32Array.of(1, Number.NaN) }, /a feature of NaN/],
    [
      "a feature too large for 16 bits",
      { features: Float32Array.of(65_520, 0) },
      /a feature of 65520, which 16 bits cannot hold/,
    ],
    [
      "an infinite probability",
      { classProbabilities: Float32Array.of(-Infinity) },
      /a class probability of -Infinity/,
    ],
    ["a confidence that is NaN", { confidences: Float32Array.of(Number.NaN) }, /confidence of NaN/],
    ["a confidence above 1", { confidences: Float32Array.of(1.5) }, /a confidence of 1.5/],
  ])("are refused: %s", (_, change, message) => {
    const fault = faultOf(detections([0.9], change));
    expect(fault.code).toBe("REG_VALUE");
    expect(fault.message).toMatch(message);
  });

  it("may be the largest of 16 bits, and anything in regions that are not kept", () => {
    const sure = Array.from({ length: 10 }, () => 0.9);
    const features = new Float32Array(22).fill(65_504);
    features[20] = Number.NaN;
    expect(keptRows(detections([...sure, 0.1], { features }))).toHaveLength(10);
  });
});
