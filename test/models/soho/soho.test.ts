import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noDropout } from "../../../src/models/dropout.ts";
import { tensor4 } from "../../../src/models/ranks.ts";
import {
  dictionaryOf,
  sohoBuffers,
  sohoNames,
  sohoSpecs,
  type SohoConfig,
} from "../../../src/models/soho/config.ts";
import {
  encodeGrid,
  projectGrid,
  sohoEvaluation,
  type GridFeatures,
  type SohoRun,
} from "../../../src/models/soho/grid-encoder.ts";
import { sohoModel } from "../../../src/models/soho/soho.ts";
import { sohoPaper, sohoReleased } from "../../../src/models/soho/switches.ts";
import {
  codeStatisticNames,
  lookUp,
  maskedTokens,
  placeTokens,
  type DictionaryTokens,
} from "../../../src/models/soho/visual-tokens.ts";
import type { Weights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { largestDifference, relativeL2, uniformTensor } from "../parity-fixture.ts";
import { freshSoho, presets, tinyPictures, tinySoho } from "./soho-fixture.ts";

beforeAll(loadTensorFlow);

const CODES = `${sohoNames.dictionary}embed`;

const training = (collected: Map<string, tf.Tensor>): SohoRun => ({
  mode: "train",
  freezesBackbone: false,
  collect: (name, statistic) => collected.set(name, statistic),
});

function tokensOf(weights: Weights, config: SohoConfig, run: SohoRun): DictionaryTokens {
  const grid = encodeGrid(weights, config, { pictures: tinyPictures(), run });
  return lookUp(weights, config, { grid, run });
}

describe("the grid encoder", () => {
  it("R-2: differs by the order of convolution and pooling", () => {
    const config = tinySoho(sohoPaper);
    const weights = {
      ...freshSoho(config),
      [`${sohoNames.convolution}.bias`]: uniformTensor(1, "bias", [16]),
    };
    const backbone = tensor4(uniformTensor(1, "features", [2, 5, 6, 16]));
    const [first, second] = (["conv-pool", "pool-conv"] as const).map((gridOrder) =>
      projectGrid(
        weights,
        { ...config, switches: { ...config.switches, gridOrder } },
        { backbone, run: sohoEvaluation },
      ),
    );
    expect(first?.shape).toEqual([2, 2, 3, 16]);
    expect(second?.shape).toEqual([2, 2, 3, 16]);
    expect(largestDifference(first?.dataSync() ?? [], second?.dataSync() ?? [])).toBeGreaterThan(
      1e-3,
    );
  });

  it("R-4: gives a padded picture's valid cells whatever its padding holds", () => {
    const config = tinySoho(sohoPaper);
    const weights = freshSoho(config);
    const pictures = tinyPictures();
    const other = { ...pictures, pixels: tensor4(tf.pad(
      tf.slice(pictures.pixels, [0, 0, 0, 0], [2, 64, 128, 3]),
      [[0, 0], [0, 64], [0, 64], [0, 0]],
      99,
    )) }; // prettier-ignore
    const [one, two] = [pictures, other].map((of) =>
      tf.slice(encodeGrid(weights, config, { pictures: of, run: sohoEvaluation }).features, 1),
    );
    expect(largestDifference(one?.dataSync() ?? [], two?.dataSync() ?? [])).toBe(0);
  });
});

describe.each(presets)("the dictionary embedding of the %s preset", (_, switches) => {
  const config = tinySoho(switches);

  it("V-6: leaves the dictionary alone in evaluation", () => {
    const weights = freshSoho(config);
    const { codes, indices, mask, tokens } = tokensOf(weights, config, sohoEvaluation);
    expect(codes.dataSync()).toEqual(weights[CODES]?.dataSync());
    expect(tokens.shape).toEqual([2, 6, 16]);
    expect(indices.shape).toEqual([2, 6]);
    expect([...mask.dataSync()]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
  });

  it("collects in training all that the buffers are made of", () => {
    const collected = new Map<string, tf.Tensor>();
    tokensOf(freshSoho(config), config, training(collected));
    const running = sohoBuffers(config)
      .map(({ name }) => name)
      .filter((name) => name.includes("running_") && !isFrozen(name, config));
    expect([...collected.keys()].toSorted()).toEqual(
      [...running, codeStatisticNames.counts, codeStatisticNames.sums].toSorted(),
    );
    const counted = collected.get(codeStatisticNames.counts)?.dataSync() ?? [];
    const total = Array.from(counted).reduce((sum, count) => sum + count, 0);
    expect(total).toBe(switches.dictionaryPadding === "counted" ? 12 : 8);
  });

  it("R-5: collects nothing of a frozen network", () => {
    const collected = new Map<string, tf.Tensor>();
    tokensOf(freshSoho(config), config, { ...training(collected), freezesBackbone: true });
    expect([...collected.keys()].filter((name) => name.startsWith("backbone."))).toEqual([]);
  });

  it("places a mask vector that knows nothing of what it hides", () => {
    const weights = freshSoho(config);
    const run = sohoEvaluation;
    const grid = encodeGrid(weights, config, { pictures: tinyPictures(), run });
    const hidden = maskedTokens(weights, grid);
    const same = maskedTokens(weights, { ...grid, features: tf.zerosLike(grid.features) });
    expect(hidden.dataSync()).toEqual(same.dataSync());
    const placed = placeTokens(weights, lookUp(weights, config, { grid, run }).tokens, grid);
    expect(placed.shape).toEqual(hidden.shape);
    expect(largestDifference(placed.dataSync(), hidden.dataSync())).toBeGreaterThan(0.1);
  });

  it("gives each pair logits of a match and of words", () => {
    const model = sohoModel(config);
    const weights = freshSoho(config);
    const { pixels, valid } = tinyPictures();
    const visual = model.embed(weights, {
      pixels,
      validHeights: valid.heights,
      validWidths: valid.widths,
    });
    const output = model.fuse(weights, {
      tokenIds: tf.tensor2d([[2, 5, 6, 3], [2, 7, 3, 0]], undefined, "int32"), // prettier-ignore
      tokenMask: tf.tensor2d([[1, 1, 1, 1], [1, 1, 1, 0]], undefined, "int32"), // prettier-ignore
      visual,
      dropout: noDropout,
    });
    expect(output.text.shape).toEqual([2, 4, 16]);
    expect(output.visual.shape).toEqual([2, 6, 16]);
    expect(model.matchingLogits(weights, output).shape).toEqual([2, 2]);
    expect(model.languageLogits(weights, tf.ones([3, 16])).shape).toEqual([3, 12]);
  });
});

function isFrozen(name: string, { switches }: SohoConfig): boolean {
  const parts = ["backbone.bn1", "backbone.layer1."].slice(0, switches.frozenParts);
  return parts.some((part) => name.startsWith(part));
}

describe("the codes that a step reads", () => {
  it("V-4: are in the released code moved by the step's own features before they are read", () => {
    const config = tinySoho(sohoReleased);
    const weights = freshSoho(config);
    const { codes, counts } = tokensOf(weights, config, training(new Map()));
    const rows = tf.unstack(codes).map((row) => [...row.dataSync()]);
    for (const [code, count] of counts.dataSync().entries()) {
      expect(rows[code]?.every((value) => value === 0)).toBe(count === 0);
    }
  });

  it("V-6: are on two ranks that sum in the step those of one with the whole batch", () => {
    const config = tinySoho({ ...sohoReleased, gridNorm: "none", visualInput: "quantised" });
    const weights = { ...freshSoho(config), "neck.conv.conv.bias": tf.zeros([16]) };
    const features = tensor4(uniformTensor(3, "features", [2, 2, 3, 16]));
    const gridOf = (picture: number, numPictures: number): GridFeatures => ({
      features: tf.slice(features, picture, numPictures),
      valid: { rows: tf.ones([numPictures, 2]), columns: tf.ones([numPictures, 3]) },
    });
    const told = [0, 1].map((picture) => {
      const collected = new Map<string, tf.Tensor>();
      lookUp(weights, config, { grid: gridOf(picture, 1), run: training(collected) });
      return [codeStatisticNames.counts, codeStatisticNames.sums].map(
        (name) => collected.get(name) ?? tf.scalar(Number.NaN),
      );
    });
    const whole = lookUp(weights, config, { grid: gridOf(0, 2), run: training(new Map()) });
    for (const picture of [0, 1]) {
      const others = [...(told[1 - picture] ?? [])];
      const run: SohoRun = {
        ...training(new Map()),
        sumOverRanks: (x) => tf.add(x, others.shift() ?? tf.scalar(Number.NaN)),
      };
      const { codes } = lookUp(weights, config, { grid: gridOf(picture, 1), run });
      expect(largestDifference(codes.dataSync(), whole.codes.dataSync())).toBeLessThan(1e-6);
    }
  });

  it("are in the paper those that the step began with", () => {
    const config = tinySoho(sohoPaper);
    const weights = freshSoho(config);
    const { codes } = tokensOf(weights, config, training(new Map()));
    expect(codes.dataSync()).toEqual(weights[CODES]?.dataSync());
  });
});

describe("the gate of the released code", () => {
  const config = tinySoho({ ...sohoReleased, gridNorm: "none", dictionaryOrder: "read-first" });

  /** The gate's scores are small numbers around (shift, -shift); its code is read as it is. */
  function gated(shift: number): Weights {
    const identity = tf.eye(16);
    return {
      ...freshSoho(config),
      [`${sohoNames.convolution}.bias`]: tf.zeros([16]),
      [`${sohoNames.codeProjection}.weight`]: identity,
      [`${sohoNames.codeProjection}.bias`]: tf.zeros([16]),
      [`${sohoNames.gateNorm}.weight`]: tf.tensor1d([0.1, 0.1]),
      [`${sohoNames.gateNorm}.bias`]: tf.tensor1d([shift, -shift]),
    };
  }
  const read = (weights: Weights, visualInput: "gated" | "quantised" | "features"): tf.Tensor =>
    tokensOf(weights, { ...config, switches: { ...config.switches, visualInput } }, sohoEvaluation)
      .tokens;

  it("V-9: mixes code and feature with a share between 0 and 1", () => {
    const weights = gated(0.3);
    const [mixed, code, feature] = (["gated", "quantised", "features"] as const).map((input) => [
      ...read(weights, input).dataSync(),
    ]);
    const shares = (mixed ?? []).map((value, place) => {
      const [d = 0, v = 0] = [code?.[place], feature?.[place]];
      return (value - v) / (d - v);
    });
    expect(Math.min(...shares)).toBeGreaterThan(0);
    expect(Math.max(...shares)).toBeLessThan(1);
    for (let cell = 0; cell < 12; cell += 1) {
      const own = shares.slice(cell * 16, (cell + 1) * 16);
      expect(Math.max(...own) - Math.min(...own)).toBeLessThan(1e-4);
    }
  });

  it("V-9: forced to 1 gives the code, forced to 0 the feature", () => {
    for (const [shift, input] of [
      [100, "quantised"],
      [-100, "features"],
    ] as const) {
      // prettier-ignore
      const weights = gated(shift);
      const expected = read(weights, input).dataSync();
      expect(relativeL2(read(weights, "gated").dataSync(), expected)).toBeLessThan(1e-6);
    }
  });
});

describe("the presets", () => {
  it("differ in every switch", () => {
    for (const name of Object.keys(sohoPaper)) {
      expect(Object.entries(sohoReleased)).not.toContainEqual(
        Object.entries(sohoPaper).find(([key]) => key === name),
      );
    }
  });

  it("M-6: have a word decoder without transform and bias", () => {
    for (const [, switches] of presets) {
      const names = sohoSpecs(tinySoho(switches)).map(({ name }) => name);
      expect(names.filter((name) => name.startsWith("mlm_head"))).toEqual([]);
    }
  });

  it("choose the law by which the dictionary moves", () => {
    expect(dictionaryOf(tinySoho(sohoPaper)).update).toEqual({
      law: "momentum-means",
      momentum: 0.4,
    });
    expect(dictionaryOf(tinySoho(sohoReleased)).update).toEqual({
      law: "moving-sums",
      decay: 0.4,
    });
  });
});
