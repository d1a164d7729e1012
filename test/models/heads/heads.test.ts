import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noDropout } from "../../../src/models/dropout.ts";
import { choiceHead, choiceLogits, choiceScores, referringHeadSpecs, referringLogits } from "../../../src/models/heads/choices.ts"; // prettier-ignore
import { answerHead, ENTAILMENT_LABELS, entailmentHead, twoLayerHeadSpecs, twoLayerLogits } from "../../../src/models/heads/classifier.ts"; // prettier-ignore
import { matchingHeadSpecs, matchingLogits, rankHeadOfMatching, rankHeadSpecs, rankLogits } from "../../../src/models/heads/matching.ts"; // prettier-ignore
import { biattentionLogits, pairLogits, picturePairHeadSpecs, tripletLogits } from "../../../src/models/heads/picture-pairs.ts"; // prettier-ignore
import { INPUT_PROJECTION, regressedRegions, regressionSpecs } from "../../../src/models/heads/regions.ts"; // prettier-ignore
import { matrix } from "../../../src/models/ranks.ts";
import type { Weights, WeightSpec } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { meanNegativeLogLikelihood } from "../../../src/train/objectives/likelihood.ts";
import { softTargetLoss } from "../../../src/train/objectives/soft-targets.ts";
import { fixtureWeights, largestDifference, uniform } from "../parity-fixture.ts";

beforeAll(loadTensorFlow);

const HIDDEN = 12;

const drawn = (name: string, rows: number, width = HIDDEN): tf.Tensor2D =>
  tf.tensor2d(uniform(9, name, [rows, width]), [rows, width]);

const weightsOf = (specs: readonly WeightSpec[]): Weights => fixtureWeights(specs, 9);

describe("answers", () => {
  it("H-1: of VQA are 3129 logits a question, or as many as the user's vocabulary has", () => {
    const head = answerHead(HIDDEN);
    const logits = twoLayerLogits(weightsOf(twoLayerHeadSpecs(head)), head, drawn("cls", 2));
    expect(logits.shape).toEqual([2, 3129]);
    const own = answerHead(HIDDEN, 17);
    const specs = twoLayerHeadSpecs(own);
    expect(twoLayerLogits(weightsOf(specs), own, drawn("cls", 2)).shape).toEqual([2, 17]);
    expect(specs.map(({ name, shape }) => [name, shape])).toEqual([
      ["vqa_output.0.weight", [24, 12]],
      ["vqa_output.0.bias", [24]],
      ["vqa_output.2.weight", [24]],
      ["vqa_output.2.bias", [24]],
      ["vqa_output.3.weight", [17, 24]],
      ["vqa_output.3.bias", [17]],
    ]);
  });

  it("H-1: give 2168.8577 where the head's last layer is zero", () => {
    const head = answerHead(HIDDEN);
    const weights = weightsOf(twoLayerHeadSpecs(head));
    const zero = Object.fromEntries(
      Object.entries(weights).map(([name, tensor]) => [
        name,
        name.startsWith("vqa_output.3") ? tf.zerosLike(tensor) : tensor,
      ]),
    );
    const logits = twoLayerLogits(zero, head, drawn("cls", 2));
    const loss = softTargetLoss(logits, matrix(tf.abs(drawn("targets", 2, 3129))));
    expect(Math.abs((loss.dataSync()[0] ?? 0) / 2168.8577 - 1)).toBeLessThan(1e-5);
  });

  it("of SNLI-VE are three, in the released code's order", () => {
    const head = entailmentHead(HIDDEN);
    const logits = twoLayerLogits(weightsOf(twoLayerHeadSpecs(head)), head, drawn("cls", 2));
    expect(logits.shape).toEqual([2, 3]);
    expect(ENTAILMENT_LABELS).toEqual(["contradiction", "entailment", "neutral"]);
  });
});

