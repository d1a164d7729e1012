import { describe, expect, it } from "vitest";
import { binPoints, logTicks, renderCurve } from "../../src/report/curve-chart.ts";
import { madeUpLoss } from "./sample-report.ts";

describe("the points of a curve", () => {
  it("are drawn as they are when they are few", () => {
    const bins = binPoints([
      { step: 20, value: 2 },
      { step: 10, value: 4 },
    ]);
    expect(bins).toEqual([
      { step: 10, mean: 4, low: 4, high: 4 },
      { step: 20, mean: 2, low: 2, high: 2 },
    ]);
  });

  it("are summed up by mean, lowest and highest value when they are many", () => {
    const points = Array.from({ length: 9 }, (_, step) => ({ step, value: step * step }));
    expect(binPoints(points, 3)).toEqual([
      { step: 1, mean: 5 / 3, low: 0, high: 4 },
      { step: 4, mean: 50 / 3, low: 9, high: 25 },
      { step: 7, mean: 149 / 3, low: 36, high: 64 },
    ]);
  });

  it("leave out what is not a finite number", () => {
    const bins = binPoints([
      { step: 1, value: Number.NaN },
      { step: 2, value: 3 },
      { step: 3, value: Infinity },
    ]);
    expect(bins).toEqual([{ step: 2, mean: 3, low: 3, high: 3 }]);
  });
});

function labels(svg: string): string[] {
  return [...svg.matchAll(/text-anchor="end"[^>]*>([^<]*)</g)].map(([, label]) => label ?? "");
}

describe("the axis of values", () => {
  it("is logarithmic when the values span more than a factor of 20", async () => {
    const wide = { name: "loss", points: madeUpLoss(10, 0.01, 300), reference: null };
    const narrow = { name: "loss", points: madeUpLoss(1, 0.5, 300), reference: null };
    expect(labels(await renderCurve(wide))).toEqual(expect.arrayContaining(["0.1", "1", "10"]));
    expect(labels(await renderCurve(narrow))).toEqual(expect.arrayContaining(["0", "0.2", "1"]));
  });

  it("has ticks at 1, 2 and 5, or at the powers of ten alone when those are many", () => {
    expect(logTicks(0.3, 12)).toEqual([0.5, 1, 2, 5, 10]);
    expect(logTicks(1e-6, 2)).toEqual([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]);
  });
});

it("draws a single point and a constant", async () => {
  const point = { name: "loss", points: [{ step: 1, value: 2 }], reference: null };
  const constant = {
    name: "loss",
    points: [1, 2, 3].map((step) => ({ step, value: 0 })),
    reference: { label: "guessing", value: 0.7 },
  };
  for (const curve of [point, constant]) {
    expect(await renderCurve(curve)).not.toMatch(/NaN|Infinity|undefined/);
  }
});
