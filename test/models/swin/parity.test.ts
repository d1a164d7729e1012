import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { wholeDepth, type StochasticDepth } from "../../../src/models/dropout.ts";
import { tensor4 } from "../../../src/models/ranks.ts";
import type { SwinConfig } from "../../../src/models/swin/config.ts";
import type { SwinOutput } from "../../../src/models/swin/output.ts";
import { swinSpecs } from "../../../src/models/swin/specs.ts";
import { swinForward } from "../../../src/models/swin/swin.ts";
import type { Weights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  fixtureWeights,
  largestDifference,
  readFixture,
  relativeL2,
  uniformTensor,
  type Fixture,
} from "../parity-fixture.ts";
import { gradientFaults, gradientsOf, probed } from "../parity-gradients.ts";

// References: PyTorch 2.13.0 and transformers 5.23.0 in float64 (fixtures/make-fixtures.py).

const config: SwinConfig = {
  imageSize: 24,
  patchSize: 4,
  embedDim: 12,
  depths: [2, 2],
  heads: [2, 4],
  windowSize: 3,
  mlpRatio: 2,
  stochasticDepth: 0,
  recompute: false,
};

beforeAll(loadTensorFlow);

const models = [
  { title: "pictures of whole windows", file: "swin", sides: [24, 24] },
  { title: "pictures of 38 x 26, filled up everywhere", file: "swin-odd", sides: [38, 26] },
];

interface Run {
  readonly fixture: Fixture;
  readonly weights: Weights;
  readonly forward: (weights: Weights) => SwinOutput;
}

async function runOf({ file, sides }: { file: string; sides: number[] }): Promise<Run> {
  const fixture = await readFixture(`models/fixtures/${file}.safetensors`);
  const pixels = tensor4(uniformTensor(fixture.seed, "pixels", [2, ...sides, 3]));
  return {
    fixture,
    weights: fixtureWeights(swinSpecs(config), fixture.seed),
    forward: (weights) => swinForward(weights, config, { pixels, depth: wholeDepth }),
  };
}

describe.each(models)("Swin against transformers, on $title", (model) => {
  it("S-8: has the same tokens", async () => {
    const { fixture, forward, weights } = await runOf(model);
    const { tokens } = forward(weights);
    expect(largestDifference(tokens.dataSync(), fixture.values("tokens"))).toBeLessThan(2e-4);
    expect(relativeL2(tokens.dataSync(), fixture.values("tokens"))).toBeLessThan(1e-5);
  });

  it("S-13: has the same attention of the last block", async () => {
    const { fixture, forward, weights } = await runOf(model);
    const { attention } = forward(weights);
    const expected = fixture.values("attention");
    expect(largestDifference(attention.dataSync(), expected)).toBeLessThan(1e-5);
  });

  it("S-9: has the same gradient of every weight; the key bias has none", async () => {
    const { fixture, forward, weights } = await runOf(model);
    const gradients = gradientsOf(weights, (named) =>
      probed(fixture.seed, "probe", forward(named).tokens),
    );
    expect(gradientFaults(gradients, fixture)).toEqual([]);
  });
});

/** The branches of the first picture are dropped; both computations must know. */
const depth: StochasticDepth = () => {
  const kept = tf.keep(tf.tensor3d([0, 2], [2, 1, 1]));
  return (branch) => tf.mul(branch, kept);
};

describe("Swin whose blocks are computed again in the backward pass", () => {
  it("B-7: has the same tokens exactly, and the same gradient of every weight", async () => {
    const model = models[1] ?? { file: "swin-odd", sides: [38, 26] };
    const { fixture, weights } = await runOf(model);
    const pixels = tensor4(uniformTensor(fixture.seed, "pixels", [2, ...model.sides, 3]));
    const [plain, again] = [false, true].map((recompute) => {
      const forward = (named: Weights): tf.Tensor =>
        swinForward(named, { ...config, recompute }, { pixels, depth }).tokens;
      const gradients = gradientsOf(weights, (named) => probed(1, "probe", forward(named)));
      return { tokens: forward(weights).dataSync(), gradients };
    });
    expect(largestDifference(plain?.tokens ?? [], again?.tokens ?? [])).toBe(0);
    const differences = [...(plain?.gradients ?? [])].map(([name, gradient]) =>
      relativeL2(again?.gradients.get(name) ?? [], gradient),
    );
    expect(differences.length).toBeGreaterThan(50);
    expect(Math.max(...differences)).toBeLessThan(1e-6);
  });
});
