import { describe, expect, it } from "vitest";
import { resizedBiasTable, windowChanges } from "../../../src/models/swin/bias-tables.ts";
import { swinBase, swinBase384, swinTiny } from "../../../src/models/swin/config.ts";
import { largestDifference, readFixture, uniform } from "../parity-fixture.ts";

const change = { heads: 2, from: 7, to: 12 };

describe("bias tables for other windows", () => {
  it("S-11: stay constant where they are constant, also far beyond the change of the papers", () => {
    for (const to of [12, 3, 24]) {
      const resized = resizedBiasTable(new Float32Array(13 ** 2 * 2).fill(0.7), { ...change, to });
      expect(resized).toHaveLength((2 * to - 1) ** 2 * 2);
      expect(largestDifference(resized, new Float32Array(resized.length).fill(0.7))).toBeLessThan(
        1e-6,
      );
    }
  });

  it("S-11: are PyTorch's bicubic interpolation without corner alignment", async () => {
    const fixture = await readFixture("models/fixtures/bias-tables.safetensors");
    for (const to of [12, 4]) {
      const table = uniform(fixture.seed, "table", [13 ** 2, 2]);
      const expected = fixture.values(`windows-7-to-${to}`);
      expect(largestDifference(resizedBiasTable(table, { ...change, to }), expected)).toBeLessThan(
        1e-5,
      );
    }
  });

  it("are asked for in all blocks whose windows change, with their heads", () => {
    const changes = windowChanges(swinBase, swinBase384);
    expect(changes.size).toBe(24);
    expect(changes.get("layers.3.blocks.1.attn.relative_position_bias_table")).toEqual({
      heads: 32,
      from: 7,
      to: 12,
    });
    expect(windowChanges(swinTiny, { ...swinTiny, imageSize: 448 }).size).toBe(0);
  });

  it("of another size are refused", () => {
    expect(() => resizedBiasTable(new Float32Array(3), change)).toThrow(
      "a bias table of 2 heads and windows of 7 has 338 values, found 3",
    );
  });
});