describe("image-text matching", () => {
  it("I-1: gives (B, 2) logits of one output and of two, whose loss is ln 2 at zero", () => {
    for (const kind of ["softmax", "sigmoid"] as const) {
      const weights = weightsOf(matchingHeadSpecs(kind, HIDDEN));
      expect(matchingLogits(weights, drawn("cls", 3)).shape).toEqual([3, 2]);
      const zeros = Object.fromEntries(
        Object.entries(weights).map(([name, tensor]) => [name, tf.zerosLike(tensor)]),
      );
      const loss = meanNegativeLogLikelihood(
        matchingLogits(zeros, drawn("cls", 3)),
        tf.tensor1d([1, 0, 1], "int32"),
        tf.ones([3]),
      );
      expect(loss.dataSync()[0]).toBeCloseTo(Math.LN2, 6);
    }
  });

  it("I-1: with one output is the sigmoid's binary cross-entropy; 1 means matched", () => {
    const weights = weightsOf(matchingHeadSpecs("sigmoid", HIDDEN));
    const logits = matchingLogits(weights, drawn("cls", 3));
    const score = tf.sigmoid(tf.slice(logits, [0, 1], [3, 1])).dataSync();
    const matched = tf.slice(tf.softmax(logits), [0, 1], [3, 1]).dataSync();
    expect(largestDifference(matched, score)).toBeLessThan(1e-6);
  });

  it.each(["softmax", "sigmoid"] as const)(
    "H-4: gives the rank head its row of matched pairs as a start, exactly (%s)",
    (kind) => {
      const weights = weightsOf(matchingHeadSpecs(kind, HIDDEN));
      const started = rankHeadOfMatching(weights);
      const specs = rankHeadSpecs(HIDDEN);
      expect(Object.entries(started).map(([name, { shape }]) => [name, shape])).toEqual(
        specs.map(({ name, shape }) => [name, shape]),
      );
      const kernel = [...(weights["itm_head.weight"]?.dataSync() ?? [])];
      expect([...(started["rank_output.weight"]?.dataSync() ?? [])]).toEqual(kernel.slice(-HIDDEN));
      const pairs = drawn("cls", 4);
      const row = tf.slice(matchingLogits(weights, pairs), [0, 1], [4, 1]).dataSync();
      expect(largestDifference(rankLogits(started, pairs).dataSync(), row)).toBeLessThan(1e-6);
    },
  );
});

const sequences = (states: tf.Tensor3D, lengths: readonly number[]) => ({
  states,
  mask: tf.tensor2d(
    lengths.map((length) => Array.from({ length: states.shape[1] }, (_, at) => Number(at < length))), // prettier-ignore
    [lengths.length, states.shape[1]],
    "int32",
  ),
  heads: 3,
  dropout: noDropout,
});

describe("NLVR2", () => {
  it("H-2: joins the vectors of a pair, (B, 2h) to (B, 2)", () => {
    const weights = weightsOf(picturePairHeadSpecs("pair", { hiddenSize: HIDDEN }));
    expect(weights["nlvr2_output.weight"]?.shape).toEqual([2, 2 * HIDDEN]);
    const pooled = drawn("cls", 6);
    const logits = pairLogits(weights, pooled);
    expect(logits.shape).toEqual([3, 2]);
    // Two neighbours make an example: its logits are theirs, whatever else is in the batch.
    const own = pairLogits(weights, tf.slice(pooled, [2, 0], [2, HIDDEN])).dataSync();
    expect(largestDifference(own, logits.dataSync().slice(2, 4))).toBeLessThan(1e-6);
  });

  it("H-2: reads one vector of a triplet", () => {
    const weights = weightsOf(picturePairHeadSpecs("triplet", { hiddenSize: HIDDEN }));
    expect(tripletLogits(weights, drawn("cls", 3)).shape).toEqual([3, 2]);
  });

  it("H-2: lets the sequences of a pair attend to each other, and to no pad", () => {
    const weights = weightsOf(picturePairHeadSpecs("pair-biattn", { hiddenSize: HIDDEN }));
    const states = tf.tensor3d(uniform(9, "states", [4, 5, HIDDEN]), [4, 5, HIDDEN]);
    const lengths = [5, 3, 2, 4];
    const logits = biattentionLogits(weights, sequences(states, lengths));
    expect(logits.shape).toEqual([2, 2]);
    const { mask } = sequences(states, lengths);
    const noise = tf.mul(tf.expandDims(tf.sub(1, tf.cast(mask, "float32")), 2), 50);
    const padded = tf.add<tf.Tensor3D>(states, noise);
    const same = biattentionLogits(weights, sequences(padded, lengths));
    expect(largestDifference(same.dataSync(), logits.dataSync())).toBeLessThan(1e-6);
    // The first example's second sequence changes its logits, and nobody else's.
    const moved = tf.add<tf.Tensor3D>(states, tf.tensor3d([0, 1, 0, 0], [4, 1, 1]));
    const changed = biattentionLogits(weights, sequences(moved, lengths)).dataSync();
    expect(largestDifference(changed.slice(0, 2), logits.dataSync().slice(0, 2))).toBeGreaterThan(1e-3); // prettier-ignore
    expect(largestDifference(changed.slice(2), logits.dataSync().slice(2))).toBeLessThan(1e-6);
  });
});

