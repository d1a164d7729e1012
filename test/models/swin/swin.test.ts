import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.ts";
import { wholeDepth } from "../../../src/models/dropout.ts";
import { tensor4 } from "../../../src/models/ranks.ts";
import { swinForward } from "../../../src/models/swin/swin.ts";
import { blocksOf, ownGrid, stagesOf, swinOutputShape } from "../../../src/models/swin/stages.ts";
import { swinSpecs } from "../../../src/models/swin/specs.ts";
import {
  swinBase,
  swinBase384,
  swinSmall,
  swinTiny,
  type SwinConfig,
} from "../../../src/models/swin/config.ts";
import { attentionOverPicture, type SwinOutput } from "../../../src/models/swin/output.ts";
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

const countOf = (specs: readonly WeightSpec[]): number =>
  specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

describe("Swin's parameter counts", () => {
  it.each([
    ["T", swinTiny, 27_519_354],
    ["S", swinSmall, 48_837_258],
    ["B, windows of 7", swinBase, 86_743_224],
    ["B, 384 px, windows of 12", swinBase384, 86_878_584],
  ])("S-14: are exact for %s", (_name, config, count) => {
    expect(countOf(swinSpecs(config))).toBe(count);
  });
});

describe("Swin's shapes", () => {
  it("S-1: are 49 tokens at 224 px, 144 at 384 px, of 8 times the first channels", () => {
    expect(swinOutputShape(swinTiny)).toMatchObject({ tokens: 49, channels: 768, isGlobal: true });
    expect(swinOutputShape(swinBase384)).toMatchObject({
      tokens: 144,
      channels: 1024,
      isGlobal: true,
    });
  });

  it("S-1: halve with each stage, whose channels double", () => {
    const stages = stagesOf(swinTiny, { height: 56, width: 56 });
    expect(stages.map(({ grid, channels }) => [grid.height, grid.width, channels])).toEqual([
      [56, 56, 96],
      [28, 28, 192],
      [14, 14, 384],
      [7, 7, 768],
    ]);
  });

  it("S-2: round up where a picture is no whole number of patches, or a grid odd", () => {
    expect(swinOutputShape({ ...swinTiny, imageSize: 230 }).grid).toEqual({ height: 8, width: 8 });
    const grids = stagesOf(swinTiny, { height: 25, width: 58 }).map(({ grid }) => grid);
    expect(grids.at(-1)).toEqual({ height: 4, width: 8 });
  });

  it.each([
    ["T at 384 px with windows of 7", { imageSize: 384 }],
    ["T at 448 px with windows of 7", { imageSize: 448 }],
  ])("S-13: say that %s has no global attention", (_name, change) => {
    expect(swinOutputShape({ ...swinTiny, ...change })).toMatchObject({ isGlobal: false });
  });

  it.each([
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

const runOf = (config: SwinConfig, numPictures = 1): SwinOutput =>
  swinForward(fixtureWeights(swinSpecs(config), 6), config, {
    pixels: tensor4(tf.tile(pixelsOf(config.imageSize), [numPictures, 1, 1, 1])),
    depth: wholeDepth,
  });

/** The stages of Swin-T with two blocks each and two channels a head. */
const narrow: SwinConfig = {
  ...swinTiny,
  embedDim: 2,
  depths: [1, 1, 1, 1],
  heads: [1, 1, 2, 4],
  mlpRatio: 1,
};

describe("a Swin block", () => {
  it.each([
    { shift: 0, silent: ["layers.0.blocks.1", "layers.0.blocks.0.mlp"] },
    { shift: 1, silent: ["layers.0.blocks.0", "layers.0.blocks.1.mlp"] },
  ])(
    "S-5: attends as brute force over all pairs of one window and region, shifted by $shift",
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
      const actual = swinForward(weights, oneStage, {
        pixels: pixelsOf(SIDE),
        depth: wholeDepth,
      }).tokens;
      expect(largestDifference(actual.dataSync(), expected.flat())).toBeLessThan(1e-5);
    },
  );

  it("S-7: leaves all other windows exactly as they are when a token of an un-shifted one changes", () => {
    const weights = weightsOf(["layers.0.blocks.1"]);
    const changed = pixelsOf(SIDE, (values) => values.fill(0.9, 3 * 8, 3 * 9)); // row 1, column 2
    const before = rowsOf(
      swinForward(weights, oneStage, { pixels: pixelsOf(SIDE), depth: wholeDepth }).tokens,
    );
    const after = rowsOf(
      swinForward(weights, oneStage, { pixels: changed, depth: wholeDepth }).tokens,
    );
    const touched = Array.from({ length: NUM_TOKENS }, (_, token) => token).filter(
      (token) => before[token]?.join() !== after[token]?.join(),
    );
    expect(touched).toEqual([0, 1, 2, 6, 7, 8, 12, 13, 14]);
  });
});

const twoStages: SwinConfig = { ...oneStage, depths: [1, 2], heads: [2, 2] };

describe("the last attention", () => {
  it("S-13: has for each head a row for each visual token, each with the sum 1", () => {
    const output = runOf(twoStages);
    expect(output.tokens.shape).toEqual([1, 9, 8]);
    expect(output.grid).toEqual({ height: 3, width: 3 });
    expect(output.attention.shape).toEqual([1, 2, 9, 9]);
    const averaged = attentionOverPicture(output);
    expect(averaged.shape).toEqual([1, 9, 9]);
    for (const row of [...rowsOf(output.attention), ...rowsOf(averaged)]) {
      expect(Math.abs(row.reduce((sum, value) => sum + value, 0) - 1)).toBeLessThan(1e-6);
    }
  });

  it.each([
    { imageSize: 224, windowSize: 7, shape: [2, 4, 49, 49] },
    { imageSize: 384, windowSize: 12, shape: [2, 4, 144, 144] },
    { imageSize: 384, windowSize: 7, shape: [2 * 4, 4, 49, 49] },
  ])(
    "S-13: is $shape of two pictures of $imageSize px with windows of $windowSize",
    ({ imageSize, shape, windowSize }) => {
      const { attention } = runOf({ ...narrow, imageSize, windowSize }, 2);
      expect(attention.shape).toEqual(shape);
      const sums = tf.sum(attention, 3).dataSync();
      expect(largestDifference(sums, new Float32Array(sums.length).fill(1))).toBeLessThan(1e-6);
    },
  );

  it("S-13: is refused as attention over the picture at 384 px with windows of 7", () => {
    const output = runOf({ ...narrow, imageSize: 384, windowSize: 7 });
    expect(() => attentionOverPicture(output)).toThrow(/12 x 12 tokens in several windows of 7/);
  });

  it("S-13: is refused as attention over the picture when the last stage has several windows", () => {
    const output = runOf(oneStage);
    expect(output.attention.shape).toEqual([4, 2, 9, 9]);
    expect(() => attentionOverPicture(output)).toThrow(ConfigError);
  });
});

describe("stochastic depth", () => {
  it("S-10: grows evenly over the blocks: 0.2 i / 11 for block i of Swin-T", () => {
    const rates = stagesOf(swinTiny, ownGrid(swinTiny)).flatMap((stage) =>
      blocksOf(stage, swinTiny).map(({ dropRate }) => dropRate),
    );
    expect(rates).toHaveLength(12);
    for (const [block, rate] of rates.entries()) expect(rate).toBeCloseTo((0.2 * block) / 11, 12);
  });

  it("S-10: is asked for both branches of each block with the block's rate", () => {
    const asked: (readonly [number, string])[] = [];
    const config = { ...oneStage, stochasticDepth: 0.5 };
    swinForward(fixtureWeights(swinSpecs(config), 6), config, {
      pixels: pixelsOf(SIDE),
      depth: (rate) => (branch) => {
        asked.push([rate, branch.shape.join("x")]);
        return branch;
      },
    });
    expect(asked).toEqual([[0, "1x36x4"], [0, "1x36x4"], [0.5, "1x36x4"], [0.5, "1x36x4"]]); // prettier-ignore
  });

  it("S-10: leaves the input alone where a picture's branch is dropped", () => {
    const config = { ...oneStage, stochasticDepth: 0.5 };
    const weights = fixtureWeights(swinSpecs(config), 6);
    const tokensOf = (named: Weights, keep: number): ArrayLike<number> =>
      swinForward(named, config, {
        pixels: pixelsOf(SIDE),
        depth: (rate) => (branch) => (rate > 0 ? tf.mul(branch, keep) : branch),
      }).tokens.dataSync();
    const withoutLastBlock = passing(weights, [
      "layers.0.blocks.1.attn.proj",
      "layers.0.blocks.1.mlp.fc2",
    ]);
    expect(largestDifference(tokensOf(weights, 0), tokensOf(withoutLastBlock, 1))).toBe(0);
  });
});
