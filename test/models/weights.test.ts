import { beforeAll, describe, expect, it } from "vitest";
import { initialiseWeights, type InitialScale, type WeightSpec } from "../../src/models/weights.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";

beforeAll(loadTensorFlow);

const specs: readonly WeightSpec[] = [
  { name: "layer.weight", shape: [64, 32], initialisation: "truncated-normal" },
  { name: "other.weight", shape: [64, 32], initialisation: "truncated-normal" },
  { name: "layer.bias", shape: [3], initialisation: "zeros" },
  { name: "norm.weight", shape: [3], initialisation: "ones" },
];

function valuesOf(name: string, scale: InitialScale, seed = 1): number[] {
  const weights = initialiseWeights(specs, { seed, scale });
  return [...(weights[name]?.dataSync() ?? [])];
}

const deviation = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);

// The standard deviation of N(0, 1) cut at two deviations.
const CUT_DEVIATION = 0.8796;

describe("initial weights", () => {
  it("are N(0, 0.02) cut at two deviations, zeros and ones", () => {
    const kernel = valuesOf("layer.weight", "published");
    expect(deviation(kernel)).toBeCloseTo(0.02 * CUT_DEVIATION, 3);
    expect(Math.max(...kernel.map(Math.abs))).toBeLessThanOrEqual(0.04);
    expect(valuesOf("layer.bias", "published")).toEqual([0, 0, 0]);
    expect(valuesOf("norm.weight", "published")).toEqual([1, 1, 1]);
  });

  it("are N(0, 1 / inputs) when they start by fan-in", () => {
    const kernel = valuesOf("layer.weight", "fan-in");
    expect(deviation(kernel) * Math.sqrt(32)).toBeCloseTo(CUT_DEVIATION, 1);
  });

  it("are a pure function of the seed and the weight's name", () => {
    const kernel = valuesOf("layer.weight", "published");
    expect(valuesOf("layer.weight", "published")).toEqual(kernel);
    expect(valuesOf("layer.weight", "published", 2)).not.toEqual(kernel);
    expect(valuesOf("other.weight", "published")).not.toEqual(kernel);
    // Pinned: a run that is begun again must start from the same weights.
    expect(kernel.slice(0, 3).map((value) => value.toFixed(8))).toEqual([
      "0.00631851",
      "0.00494351",
      "-0.01369569",
    ]);
  });
});
