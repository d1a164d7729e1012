import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShardError } from "../../../src/core/errors.ts";
import {
  hiddenRegions,
  objectClass,
  overlapOf,
  softLabel,
} from "../../../src/train/objectives/region-targets.ts";

const halves = (values: readonly number[]): Float32Array =>
  Float32Array.from(Float16Array.from(values));

/** A softmax over 1601 classes as the detector stores it. */
const stored = (() => {
  const raw = Array.from({ length: 1601 }, (_, index) => Math.exp(3 * Math.sin(index * 1.7)));
  const sum = raw.reduce((a, b) => a + b, 0);
  return halves(raw.map((value) => value / sum));
})();

const label = (values: Float32Array, scaling: "as-stored" | "renormalised" = "as-stored") =>
  softLabel({ values, numClasses: values.length }, { row: 0, scaling, record: "coco:1, region 0" });

describe("a soft label", () => {
  it("G-4: that was stored as 16-bit floats sums to 1 within 0.01", () => {
    const sum = label(stored).reduce((a, b) => a + b, 0);
    expect(Math.abs(sum - 1)).toBeLessThan(1e-2);
    expect(label(stored)).toEqual(stored);
  });

  it("G-4: is renormalised by an option", () => {
    const sum = label(stored, "renormalised").reduce((a, b) => a + b, 0);
    expect(Math.abs(sum - 1)).toBeLessThan(1e-6);
  });

  it.each([
    [[0.5, 0.2, 0.2], "0.9000"],
    [[0.5, 0.7, -0.2], "1.0000"],
    [[Number.NaN, 0.5, 0.5], "NaN"],
  ])("G-4: %j is refused, and its region named", (values, sum) => {
    expect(() => label(Float32Array.from(values))).toThrow(ShardError);
    expect(() => label(Float32Array.from(values))).toThrow(
      `the class probabilities of coco:1, region 0 add up to ${sum}, expected 1`,
    );
  });

  it("is read from its own row", () => {
    const values = Float32Array.from([0.5, 0.5, 0, 1]);
    const read = softLabel(
      { values, numClasses: 2 },
      { row: 1, scaling: "as-stored", record: "x" },
    );
    expect([...read]).toEqual([0, 1]);
  });
});

describe("the class of a region", () => {
  it("G-5: is the likeliest that is not the background, ties to the lowest", () => {
    const values = Float32Array.from([0.9, 0.01, 0.08, 0.01, 0.1, 0.3, 0.3, 0.3, 1, 0, 0, 0]);
    expect([0, 1, 2].map((row) => objectClass({ values, numClasses: 4 }, row))).toEqual([2, 1, 1]);
  });

  it("G-5: is never the background", () => {
    const rows = fc.array(fc.float({ min: 0, max: 1, noNaN: true }), {
      minLength: 2,
      maxLength: 9,
    });
    fc.assert(
      fc.property(rows, (row) => {
        const found = objectClass({ values: Float32Array.from(row), numClasses: row.length }, 0);
        expect(found).toBeGreaterThan(0);
        expect(Math.fround(row[found] ?? -1)).toBe(Math.max(...Float32Array.from(row.slice(1))));
      }),
    );
  });
});

describe("hidden regions", () => {
  // x, y, width, height: the second shares 2/3 of the union with the first, the third a third, the fourth is a pad.
  const boxes = Float32Array.from([0, 0, 10, 10, 2, 0, 10, 10, 5, 0, 10, 10, 0, 0, 10, 10]);
  const masked = Int32Array.from([1, 0, 0, 0]);

  it("G-7: are the masked ones without a bound, as in the paper", () => {
    expect([...hiddenRegions(masked, boxes, { bound: null, numRegions: 3 })]).toEqual([1, 0, 0, 0]);
  });

  it("G-7: are those too that overlap a masked one by more than the bound", () => {
    expect(overlapOf(boxes, 0, 1)).toBeCloseTo(2 / 3, 6);
    expect(overlapOf(boxes, 0, 2)).toBeCloseTo(1 / 3, 6);
    const hidden = (bound: number) => [...hiddenRegions(masked, boxes, { bound, numRegions: 3 })];
    expect(hidden(0.5)).toEqual([1, 1, 0, 0]);
    expect(hidden(0.3)).toEqual([1, 1, 1, 0]);
    expect(hidden(0.7)).toEqual([1, 0, 0, 0]);
  });

  it("G-7: stay as they are where nothing is masked, and boxes without an area overlap nothing", () => {
    const none = Int32Array.from([0, 0, 0, 0]);
    expect([...hiddenRegions(none, boxes, { bound: 0, numRegions: 3 })]).toEqual([0, 0, 0, 0]);
    expect(overlapOf(new Float32Array(8), 0, 1)).toBe(0);
  });
});
