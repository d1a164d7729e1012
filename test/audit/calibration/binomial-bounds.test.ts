import { describe, expect, it } from "vitest";
import { lowerBound, upperBound } from "../../../src/audit/calibration/binomial-bounds.ts";
import golden from "./scipy-bounds.json" with { type: "json" };

describe("the exact bounds of a share", () => {
  it.each(golden.rows)("are scipy's for $hits of $tried at $confidence", (row) => {
    const { confidence, lower, upper } = row;
    expect(relative(lowerBound(row, confidence), lower)).toBeLessThan(1e-6);
    expect(relative(upperBound(row, confidence), upper)).toBeLessThan(1e-6);
  });

  it("are the whole range where nothing was tried", () => {
    expect(lowerBound({ hits: 0, tried: 0 }, 0.95)).toBe(0);
    expect(upperBound({ hits: 0, tried: 0 }, 0.95)).toBe(1);
  });
});

function relative(value: number, expected: number): number {
  return value === expected ? 0 : Math.abs(value - expected) / expected;
}
