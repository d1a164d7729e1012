import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.ts";
import { tensor4 } from "../../../src/models/ranks.ts";
import { swinForward } from "../../../src/models/swin/swin.ts";
import { swinOutputShape } from "../../../src/models/swin/stages.ts";
import { swinSpecs } from "../../../src/models/swin/specs.ts";
import type { SwinConfig } from "../../../src/models/swin/config.ts";
import type { SwinOutput } from "../../../src/models/swin/output.ts";
import type { Weights, WeightSpec } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  bruteForceAttention,
  affine,
  CHANNELS,
  NUM_TOKENS,
  normalised,
  oneStage,
  rowsOf,
  SIDE,
  type Rows,
} from "./brute-force-attention.ts";
import { fixtureWeights, largestDifference, uniform } from "../parity-fixture.ts";

beforeAll(loadTensorFlow);

const swinTiny: SwinConfig = {
  imageSize: 224,
  patchSize: 4,
  embedDim: 96,
  depths: [2, 2, 6, 2],
  heads: [3, 6, 12, 24],
  windowSize: 7,
  mlpRatio: 4,
  stochasticDepth: 0,
};
const swinBase: SwinConfig = {
  ...swinTiny,
  embedDim: 128,
  depths: [2, 2, 18, 2],
  heads: [4, 8, 16, 32],
};

const countOf = (specs: readonly WeightSpec[]): number =>
  specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

describe("Swin's parameter counts (S-14)", () => {
  it.each([
    ["T", swinTiny, 27_519_354],
    ["S", { ...swinTiny, depths: [2, 2, 18, 2] }, 48_837_258],
    ["B, windows of 7", swinBase, 86_743_224],
    ["B, 384 px, windows of 12", { ...swinBase, imageSize: 384, windowSize: 12 }, 86_878_584],
  ])("are exact for %s", (_name, config, count) => {
    expect(countOf(swinSpecs(config))).toBe(count);
  });
});

describe("Swin's shapes (S-1)", () => {
  it("are 49 tokens at 224 px, 144 at 384 px, of 8 times the first channels", () => {
    expect(swinOutputShape(swinTiny)).toEqual({ tokens: 49, channels: 768, isGlobal: true });
    expect(swinOutputShape({ ...swinBase, imageSize: 384, windowSize: 12 })).toEqual({
      tokens: 144,
      channels: 1024,
      isGlobal: true,
    });
  });

  it("say that windows of 7 at 448 px leave no global attention", () => {
    expect(swinOutputShape({ ...swinTiny, imageSize: 448 })).toMatchObject({ isGlobal: false });
  });

  it.each([
    ["windows that do not tile a stage", { imageSize: 384 }, "layers.0 .* 96 x 96 .* windows of 7"],
    ["a grid that cannot be halved", { imageSize: 112 }, "layers.3 .* 3.5 x 3.5"],
    ["pictures that are no whole number of patches", { imageSize: 26 }, "layers.0 .* 6.5 x 6.5"],
    ["heads for other stages", { heads: [3, 6, 12] }, "4 stages by its depths, 3 by its heads"],
    ["heads that do not share the channels", { heads: [5, 6, 12, 24] }, "96 channels, which 5"],
  ])("are refused for %s", (_name, change, message) => {
    const config = { ...swinTiny, ...change };
    expect(() => swinOutputShape(config)).toThrow(ConfigError);
    expect(() => swinOutputShape(config)).toThrow(new RegExp(message));
  });
});

function pixelsOf(side: number, change: (values: Float32Array) => void = () => {}): tf.Tensor4D {
  const values = uniform(5, "pixels", [side * side * 3]);
  change(values);
  return tensor4(tf.tensor(values, [1, side, side, 3]));
}

/** Weights in which the named blocks pass their tokens on unchanged. */
function passing(weights: Weights, blocks: readonly string[]): Weights {
  const silenced = Object.entries(weights).map(([name, tensor]) => {
    const isSilent = blocks.some((block) => name.startsWith(block));
    return [name, isSilent ? tf.zerosLike(tensor) : tensor] as const;
  });
  return Object.fromEntries(silenced);
}

const weightsOf = (silent: readonly string[]): Weights => {
  const own = fixtureWeights(swinSpecs(oneStage), 5);
  return passing(own, silent);
};

/** The tokens that enter a block: its output when nothing happens in it, before the last norm. */
function embedded(weights: Weights): Rows {
  const kernel = rowsOf(tf.reshape(weights["patch_embed.proj.weight"] ?? [], [CHANNELS, 3]));
  return rowsOf(pixelsOf(SIDE)).map((pixel) =>
    normalised(
      affine(pixel, kernel, rowsOf(weights["patch_embed.proj.bias"])),
      rowsOf(weights["patch_embed.norm.weight"]),
      rowsOf(weights["patch_embed.norm.bias"]),
    ),
  );
}

const runOf = (config: SwinConfig): SwinOutput =>
  swinForward(fixtureWeights(swinSpecs(config), 6), config, pixelsOf(config.imageSize));

describe("a Swin block", () => {
  it.each([
    { shift: 0, silent: ["layers.0.blocks.1", "layers.0.blocks.0.mlp"] },
    { shift: 1, silent: ["layers.0.blocks.0", "layers.0.blocks.1.mlp"] },
  ])(
    "attends as brute force over all pairs of one window and region, shifted by $shift (S-5)",
    ({ shift, silent }) => {
      const weights = weightsOf(silent);
      const tokens = embedded(weights);
      const attention = bruteForceAttention(tokens, weights, shift);
      const expected = tokens.map((row, token) =>
        normalised(
          row.map((value, channel) => value + (attention[token]?.[channel] ?? Number.NaN)),
          rowsOf(weights["norm.weight"]),
          rowsOf(weights["norm.bias"]),
        ),
      );
      const actual = swinForward(weights, oneStage, pixelsOf(SIDE)).tokens;
      expect(largestDifference(actual.dataSync(), expected.flat())).toBeLessThan(1e-5);
    },
  );

  it("leaves all other windows exactly as they are when a token of an un-shifted one changes (S-7)", () => {
    const weights = weightsOf(["layers.0.blocks.1"]);
    const changed = pixelsOf(SIDE, (values) => values.fill(0.9, 3 * 8, 3 * 9)); // row 1, column 2
    const before = rowsOf(swinForward(weights, oneStage, pixelsOf(SIDE)).tokens);
    const after = rowsOf(swinForward(weights, oneStage, changed).tokens);
    const touched = Array.from({ length: NUM_TOKENS }, (_, token) => token).filter(
      (token) => before[token]?.join() !== after[token]?.join(),
    );
    expect(touched).toEqual([0, 1, 2, 6, 7, 8, 12, 13, 14]);
  });
});

describe("the last attention (S-13)", () => {
  it("has a row for each visual token, each with the sum 1", () => {
    const { attention, tokens } = runOf({ ...oneStage, depths: [1, 2], heads: [2, 2] });
    expect(tokens.shape).toEqual([1, 9, 8]);
    expect(attention?.shape).toEqual([1, 9, 9]);
    for (const row of rowsOf(attention)) {
      expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6);
    }
  });

  it("is not given when the last stage has several windows", () => {
    expect(runOf(oneStage).attention).toBeUndefined();
  });
});
