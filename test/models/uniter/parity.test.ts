import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { languageHeadLogits } from "../../../src/models/bert/language-head.ts";
import { pooled } from "../../../src/models/bert/pooler.ts";
import { noDropout } from "../../../src/models/dropout.ts";
import { choiceLogits, referringLogits } from "../../../src/models/heads/choices.ts";
import { answerHead, twoLayerLogits } from "../../../src/models/heads/classifier.ts";
import { rankLogits } from "../../../src/models/heads/matching.ts";
import { biattentionLogits } from "../../../src/models/heads/picture-pairs.ts";
import { regionClassLogits, regressedRegions } from "../../../src/models/heads/regions.ts";
import { matrix, tensor3 } from "../../../src/models/ranks.ts";
import { uniterLanguageHead, type UniterConfig } from "../../../src/models/uniter/config.ts";
import type { UniterPreset } from "../../../src/models/uniter/switches.ts";
import { uniterMatching } from "../../../src/models/uniter/uniter.ts";
import type { Weights } from "../../../src/models/weights.ts";
import { gatherRows } from "../../../src/tensor/gather.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { meanNegativeLogLikelihood } from "../../../src/train/objectives/likelihood.ts";
import { tripletLoss } from "../../../src/train/objectives/ranking.ts";
import { objectClass } from "../../../src/train/objectives/region-targets.ts";
import {
  regionDivergenceLoss,
  regionRegressionLoss,
} from "../../../src/train/objectives/regions.ts";
import { softTargetLoss } from "../../../src/train/objectives/soft-targets.ts";
import {
  alignmentLoss,
  cosineCosts,
  transportDistances,
  transportPlans,
  uniterTransport,
  withoutSpecials,
} from "../../../src/train/objectives/transport.ts";
import { type Fixture, fixtureWeights, largest, largestDifference, readFixture, relativeL2, uniform } from "../parity-fixture.ts"; // prettier-ignore
import {
  MASKED,
  NUM_PAIRS,
  SIZES,
  SLOTS,
  tinyBatch,
  tinyCompaction,
  tinyOutput,
  tinySpecs,
  tinyUniter,
  type TinyBatch,
} from "./tiny-uniter.ts";

beforeAll(loadTensorFlow);

const MATCHED = [1, 0, 1, 0];
/** Pair, place and id of the predicted words. */
const WORDS = [[0, 2, 9], [1, 1, 4], [3, 5, 17]] as const; // prettier-ignore

/** Raised by 1, so that ReLU lets most scores pass. */
const POOL_BIAS = "attn_pool.fc.0.bias";

interface Setting {
  readonly fixture: Fixture;
  readonly config: UniterConfig;
  readonly batch: TinyBatch;
  readonly weights: Weights;
}

async function settingOf(preset: UniterPreset): Promise<Setting> {
  const fixture = await readFixture(`models/uniter/fixtures/uniter-${preset}.safetensors`);
  const config = tinyUniter(preset);
  const drawn = fixtureWeights(tinySpecs(config), fixture.seed);
  const poolBias = tf.add(drawn[POOL_BIAS] ?? 0, 1);
  const weights = { ...drawn, [POOL_BIAS]: poolBias };
  return { fixture, config, batch: tinyBatch(fixture.seed), weights };
}

/** Every output and every loss of the fixture, by its name there. */
function everything(weights: Weights, setting: Setting, compacted: boolean) {
  const { batch, config, fixture } = setting;
  const { switches } = config;
  const compaction = compacted ? { compaction: tinyCompaction() } : {};
  const { text, visual } = tinyOutput(weights, config, { batch, ...compaction });
  const sequence = pooled(weights, text);
  const words = languageHeadLogits(weights, uniterLanguageHead, rowsOf(text, WORDS));
  const states = rowsOf(visual, MASKED);
  const textMask = switches.alignedSpecials ? batch.tokenMask : withoutSpecials(batch.tokenMask);
  const costs = cosineCosts(visual, text);
  const problem = { costs, visualMask: batch.regionMask, textMask };
  const distances = transportDistances(transportPlans(problem, uniterTransport), costs);
  const targets = targetsOf(fixture.seed, batch);
  const counted = tf.ones<tf.Rank.R1>([MASKED.length]);
  const classLogits = regionClassLogits(weights, switches.classificationHead, states);
  const answers = twoLayerLogits(weights, answerHead(SIZES.hidden, SIZES.answers), sequence);
  const sequences = {
    states: tensor3(tf.concat([text, visual], 1)),
    mask: matrix(tf.concat([batch.tokenMask, batch.regionMask], 1)),
    heads: SIZES.heads,
    dropout: noDropout,
  };
  const choices = choiceLogits(weights, sequence);
  const referring = referringLogits(weights, switches.referringHead, {
    states: visual,
    mask: batch.regionMask,
  });
  const ranks = matrix(tf.reshape(rankLogits(weights, sequence), [2, 2]));
  const regressed = regressedRegions(weights, switches.regressionHead, states);
  const losses: Record<string, tf.Tensor> = {
    mlm: crossEntropy(words, WORDS.map(([, , id]) => id)), // prettier-ignore
    itm: crossEntropy(uniterMatching(weights, config, text), MATCHED),
    wra: alignmentLoss(distances, tf.tensor1d(MATCHED, "int32"), switches.unmatchedAlignment),
    mrfr: regionRegressionLoss(regressed, { features: targets.features, counted }, switches.regressionScale), // prettier-ignore
    "mrc-kl": regionDivergenceLoss(classLogits, { probabilities: targets.probabilities, counted }, switches.divergenceScale), // prettier-ignore
    mrc: crossEntropy(classLogits, targets.labels),
    vqa: softTargetLoss(answers, targets.answers),
    nlvr2: crossEntropy(biattentionLogits(weights, sequences), [1, 0]),
    vcr: crossEntropy(choices, [0, 0, 1, 0]),
    referring: crossEntropy(referring, [1, 0, 3, 1]),
    ranking: tripletLoss(ranks),
  };
  return { text, visual, pooled: sequence, distances, words, choices, losses };
}

