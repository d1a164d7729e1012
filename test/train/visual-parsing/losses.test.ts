import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.ts";
import { noDropout, wholeDepth } from "../../../src/models/dropout.ts";
import { tensor3, vector } from "../../../src/models/ranks.ts";
import {
  embedPictures,
  fusePairs,
  maskedPictureEmbedding,
  VISUAL_PREFIX,
  visualParsingSpecs,
} from "../../../src/models/visual-parsing/visual-parsing.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { flatLayout, flatten, perWeight, unflatten } from "../../../src/train/step/flat-weights.ts";
import { hideTokens } from "../../../src/train/objectives/masked-features.ts";
import type { VisualParsingObjectives } from "../../../src/train/recipes/visual-parsing-recipe.ts";
import {
  pretrainingLosses,
  type VisualParsingBatch,
  type VisualParsingLosses,
} from "../../../src/train/visual-parsing/losses.ts";
import {
  fixtureWeights,
  largestDifference,
  relativeL2,
  uniform,
} from "../../models/parity-fixture.ts";
import { tinyBatch, tinyModel, tinyRecipe } from "../tiny-run.ts";

beforeAll(loadTensorFlow);

const layout = flatLayout(visualParsingSpecs(tinyModel));
const flatStart = (): tf.Tensor1D => flatten(layout, fixtureWeights(layout.specs, 8));

const none: VisualParsingObjectives = {
  ...tinyRecipe.objectives,
  mlmWeight: 0,
  itmWeight: 0,
  mfrWeight: 0,
};

interface Setting {
  readonly batch?: VisualParsingBatch;
  readonly objectives?: Partial<VisualParsingObjectives>;
}

function lossesAt(
  flat: tf.Tensor,
  { batch = tinyBatch(), objectives = {} }: Setting,
): VisualParsingLosses {
  return pretrainingLosses(unflatten(layout, vector(flat)), batch, {
    model: tinyModel,
    objectives: { ...none, ...objectives },
    dropout: noDropout,
    depth: wholeDepth,
  });
}

const numberOf = (loss: tf.Tensor): number => loss.dataSync()[0] ?? Number.NaN;

const lossOf = (name: keyof VisualParsingLosses, batch: VisualParsingBatch): number =>
  numberOf(lossesAt(flatStart(), { batch })[name]);

function gradientOf(setting: Setting): Float32Array {
  const gradient = tf.grad((flat: tf.Tensor) => lossesAt(flat, setting).total)(flatStart());
  return Float32Array.from(gradient.dataSync());
}

/** The part of a flat gradient that belongs to weights of these names. */
function partOf(gradient: Float32Array, belongs: (name: string) => boolean): number[] {
  const marks = perWeight(layout, ({ name }) => Number(belongs(name))).dataSync();
  return [...gradient].filter((_, place) => marks[place] === 1);
}

const isVisual = (name: string): boolean => name.startsWith(VISUAL_PREFIX);
const isZero = (values: ArrayLike<number>): boolean =>
  Array.from(values).every((value) => value === 0);

const weightNames = ["mlmWeight", "itmWeight", "mfrWeight"] as const;

describe("the pre-training loss", () => {
  it("T-8: is the weighted sum of its three parts", () => {
    const objectives = { mlmWeight: 0.5, itmWeight: 2, mfrWeight: 0.25 };
    const { total, mlm, itm, mfr } = lossesAt(flatStart(), { objectives });
    const expected = 0.5 * numberOf(mlm) + 2 * numberOf(itm) + 0.25 * numberOf(mfr);
    expect(numberOf(total) / expected).toBeCloseTo(1, 6);
    for (const part of [mlm, itm, mfr]) expect(numberOf(part)).toBeGreaterThan(0);
  });

  it.each(weightNames)("I-6: multiplies truly by %s: half of it halves the gradient", (name) => {
    const whole = gradientOf({ objectives: { [name]: 1 } });
    const half = gradientOf({ objectives: { [name]: 0.5 } });
    const tenth = gradientOf({ objectives: { [name]: 0.1 } });
    expect(isZero(whole)).toBe(false);
    expect(
      relativeL2(
        half.map((value) => 2 * value),
        whole,
      ),
    ).toBeLessThan(1e-6);
    expect(
      relativeL2(
        tenth.map((value) => 10 * value),
        whole,
      ),
    ).toBeLessThan(1e-6);
  });

  it.each(weightNames)("T-15: has for %s the gradient of central differences", (name) => {
    const objectives = { [name]: 1 };
    // The regression's target is held fixed, which differences in the vision Transformer's weights would not do.
    const counts = perWeight(layout, (spec) =>
      Number(name !== "mfrWeight" || !isVisual(spec.name)),
    );
    const direction = tf.mul(gradientOf({ objectives }), counts);
    const norm = numberOf(tf.norm(direction));
    const length = 1e-2 / Math.max(1, norm);
    const [up, down] = [length, -length].map((distance) => {
      const moved = tf.add(flatStart(), tf.mul(direction, distance / norm));
      return numberOf(lossesAt(moved, { objectives }).total);
    });
    const slope = ((up ?? 0) - (down ?? 0)) / (2 * length);
    expect(slope / norm).toBeCloseTo(1, 2);
  });
});