describe("choices", () => {
  it("H-3: of VCR are four scores a question, those of being right", () => {
    const weights = weightsOf(twoLayerHeadSpecs(choiceHead(HIDDEN)));
    const logits = choiceLogits(weights, drawn("cls", 8));
    const scores = choiceScores(logits);
    expect(scores.shape).toEqual([2, 4]);
    expect([...scores.dataSync()]).toEqual([...tf.slice(logits, [0, 1], [8, 1]).dataSync()]);
  });

  it.each(["one-layer", "two-layer"] as const)(
    "H-3: of regions are a softmax over K, exactly 0 at pads (%s)",
    (kind) => {
      const weights = weightsOf(referringHeadSpecs(kind, HIDDEN));
      const states = tf.mul<tf.Tensor3D>(
        tf.tensor3d(uniform(9, "states", [2, 4, HIDDEN]), [2, 4, HIDDEN]),
        30,
      );
      const { mask } = sequences(states, [4, 2]);
      const share = tf.softmax(referringLogits(weights, kind, { states, mask }));
      expect(share.shape).toEqual([2, 4]);
      const rows = [...share.dataSync()];
      expect(rows.slice(6)).toEqual([0, 0]);
      expect(rows.slice(4, 6).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
      expect(rows.slice(0, 4).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    },
  );
});

describe("masked region feature regression", () => {
  const sizes = { hiddenSize: HIDDEN, regionFeatures: 7, regionClasses: 5 };

  it("G-2: has the input projection's transpose as its weight, one tensor with gradient from both uses", () => {
    const projection: WeightSpec = { name: `${INPUT_PROJECTION}.weight`, shape: [HIDDEN, 7], initialisation: "truncated-normal" }; // prettier-ignore
    const specs = [...regressionSpecs("tied", sizes), projection];
    const named = specs.map(({ name }) => name).filter((name) => name.endsWith("weight"));
    expect(named).toEqual(["feat_regress.net.0.weight", "feat_regress.net.2.weight", `${INPUT_PROJECTION}.weight`]); // prettier-ignore
    const weights = weightsOf(specs);
    const features = drawn("features", 3, 7);
    const use = (input: tf.Tensor, output: tf.Tensor): tf.Scalar => {
      const states = matrix(tf.matMul(features, matrix(input), false, true));
      const tied = { ...weights, [`${INPUT_PROJECTION}.weight`]: output };
      return tf.sum(tf.square(regressedRegions(tied, "tied", states)));
    };
    const kernel = weights[`${INPUT_PROJECTION}.weight`] ?? tf.scalar(0);
    const both = tf.grad((tensor: tf.Tensor) => use(tensor, tensor))(kernel);
    const [input, output] = tf.grads((a: tf.Tensor, b: tf.Tensor) => use(a, b))([kernel, kernel.clone()]); // prettier-ignore
    const sum = tf.add(input ?? 0, output ?? 0);
    const scale = Math.max(...tf.abs(sum).dataSync());
    expect(largestDifference(both.dataSync(), sum.dataSync()) / scale).toBeLessThan(1e-6);
    expect(Math.min(...[input, output].map((part) => Math.max(...tf.abs(part ?? 0).dataSync())))).toBeGreaterThan(0.01); // prettier-ignore
  });
});
