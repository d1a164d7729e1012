import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentProgress } from "../../src/core/progress.ts";
import type { LoadedModel } from "../../src/eval/model-on-device.ts";
import { PairScorer, TextChunks } from "../../src/eval/pair-scorer.ts";
import { evaluateRetrieval, type RetrievalResult } from "../../src/eval/retrieval.ts";
import {
  evaluationPictures,
  evaluationTexts,
  type EvaluationPicture,
  type EvaluationText,
} from "../../src/loader/evaluation.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";
import { noDropout, wholeDepth } from "../../src/models/dropout.ts";
import {
  embedPictures,
  fusePairs,
  matchingLogits,
  parsePictures,
  type VisualParsingConfig,
} from "../../src/models/visual-parsing/visual-parsing.ts";
import { visualParsingModel } from "../../src/models/visual-parsing/pairs.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import {
  drawnScenes,
  temporaryFolder,
  writeSet,
  writeVocabulary,
} from "../loader/shard-set-fixture.ts";
import { fixtureWeights } from "../models/parity-fixture.ts";
import { visualParsingConfig } from "../../src/train/recipes/visual-parsing-recipe.ts";
import { tinyRecipe } from "../train/tiny-run.ts";

const NUM_SCENES = 5;
const MAX_TEXT_TOKENS = 20;
const IMAGE_SIZE = 16;

let folder: Awaited<ReturnType<typeof temporaryFolder>> | undefined;
let reader: ShardSetReader | undefined;
let tokenizer: WordPieceTokenizer | undefined;
let model: LoadedModel | undefined;
let config: VisualParsingConfig | undefined;

beforeAll(async () => {
  await loadTensorFlow();
  folder = await temporaryFolder();
  await writeSet(join(folder.path, "set"), await drawnScenes(NUM_SCENES));
  reader = await ShardSetReader.open(join(folder.path, "set"));
  tokenizer = await WordPieceTokenizer.fromFile(await writeVocabulary(folder.path));
  config = visualParsingConfig(tinyRecipe, tokenizer.size);
  const pairModel = visualParsingModel(config);
  model = { model: pairModel, weights: fixtureWeights(pairModel.specs, 11) };
});
afterAll(async () => {
  await reader?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

interface Setting {
  readonly model: LoadedModel;
  readonly tokenizer: WordPieceTokenizer;
  readonly split: ReturnType<ShardSetReader["split"]>;
}

function setting(): Setting {
  if (!reader || !tokenizer || !model) throw new RangeError("the set-up has failed");
  return { model, tokenizer, split: reader.split("train") };
}

const evaluate = (signal?: AbortSignal): Promise<RetrievalResult> =>
  evaluateRetrieval({
    ...setting(),
    pictures: { kind: "square", size: IMAGE_SIZE },
    maxTextTokens: MAX_TEXT_TOKENS,
    progress: silentProgress,
    signal,
  });

const textsOf = (): Promise<EvaluationText[]> =>
  Array.fromAsync(
    evaluationTexts(setting().split, { ...setting(), maxTextTokens: MAX_TEXT_TOKENS }),
  );

const picturesOf = (): Promise<EvaluationPicture[]> =>
  Array.fromAsync(
    evaluationPictures(setting().split, { pictures: { kind: "square", size: IMAGE_SIZE } }),
  );

/** The pair's score by the model's own functions, operation by operation, one pair at a time. */
function plainScore(picture: EvaluationPicture, text: EvaluationText): number {
  const { weights } = setting().model;
  if (config === undefined) throw new RangeError("the set-up has failed");
  const pixels = tf.tensor4d(Int32Array.from(picture.pixels), [1, 16, 16, 3], "int32");
  const { tokens } = parsePictures(weights, config, { pixels, depth: wholeDepth });
  const output = fusePairs(weights, config, {
    tokenIds: tf.tensor2d(text.tokenIds, [1, MAX_TEXT_TOKENS], "int32"),
    tokenMask: tf.tensor2d(text.tokenMask, [1, MAX_TEXT_TOKENS], "int32"),
    visual: embedPictures(weights, config, tokens),
    dropout: noDropout,
  });
  const [unmatched = Number.NaN, matched = Number.NaN] = matchingLogits(
    weights,
    output.text,
  ).dataSync();
  return matched - unmatched;
}

describe("evaluating retrieval", () => {
  it("scores each text of a split with each picture, as the model does one pair at a time", async () => {
    const { matrix, pictures, texts } = await evaluate();
    expect(pictures).toEqual(["coco:0", "coco:1", "coco:2", "coco:3", "coco:4"]);
    expect(texts).toHaveLength(5 * NUM_SCENES);
    expect([...matrix.pictureOfText]).toEqual(texts.map(({ sceneIndex }) => sceneIndex));
    const allPictures = await picturesOf();
    for (const [text, picture] of [
      [0, 0],
      [3, 4],
      [24, 1],
    ] as const) {
      const [left, right] = [allPictures[picture], texts[text]];
      const expected = left && right ? plainScore(left, right) : Number.NaN;
      expect(matrix.scores[text * NUM_SCENES + picture]).toBeCloseTo(expected, 3);
    }
  });

  it("gives the same digits twice and leaves no tensor behind", async () => {
    const first = await evaluate();
    const before = tf.memory().numTensors;
    const second = await evaluate();
    expect(second.matrix).toEqual(first.matrix);
    expect(second.metrics).toEqual(first.metrics);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("stops when it is told to", async () => {
    const before = tf.memory().numTensors;
    const signal = AbortSignal.abort(new Error("stopped by the test"));
    await expect(evaluate(signal)).rejects.toThrow("stopped by the test");
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("scoring in chunks", () => {
  it("gives a text the same score whichever texts stand beside it (E-9)", async () => {
    const [texts, pictures] = [await textsOf(), await picturesOf()];
    const [picture] = pictures;
    if (!picture) throw new RangeError("no picture");
    using scorer = new PairScorer(setting().model);
    const embedded = scorer.embed(picture);
    const scoresOf = (some: readonly EvaluationText[]): Float32Array => {
      using chunks = new TextChunks(some);
      return scorer.scores(embedded, chunks);
    };
    const repeated = Array.from({ length: 12 }, () => texts).flat(); // 300 texts: three chunks
    const many = scoresOf(repeated);
    const few = scoresOf(texts);
    expect(many).toHaveLength(300);
    for (const [place, score] of many.entries()) {
      expect(score).toBeCloseTo(few[place % texts.length] ?? Number.NaN, 5);
    }
    expect(scoresOf([])).toHaveLength(0);
    tf.dispose([embedded.tokens, embedded.mask]);
  });
});
