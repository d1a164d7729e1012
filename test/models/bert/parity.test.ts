import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { attentionBias } from "../../../src/models/bert/attention.ts";
import type { BertConfig } from "../../../src/models/bert/config.ts";
import { embeddingSpecs, embedText } from "../../../src/models/bert/embeddings.ts";
import { encode, encodeLayers, encoderSpecs } from "../../../src/models/bert/encoder.ts";
import { jointSequence } from "../../../src/models/bert/joint.ts";
import {
  bertLanguageHead,
  languageHeadLogits,
  languageHeadSpecs,
} from "../../../src/models/bert/language-head.ts";
import { pooled, poolerSpecs } from "../../../src/models/bert/pooler.ts";
import { noDropout } from "../../../src/models/dropout.ts";
import { matrix, tensor3 } from "../../../src/models/ranks.ts";
import { weight, type Weights, type WeightSpec } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  fixtureWeights,
  largestDifference,
  readFixture,
  relativeL2,
  uniform,
  uniformTensor,
  type Fixture,
} from "../parity-fixture.ts";
import { gradientFaults, gradientsOf, probed } from "../parity-gradients.ts";

// References: PyTorch 2.13.0 and transformers 5.23.0 in float64 (fixtures/make-fixtures.py).

beforeAll(loadTensorFlow);

const specsOf = (config: BertConfig): WeightSpec[] => [
  ...embeddingSpecs(config),
  ...encoderSpecs(config),
  ...poolerSpecs(config),
  ...languageHeadSpecs(config, bertLanguageHead),
];

const joined: BertConfig = {
  vocabularySize: 30,
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  intermediateSize: 64,
  maxPositions: 12,
  tokenTypes: 2,
  dropout: 0,
  recompute: false,
};

const VISUAL = "visual";
const TOKEN_IDS = [
  [2, 5, 6, 7, 8, 9, 3],
  [2, 11, 5, 3, 0, 0, 0],
];
const TOKEN_TYPES = [
  [0, 0, 0, 1, 1, 1, 1],
  [0, 0, 0, 0, 0, 0, 0],
];

interface Outputs {
  readonly text: tf.Tensor;
  readonly joint: tf.Tensor;
  readonly pooled: tf.Tensor;
  readonly logits: tf.Tensor;
  readonly attentions: readonly tf.Tensor[];
}

/** Text of two types, pads and visual tokens through the encoder, the pooler and the masked words' head. */
function outputsOf(weights: Weights): Outputs {
  const tokenIds = tf.tensor2d(TOKEN_IDS, [2, 7], "int32");
  const tokenTypes = tf.tensor2d(TOKEN_TYPES, [2, 7], "int32");
  const text = embedText(weights, { tokenIds, tokenTypes, dropout: noDropout });
  const sequence = jointSequence({
    words: text,
    wordMask: matrix(tf.cast(tf.greater(tokenIds, 0), "int32")),
    others: tensor3(weight(weights, VISUAL)),
    otherMask: tf.ones([2, 4], "int32"),
  });
  const layers = encodeLayers(weights, joined, { ...sequence, dropout: noDropout });
  const joint = layers.at(-1)?.tokens ?? sequence.tokens;
  const chosen: tf.Tensor2D = tf.reshape(tf.slice(joint, [0, 0, 0], [2, 3, 32]), [6, 32]);
  return {
    text,
    joint,
    pooled: pooled(weights, joint),
    logits: tf.reshape(languageHeadLogits(weights, bertLanguageHead, chosen), [2, 3, 30]),
    attentions: layers.map(({ attention }) => attention),
  };
}

async function loaded(): Promise<{ fixture: Fixture; weights: Weights }> {
  const fixture = await readFixture("models/fixtures/bert.safetensors");
  const visual = uniformTensor(fixture.seed, VISUAL, [2, 4, 32]);
  const weights = fixtureWeights(specsOf(joined), fixture.seed);
  return { fixture, weights: { ...weights, [VISUAL]: visual } };
}