describe("a rank's part of the loss", () => {
  it("is its share of each mean", () => {
    const whole = lossesAt(flatStart(), {});
    const part = lossesAt(flatStart(), {
      batch: tinyBatch({ shares: tf.tensor1d([0.5, 0.25, 0.125]) }),
    });
    expect(numberOf(part.mlm)).toBe(0.5 * numberOf(whole.mlm));
    expect(numberOf(part.itm)).toBe(0.25 * numberOf(whole.itm));
    expect(numberOf(part.itmAccuracy)).toBe(0.25 * numberOf(whole.itmAccuracy));
    expect(numberOf(part.mfr)).toBe(0.125 * numberOf(whole.mfr));
  });
});

describe("unmatched pairs", () => {
  it("I-5, F-8: have no masked words' loss and no regression, nor any gradient of them", () => {
    const batch = tinyBatch({
      matched: tf.zeros([4], "int32"),
      maskedWeights: tf.zeros([3]),
    });
    expect([lossOf("mlm", batch), lossOf("mfr", batch)].every((loss) => loss === 0)).toBe(true);
    expect(lossOf("itm", batch)).toBeGreaterThan(0);
    expect(isZero(gradientOf({ batch, objectives: { mlmWeight: 1, mfrWeight: 1 } }))).toBe(true);
  });

  it("change neither loss when their words change", () => {
    const tokenIds = tf.tensor2d(
      [
        [2, 5, 4, 3, 0],
        [2, 9, 9, 9, 3],
        [2, 4, 9, 10, 3],
        [2, 10, 3, 0, 0],
      ],
      [4, 5],
      "int32",
    );
    for (const name of ["mlm", "mfr"] as const) {
      expect(lossOf(name, tinyBatch({ tokenIds }))).toBeCloseTo(lossOf(name, tinyBatch()), 5);
    }
    expect(lossOf("itm", tinyBatch({ tokenIds }))).not.toBeCloseTo(lossOf("itm", tinyBatch()), 5);
  });

  it("that only fill a rank's share up count for nothing", () => {
    const padded = tinyBatch({ matched: tf.tensor1d([1, 0, 1, -1], "int32") });
    const other = tinyBatch({
      matched: tf.tensor1d([1, 0, 1, -1], "int32"),
      tokenIds: tf.concat([
        tf.slice(tinyBatch().tokenIds, 0, 3),
        tf.tensor2d([[2, 9, 3, 0, 0]], [1, 5], "int32"),
      ]),
    });
    for (const name of ["mlm", "itm", "mfr"] as const) {
      expect(lossOf(name, other)).toBeCloseTo(lossOf(name, padded), 5);
    }
  });
});

describe("masked visual tokens", () => {
  it("F-5: leave no trace of their features in any output", () => {
    const weights = unflatten(layout, flatStart());
    const values = uniform(8, "features", [4 * 16]);
    const outputs = [0, 5].map((change) => {
      const changed = values.map((value, place) => (place >= 32 && place < 48 ? change : value));
      const features = embedPictures(weights, tinyModel, tf.tensor3d(changed, [1, 4, 16]));
      const mask = tf.tensor2d([[0, 0, 1, 0]]);
      const { tokenIds, tokenMask } = tinyBatch();
      const { text, visual } = fusePairs(weights, tinyModel, {
        tokenIds: tf.slice(tokenIds, 0, 1),
        tokenMask: tf.slice(tokenMask, 0, 1),
        visual: hideTokens(features, mask, maskedPictureEmbedding(weights, tinyModel)),
        dropout: noDropout,
      });
      return tensor3(tf.concat([text, visual], 1)).dataSync();
    });
    expect(largestDifference(outputs[0] ?? [], outputs[1] ?? [])).toBe(0);
  });

  it("F-7: are targets through which no gradient flows back, unless the switch says so", () => {
    // All visual tokens are masked, so that the target alone could carry a gradient to the vision Transformer.
    const gradient = gradientOf({ objectives: { mfrWeight: 1, mfrMaskedTokens: 4 } });
    expect(isZero(partOf(gradient, isVisual))).toBe(true);
    expect(isZero(partOf(gradient, (name) => name.startsWith("mfr_head")))).toBe(false);
    expect(isZero(partOf(gradient, (name) => name === "visual_embedding.mask"))).toBe(false);
    const flowing = { mfrWeight: 1, mfrMaskedTokens: 4, mfrTargetGradient: "flows" } as const;
    expect(isZero(partOf(gradientOf({ objectives: flowing }), isVisual))).toBe(false);
  });

  it("reach the vision Transformer by those that are seen", () => {
    for (const name of weightNames) {
      const gradient = gradientOf({ objectives: { [name]: 1 } });
      expect(isZero(partOf(gradient, isVisual))).toBe(false);
    }
  });
});

