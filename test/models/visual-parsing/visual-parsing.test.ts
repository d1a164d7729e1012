import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { bertBaseUncased } from "../../../src/models/bert/config.ts";
import { noDropout, wholeDepth } from "../../../src/models/dropout.ts";
import { sinePositions } from "../../../src/models/sine-position.ts";
import { swinTiny } from "../../../src/models/swin/config.ts";
import { swinForward } from "../../../src/models/swin/swin.ts";
import { tensor4 } from "../../../src/models/ranks.ts";
import {
  embedPictures,
  fusePairs,
  languageLogits,
  maskedPictureEmbedding,
  matchingLogits,
  parsePictures,
  type PairInput,
  regressedFeatures,
  VISUAL_PREFIX,
  visualParsingSpecs,
  type VisualParsingConfig,
} from "../../../src/models/visual-parsing/visual-parsing.ts";
import type { Weights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { fixtureWeights, largestDifference, uniformTensor } from "../parity-fixture.ts";

beforeAll(loadTensorFlow);

const config: VisualParsingConfig = {
  swin: {
    imageSize: 8,
    patchSize: 2,
    embedDim: 4,
    depths: [1, 1],
    heads: [1, 2],
    windowSize: 2,
    mlpRatio: 2,
    stochasticDepth: 0,
    recompute: false,
  },
  transformer: {
    vocabularySize: 12,
    hiddenSize: 8,
    layers: 1,
    heads: 2,
    intermediateSize: 16,
    maxPositions: 6,
    tokenTypes: 0,
    dropout: 0,
    recompute: false,
  },
  languageLayers: 0,
};

const weightsOf = (): Weights => fixtureWeights(visualParsingSpecs(config), 9);

describe("Visual Parsing's weights", () => {
  it("have distinct names; the vision Transformer's begin with its prefix", () => {
    const names = visualParsingSpecs(config).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("visual.layers.1.blocks.0.attn.qkv.weight");
    const others = names.filter((name) => !name.startsWith(VISUAL_PREFIX));
    expect(others.filter((name) => /^(patch_embed|layers|norm)\b/.test(name))).toEqual([]);
  });
});

describe("parsing pictures", () => {
  it("normalises 8-bit RGB by ImageNet's mean and deviation", () => {
    const weights = weightsOf();
    const pixels = tf.tensor4d(
      Int32Array.from({ length: 192 }, (_, place) => (place * 37) % 256),
      [1, 8, 8, 3],
      "int32",
    );
    const own = Object.fromEntries(
      Object.entries(weights).map(([name, tensor]) => [name.replace(VISUAL_PREFIX, ""), tensor]),
    );
    const normalised = tf.div(
      tf.sub(tf.div(tf.cast(pixels, "float32"), 255), [0.485, 0.456, 0.406]),
      [0.229, 0.224, 0.225],
    );
    const expected = swinForward(own, config.swin, {
      pixels: tensor4(normalised),
      depth: wholeDepth,
    });
    const actual = parsePictures(weights, config, { pixels, depth: wholeDepth });
    expect(actual.tokens.shape).toEqual([1, 4, 8]);
    const difference = largestDifference(actual.tokens.dataSync(), expected.tokens.dataSync());
    expect(difference).toBeLessThan(1e-5);
  });
});

describe("embedding visual tokens", () => {
  it("projects, places on the grid and normalises", () => {
    const weights = weightsOf();
    const features = tf.tensor3d(uniformTensor(9, "features", [1, 4, 8]).dataSync(), [1, 4, 8]);
    const sum = tf.add(
      tf.add(
        tf.matMul(
          tf.reshape(features, [4, 8]),
          tf.reshape(weights["visual_embedding.projection.weight"] ?? [], [8, 8]),
          false,
          true,
        ),
        weights["visual_embedding.projection.bias"] ?? 0,
      ),
      tf.tensor2d(sinePositions({ height: 2, width: 2 }, 8), [4, 8]),
    );
    const { mean, variance } = tf.moments(sum, -1, true);
    const expected = tf.add(
      tf.mul(
        tf.div(tf.sub(sum, mean), tf.sqrt(variance)),
        weights["visual_embedding.LayerNorm.weight"] ?? 1,
      ),
      weights["visual_embedding.LayerNorm.bias"] ?? 0,
    );
    const actual = embedPictures(weights, config, features);
    expect(actual.shape).toEqual([1, 4, 8]);
    expect(largestDifference(actual.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
  });

  it("puts the learned mask vector at each token's own place", () => {
    const masked = maskedPictureEmbedding(weightsOf(), config);
    expect(masked.shape).toEqual([1, 4, 8]);
    const rows = tf.unstack(tf.reshape(masked, [4, 8])).map((row) => row.dataSync().join());
    expect(new Set(rows).size).toBe(4);
  });
});

const tokenIds = (pad: number): tf.Tensor2D =>
  tf.tensor2d(
    [
      [2, 5, 6, 3],
      [2, 3, pad, pad],
    ],
    [2, 4],
    "int32",
  );
const fuse = (pad: number): ReturnType<typeof fusePairs> =>
  fusePairs(weightsOf(), config, {
    tokenIds: tokenIds(pad),
    tokenMask: tf.tensor2d(
      [
        [1, 1, 1, 1],
        [1, 1, 0, 0],
      ],
      [2, 4],
      "int32",
    ),
    visual: tf.tensor3d(uniformTensor(9, "visual", [2, 4, 8]).dataSync(), [2, 4, 8]),
    dropout: noDropout,
  });

describe("fusing pairs", () => {
  it("gives text and visual tokens apart, and pads change neither", () => {
    const [zero, other] = [fuse(0), fuse(7)];
    expect([zero.text.shape, zero.visual.shape]).toEqual([
      [2, 4, 8],
      [2, 4, 8],
    ]);
    expect(largestDifference(zero.visual.dataSync(), other.visual.dataSync())).toBeLessThan(1e-6);
    const realText = [zero, other].map(({ text }) =>
      tf.slice(tf.reshape(text, [8, 8]), 0, 6).dataSync(),
    );
    expect(largestDifference(realText[0] ?? [], realText[1] ?? [])).toBeLessThan(1e-6);
  });

  it("lets the picture change the text", () => {
    const weights = weightsOf();
    const input = {
      tokenIds: tokenIds(0),
      tokenMask: tf.ones<tf.Rank.R2>([2, 4], "int32"),
      dropout: noDropout,
    };
    const [first, second] = [1, 2].map((seed) =>
      fusePairs(weights, config, {
        ...input,
        visual: tf.tensor3d(uniformTensor(seed, "visual", [2, 4, 8]).dataSync(), [2, 4, 8]),
      }).text.dataSync(),
    );
    expect(largestDifference(first ?? [], second ?? [])).toBeGreaterThan(1e-2);
  });

  it("has heads for matching, words and features, each of its size", () => {
    const weights = weightsOf();
    const { text } = fuse(0);
    const chosen: tf.Tensor2D = tf.reshape(text, [8, 8]);
    expect(matchingLogits(weights, text).shape).toEqual([2, 2]);
    expect(languageLogits(weights, chosen).shape).toEqual([8, 12]);
    expect(regressedFeatures(weights, chosen).shape).toEqual([8, 8]);
  });

  it("M-6: ties the words' head to their embeddings: both uses give gradient", () => {
    const weights = weightsOf();
    const name = "embeddings.word_embeddings.weight";
    const chosen = tf.tensor2d(uniformTensor(9, "chosen", [1, 8]).dataSync(), [1, 8]);
    const gradient = tf.grad((table: tf.Tensor) =>
      tf.sum(languageLogits({ ...weights, [name]: table }, chosen)),
    )(weights[name] ?? chosen);
    const expected = tf.tile(chosen, [12, 1]).dataSync();
    expect(largestDifference(gradient.dataSync(), expected)).toBeLessThan(1e-6);
  });
});

const withLanguage: VisualParsingConfig = { ...config, languageLayers: 2 };
const inputOf = (): Omit<PairInput, "visual"> => ({
  tokenIds: tokenIds(0),
  tokenMask: tf.tensor2d([[1, 1, 1, 1], [1, 1, 0, 0]], [2, 4], "int32"), // prettier-ignore
  dropout: noDropout,
});
const visualOf = (seed: number): tf.Tensor3D =>
  tf.tensor3d(uniformTensor(seed, "visual", [2, 4, 8]).dataSync(), [2, 4, 8]);

const countWith = (languageLayers: number): number =>
  visualParsingSpecs({ swin: swinTiny, transformer: bertBaseUncased, languageLayers })
    .map(({ shape }) => shape.reduce((product, size) => product * size, 1))
    .reduce((sum, size) => sum + size, 0);

describe("the language Transformer", () => {
  it("B-1: adds 21,263,616 weights with three of BERT-base's layers", () => {
    expect(countWith(3) - countWith(0)).toBe(3 * 7_087_872);
  });

  it("is what the words pass through before they meet the picture", () => {
    const weights = fixtureWeights(visualParsingSpecs(withLanguage), 9);
    const [silent, reading] = [config, withLanguage].map((model) =>
      fusePairs(weights, model, { ...inputOf(), visual: visualOf(9) }).text.dataSync(),
    );
    expect(largestDifference(silent ?? [], reading ?? [])).toBeGreaterThan(1e-2);
    const bypassed = Object.keys(weights).filter((name) => !name.startsWith("language."));
    expect(bypassed).toEqual(visualParsingSpecs(config).map(({ name }) => name));
  });

  it("has as many weights as layers of the multi-modal one, all of which learn", () => {
    const specs = visualParsingSpecs(withLanguage);
    const own = specs.filter(({ name }) => name.startsWith("language.encoder.layer."));
    expect(own).toHaveLength(2 * 16);
    const weights = fixtureWeights(specs, 9);
    const names = own.map(({ name }) => name).filter((name) => !name.endsWith("key.bias"));
    const gradients = tf.grads((...tensors: tf.Tensor[]) => {
      const learned = Object.fromEntries(names.map((name, place) => [name, tensors[place] ?? tf.zeros([1])])); // prettier-ignore
      const output = fusePairs({ ...weights, ...learned }, withLanguage, { ...inputOf(), visual: visualOf(9) }); // prettier-ignore
      return tf.sum(tf.mul(output.visual, visualOf(2)));
    })(names.map((name) => weights[name] ?? tf.zeros([1])));
    const still = names.filter((_, place) => gradients[place]?.dataSync().every((value) => value === 0)); // prettier-ignore
    expect(still).toEqual([]);
  });
});