describe("BERT against transformers, on texts of two types beside visual tokens", () => {
  it.each([
    ["text", 1e-5],
    ["joint", 1e-4],
    ["pooled", 1e-4],
    ["logits", 2e-4],
  ] as const)("B-2: has the same %s", async (name, tolerance) => {
    const { fixture, weights } = await loaded();
    const actual = outputsOf(weights)[name].dataSync();
    expect(largestDifference(actual, fixture.values(name))).toBeLessThan(tolerance);
    expect(relativeL2(actual, fixture.values(name))).toBeLessThan(1e-5);
  });

  it("B-10: has the same attention in every layer", async () => {
    const { fixture, weights } = await loaded();
    for (const [layer, attention] of outputsOf(weights).attentions.entries()) {
      const expected = fixture.values(`attention/${layer}`);
      expect(largestDifference(attention.dataSync(), expected)).toBeLessThan(1e-5);
    }
  });

  it("B-2: has the same gradient of every weight and of the visual tokens; the key bias has none", async () => {
    const { fixture, weights } = await loaded();
    const gradients = gradientsOf(weights, (named) => {
      const outputs = outputsOf(named);
      const parts = (["joint", "pooled", "logits"] as const).map((name) =>
        probed(fixture.seed, `probe/${name}`, outputs[name]),
      );
      return tf.addN(parts);
    });
    expect(gradientFaults(gradients, fixture)).toEqual([]);
  });
});

/** Every so many words' logits are stored, of so many tokens, in make-fixtures.py. */
const [LOGIT_STRIDE, LOGIT_TOKENS] = [613, 4];
const vocabularies = { uncased: 30_522, cased: 28_996 } as const;
const lengths = [1, 16, 60, 512];

function shapeOf(vocabulary: keyof typeof vocabularies): BertConfig {
  const vocabularySize = vocabularies[vocabulary];
  return { ...joined, vocabularySize, hiddenSize: 8, heads: 2, intermediateSize: 16, maxPositions: 512 }; // prettier-ignore
}

/** The states of two texts, the second with pads in its last third; [2, length, 8]. */
function statesOf(weights: Weights, config: BertConfig, ids: Float32Array): tf.Tensor3D {
  const length = ids.length / 2;
  const tokens = ids.map((value) => Math.floor(((value + 1) / 2) * config.vocabularySize));
  const tokenIds = tf.tensor2d(Int32Array.from(tokens), [2, length], "int32");
  const firstPad = 2 * length - Math.floor(length / 3);
  const mask = Int32Array.from({ length: 2 * length }, (_, place) => Number(place < firstPad));
  return encode(weights, config, {
    tokens: embedText(weights, { tokenIds, tokenTypes: 0, dropout: noDropout }),
    bias: attentionBias(tf.tensor2d(mask, [2, length], "int32")),
    dropout: noDropout,
  });
}

describe.each(["uncased", "cased"] as const)("BERT of the %s vocabulary", (vocabulary) => {
  it("B-2: has transformers' states and logits at 1, 16, 60 and 512 tokens, with pads", async () => {
    const fixture = await readFixture("models/fixtures/bert-shapes.safetensors");
    const config = shapeOf(vocabulary);
    const weights = fixtureWeights(specsOf(config), fixture.seed);
    for (const length of lengths) {
      const ids = uniform(fixture.seed, `ids/${vocabulary}/${length}`, [2, length]);
      const states = statesOf(weights, config, ids);
      const numTokens = Math.min(length, LOGIT_TOKENS);
      const first = tf.slice(states, [0, 0, 0], [2, numTokens, 8]);
      const logits = languageHeadLogits(weights, bertLanguageHead, tf.reshape(first, [-1, 8]));
      const some = logits
        .dataSync()
        .filter((_, place) => (place % config.vocabularySize) % LOGIT_STRIDE === 0);
      const [ours, theirs] = ["states", "logits"].map((name) => fixture.values(`${name}/${vocabulary}/${length}`)); // prettier-ignore
      expect(largestDifference(states.dataSync(), ours ?? [])).toBeLessThan(1e-4);
      expect(largestDifference(some, theirs ?? [])).toBeLessThan(2e-4);
    }
  });
});