const chooserBatches = {
  attention: (): VisualParsingBatch => tinyBatch(),
  cosine: (): VisualParsingBatch => tinyBatch(),
  random: (): VisualParsingBatch =>
    tinyBatch({ randomTokens: tf.tensor2d([[0, 1], [2, 3], [1, 2], [3, 0]], [4, 2], "int32") }), // prettier-ignore
} as const;
const choosers = ["attention", "cosine", "random"] as const;

describe("the variants of masked feature regression", () => {
  it.each(choosers)("F-1, F-8: regress the tokens that %s chooses, of matched pairs", (mfrMask) => {
    const batch = chooserBatches[mfrMask]();
    const [sum, mean] = (["sum", "mean"] as const).map((mfrReduction) =>
      numberOf(lossesAt(flatStart(), { batch, objectives: { mfrMask, mfrReduction } }).mfr),
    );
    // k = 2 tokens of 16 channels
    expect((sum ?? 0) / (mean ?? 0)).toBeCloseTo(2 * 16, 4);
    const unmatched = { ...batch, matched: tf.zeros<tf.Rank.R1>([4], "int32") };
    expect(numberOf(lossesAt(flatStart(), { batch: unmatched, objectives: { mfrMask } }).mfr)).toBe(
      0,
    );
  });

  it("hide different tokens", () => {
    const losses = choosers.map((mfrMask) =>
      numberOf(
        lossesAt(flatStart(), { batch: chooserBatches[mfrMask](), objectives: { mfrMask } }).mfr,
      ),
    );
    expect(new Set(losses).size).toBe(3);
  });

  it("hide nothing at all where the objective is left out", () => {
    const { mfr, itm } = lossesAt(flatStart(), { objectives: { mfrMask: "none" } });
    expect(numberOf(mfr)).toBe(0);
    expect(numberOf(itm)).not.toBeCloseTo(lossOf("itm", tinyBatch()), 5);
    const gradient = gradientOf({ objectives: { mfrMask: "none", itmWeight: 1 } });
    expect(isZero(partOf(gradient, (name) => name === "visual_embedding.mask"))).toBe(true);
  });
});

const vla = { itmWeight: 2, vlaWeight: 0.1 } as const;

const distanceOf = (objectives: Partial<VisualParsingObjectives>): number =>
  numberOf(lossesAt(flatStart(), { objectives: { ...vla, ...objectives } }).vla);

describe("the alignment of visual tokens and words", () => {
  it("adds a tenth of its distance to the matching loss", () => {
    const losses = lossesAt(flatStart(), { objectives: vla });
    const distance = numberOf(losses.vla);
    expect(distance).toBeGreaterThan(0);
    expect(distance).toBeLessThan(2);
    const expected = 2 * (numberOf(losses.itm) + 0.1 * distance);
    expect(numberOf(losses.total)).toBeCloseTo(expected, 5);
    expect(numberOf(lossesAt(flatStart(), { objectives: { itmWeight: 2 } }).vla)).toBe(0);
  });

  it("W-11: counts unmatched pairs as its switch says, and words with or without [CLS] and [SEP]", () => {
    const [ignored, counted, negated] = (["ignored", "counted", "negated"] as const).map(
      (vlaUnmatched) => distanceOf({ vlaUnmatched }),
    );
    // matched + unmatched and matched - unmatched are together twice the matched.
    expect(((counted ?? 0) + (negated ?? 0)) / (2 * (ignored ?? 0))).toBeCloseTo(1, 4);
    expect(distanceOf({ vlaSpecials: false })).not.toBeCloseTo(ignored ?? 0, 4);
  });

  it("reaches the vision Transformer with a finite gradient", () => {
    const gradient = gradientOf({ objectives: { itmWeight: 1, vlaWeight: 1 } });
    expect(isZero(partOf(gradient, isVisual))).toBe(false);
    expect(gradient.every(Number.isFinite)).toBe(true);
  });
});

describe("windowed attention", () => {
  it("S-13: is refused by masks that attention ranks: there is nothing to rank", () => {
    const swin = { ...tinyModel.swin, imageSize: 32 };
    const weights = unflatten(layout, flatStart());
    const run = (): unknown =>
      pretrainingLosses(weights, tinyBatch({ pixels: tf.zeros([2, 32, 32, 3], "int32") }), {
        model: { ...tinyModel, swin },
        objectives: none,
        dropout: noDropout,
        depth: wholeDepth,
      });
    expect(run).toThrow(ConfigError);
    expect(run).toThrow("several windows");
  });

  it.each(["cosine", "none"] as const)("S-13: is no hindrance to masks by %s", (mfrMask) => {
    const model = { ...tinyModel, swin: { ...tinyModel.swin, imageSize: 32 } };
    const batch = tinyBatch({ pixels: tf.zeros([2, 32, 32, 3], "int32") });
    const { total } = pretrainingLosses(unflatten(layout, flatStart()), batch, {
      model,
      objectives: { ...none, itmWeight: 1, mfrWeight: 1, mfrMask },
      dropout: noDropout,
      depth: wholeDepth,
    });
    expect(Number.isFinite(numberOf(total))).toBe(true);
  });
});
