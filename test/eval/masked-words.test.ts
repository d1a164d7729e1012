import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { evaluateMaskedWords, type MaskedWordResult } from "../../src/eval/masked-words.ts";
import { type MaskedQuestion, wordQuestions } from "../../src/eval/word-questions.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";
import type { PairModel } from "../../src/models/pair-model.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import {
  drawnScenes,
  temporaryFolder,
  writeSet,
  writeVocabulary,
} from "../loader/shard-set-fixture.ts";

const NUM_SCENES = 6;
const MAX_TEXT_TOKENS = 20;

let folder: Awaited<ReturnType<typeof temporaryFolder>> | undefined;
let reader: ShardSetReader | undefined;
let tokenizer: WordPieceTokenizer | undefined;

beforeAll(async () => {
  await loadTensorFlow();
  folder = await temporaryFolder();
  await writeSet(join(folder.path, "set"), await drawnScenes(NUM_SCENES));
  reader = await ShardSetReader.open(join(folder.path, "set"));
  tokenizer = await WordPieceTokenizer.fromFile(await writeVocabulary(folder.path));
});
afterAll(async () => {
  await reader?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

function given(): { reader: ShardSetReader; tokenizer: WordPieceTokenizer } {
  if (!reader || !tokenizer) throw new RangeError("the set-up has failed");
  return { reader, tokenizer };
}

const questionsFor = (words: readonly string[]): Promise<MaskedQuestion[]> =>
  wordQuestions(given().reader.split("train"), {
    tokenizer: given().tokenizer,
    maxTextTokens: MAX_TEXT_TOKENS,
    words,
  });

/** Says of every mask the word whose id is the picture's scene number plus `first`, whatever the text. */
function tellingModel(first: number, vocabularySize: number): PairModel {
  let scene = 0;
  return {
    specs: [],
    buffers: [],
    pictureTensors: () => ({ scene: tf.tensor1d([scene++]) }),
    embed: (_, { scene: number }) => ({
      tokens: tf.reshape(number ?? tf.zeros([1]), [1, 1, 1]),
      mask: tf.ones<tf.Rank.R2>([1, 1], "int32"),
    }),
    fuse: (_, { tokenIds, visual }) => {
      const [batch, length] = tokenIds.shape;
      return { text: tf.tile(visual.tokens, [1, length, 1]), visual: tf.zeros([batch, 1, 1]) };
    },
    matchingLogits: () => tf.zeros([1, 2]),
    languageLogits: (_, chosen) => {
      const told = tf.add(tf.reshape(chosen, [-1]), first);
      return tf.reshape(tf.oneHot(tf.cast(told, "int32"), vocabularySize, 1, 0, "float32"), [
        -1,
        vocabularySize,
      ]);
    },
  };
}

const evaluate = (questions: readonly MaskedQuestion[], first: number): Promise<MaskedWordResult> =>
  evaluateMaskedWords({
    model: { model: tellingModel(first, given().tokenizer.size), weights: {} },
    split: given().reader.split("train"),
    pictures: { kind: "square", size: 16 },
    questions,
    progress: silentProgress,
  });

/** A question about each scene, whose answer is the scene's number plus 5. */
const numbered = Array.from({ length: NUM_SCENES }, (_, sceneIndex) => ({
  sceneIndex,
  tokenIds: Int32Array.of(2, 4, 3),
  tokenMask: Int32Array.of(1, 1, 1),
  position: 1,
  answer: 5 + sceneIndex,
}));

describe("asking for masked words (T-17)", () => {
  it("counts what is told beside its own picture, and beside another scene's", async () => {
    expect(await evaluate(numbered, 5)).toEqual({
      numQuestions: NUM_SCENES,
      numScenes: NUM_SCENES,
      accuracy: 1,
      shuffledAccuracy: 0,
      chance: 1 / NUM_SCENES,
    });
    // Of the pictures one, two, three and four scenes away that of three tells every second answer.
    const { accuracy, shuffledAccuracy } = await evaluate(numbered, 2);
    expect(accuracy).toBe(0);
    expect(shuffledAccuracy).toBeCloseTo(0.5 / 4, 12);
  });

  it("asks many questions of one picture in chunks, each counted once", async () => {
    const many = Array.from({ length: 37 }, () => numbered.slice(1, 2)).flat();
    const result = await evaluate([...many, ...numbered.slice(0, 1)], 5);
    expect(result).toMatchObject({ numQuestions: 38, accuracy: 1, chance: 37 / 38 });
  });

  it("leaves no tensor behind", async () => {
    const before = tf.memory().numTensors;
    await evaluate(numbered, 5);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("questions of a split's texts", () => {
  it("mask each appearance of a word and nothing else", async () => {
    const questions = await questionsFor(["red", "blue"]);
    expect(questions.length).toBeGreaterThan(0);
    for (const { answer, position, tokenIds } of questions) {
      expect(tokenIds[position]).toBe(given().tokenizer.specials.mask);
      expect(tokenIds.filter((id) => id === given().tokenizer.specials.mask)).toHaveLength(1);
      expect([given().tokenizer.encode("red")[0], given().tokenizer.encode("blue")[0]]).toContain(
        answer,
      );
    }
  });

  it.each([["zebra"], ["re-ordered"]])("refuse %s, which is no token", async (word) => {
    await expect(questionsFor([word])).rejects.toBeInstanceOf(ConfigError);
  });
});