function crossEntropy(logits: tf.Tensor2D, labels: readonly number[]): tf.Scalar {
  const counted = tf.ones<tf.Rank.R1>([labels.length]);
  return meanNegativeLogLikelihood(logits, tf.tensor1d([...labels], "int32"), counted);
}

function rowsOf(x: tf.Tensor3D, places: readonly (readonly number[])[]): tf.Tensor2D {
  const [, width, channels] = x.shape;
  const rows = places.map(([pair = 0, place = 0]) => pair * width + place);
  return matrix(gatherRows(tf.reshape(x, [-1, channels]), tf.tensor1d(rows, "int32")));
}

function targetsOf(seed: number, batch: TinyBatch) {
  const shape: [number, number, number] = [NUM_PAIRS, SLOTS.regions, SIZES.classes];
  const probabilities = tf.softmax(tf.mul(tf.tensor3d(uniform(seed, "classes", shape), shape), 2));
  const values = Float32Array.from(probabilities.dataSync());
  const answers = tf.tensor2d(uniform(seed, "answers", [NUM_PAIRS, SIZES.answers]), [NUM_PAIRS, SIZES.answers]); // prettier-ignore
  return {
    features: rowsOf(batch.features, MASKED),
    probabilities: rowsOf(tensor3(probabilities), MASKED),
    labels: MASKED.map(([pair, region]) =>
      objectClass({ values, numClasses: SIZES.classes }, pair * SLOTS.regions + region),
    ),
    answers: matrix(tf.abs(answers)),
  };
}

/** What of x [B, N, D] stands at real tokens; 0 elsewhere. */
const real = (x: tf.Tensor, mask: tf.Tensor): tf.Tensor => tf.mul(x, tf.expandDims(tf.cast(mask, "float32"), 2)); // prettier-ignore

const presets = ["paper", "released"] as const;

describe.each(presets)("UNITER as in %s, against plain PyTorch", (preset) => {
  it.each([false, true])(
    "has the same states, logits and distances (compacted: %s)",
    async (compacted) => {
      const setting = await settingOf(preset);
      const { batch, fixture, weights } = setting;
      const found = everything(weights, setting, compacted);
      const outputs = {
        text: real(found.text, batch.tokenMask),
        visual: real(found.visual, batch.regionMask),
        pooled: found.pooled,
        words: found.words,
        choices: found.choices,
        distances: found.distances,
      };
      const faults = Object.entries(outputs).flatMap(([name, tensor]) => {
        const [ours, theirs] = [tensor.dataSync(), fixture.values(name)];
        const isClose = largestDifference(ours, theirs) < 1e-4 && relativeL2(ours, theirs) < 1e-5;
        return isClose ? [] : [`${name}: ${relativeL2(ours, theirs)}`];
      });
      expect(faults).toEqual([]);
    },
  );

  it("has the same losses", async () => {
    const setting = await settingOf(preset);
    const { losses } = everything(setting.weights, setting, true);
    const faults = Object.entries(losses).flatMap(([name, loss]) => {
      const error = relativeL2(loss.dataSync(), setting.fixture.values(`loss/${name}`));
      return error < 1e-5 ? [] : [`${name}: ${error}`];
    });
    expect(faults).toEqual([]);
  });

  it("has the same gradient of all losses for every weight; what a softmax does not see has none", async () => {
    const setting = await settingOf(preset);
    const names = Object.keys(setting.weights);
    const gradients = tf.grads((...tensors: tf.Tensor[]) => {
      const entries = names.map((name, at) => [name, tensors[at] ?? tf.scalar(0)] as const);
      const { losses } = everything(Object.fromEntries(entries), setting, true);
      return tf.addN(Object.values(losses));
    })(Object.values(setting.weights));
    const largestOfAll = Math.max(
      ...names.map((name) => largest(setting.fixture.values(`gradient/${name}`))),
    );
    const faults = names.flatMap((name, at) => {
      const actual = gradients[at]?.dataSync() ?? [];
      const expected = setting.fixture.values(`gradient/${name}`);
      // A constant added to all logits of a softmax changes nothing: keys' biases, the last ones of scores.
      if (largest(expected) < 1e-12) {
        return largest(actual) <= 1e-6 * largestOfAll ? [] : [`${name}: not zero`];
      }
      const error = relativeL2(actual, expected);
      return error <= 1e-4 ? [] : [`${name}: ${error}`];
    });
    expect(faults).toEqual([]);
    const inFixture = setting.fixture.names.filter((name) => name.startsWith("gradient/"));
    expect(inFixture.map((name) => name.slice(9)).toSorted()).toEqual(names.toSorted());
  });
});
