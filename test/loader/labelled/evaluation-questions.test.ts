import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Scene } from "../../../src/core/records.ts";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import {
  type EvaluationQuestion,
  evaluationQuestions,
} from "../../../src/loader/labelled/evaluation-questions.ts";
import type { LabelledTask } from "../../../src/loader/labelled/labelled-task.ts";
import { noAugmentation } from "../../../src/loader/pictures/augment.ts";
import { WordPieceTokenizer } from "../../../src/loader/text/word-piece.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { type LoaderFixture, loaderFixture } from "../loader-fixture.ts";
import { temporaryFolder, writeSet } from "../shard-set-fixture.ts";
import { choiceScenes, questionScenes } from "./labelled-scenes.ts";

const NUM_SCENES = 8;
const MAX_TOKENS = 40;
const vqa: LabelledTask = {
  kind: "answers",
  answers: ["no", "yes"],
  scoring: "official",
  withoutTarget: "drop",
};
const vcr: LabelledTask = { kind: "choices", textKind: "question" };

let fixture: LoaderFixture;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let tokenizer: WordPieceTokenizer;
beforeAll(async () => {
  [fixture, folder] = await Promise.all([loaderFixture(), temporaryFolder()]);
  process.env["CROSSWEAVE_CACHE"] = join(folder.path, "cache");
  tokenizer = await WordPieceTokenizer.fromFile(fixture.vocabulary);
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function questionsOf(
  name: string,
  scenes: readonly Scene[],
  task: LabelledTask,
): Promise<EvaluationQuestion[]> {
  const path = join(folder.path, name);
  await writeSet(path, scenes);
  await using reader = await ShardSetReader.open(path);
  const options = { tokenizer, maxTextTokens: MAX_TOKENS, task };
  return await Array.fromAsync(evaluationQuestions(reader.split("train"), options));
}

describe("questions for evaluation", () => {
  it("E-3: are all that the task asks for, in order, those without a target as well", async () => {
    const found = await questionsOf("vqa", await questionScenes(NUM_SCENES), vqa);
    expect(found.map(({ text }) => text.id)).toEqual(
      Array.from({ length: NUM_SCENES }, (_, scene) => [`${scene}-known`, `${scene}-other`]).flat(),
    );
    expect(found.map(({ sceneIndex }) => sceneIndex)).toEqual(
      Array.from({ length: 2 * NUM_SCENES }, (_, index) => Math.floor(index / 2)),
    );
    expect(found[1]?.targets).toEqual([]);
    expect(found[2]?.targets).toEqual([{ label: 1, target: 0.6 }]);
  });

  it("have no label where the split tells none, and are there all the same", async () => {
    const scenes = (await choiceScenes(3)).map((scene) => ({
      ...scene,
      texts: scene.texts.map((text) => ({ ...text, label: null })),
    }));
    const found = await questionsOf("unlabelled", scenes, vcr);
    expect(found.map(({ label, rows }) => [label, rows.length])).toEqual([
      [-1, 4],
      [-1, 4],
      [-1, 4],
    ]);
  });

  it("have the rows that a training batch has of them", async () => {
    const found = await questionsOf("vcr", await choiceScenes(NUM_SCENES), vcr);
    await using loader = await BatchLoader.open(
      fixture.options({
        sets: [{ folder: join(folder.path, "vcr"), splits: ["train"] }],
        batching: { kind: "texts", textsPerBatch: NUM_SCENES },
        pairing: { kind: "labelled", task: vcr },
        augment: noAugmentation,
        mlmProbability: 0,
        text: { maxTokens: MAX_TOKENS, longer: "cut" },
      }),
    );
    for await (const { labelled, textIds, tokenIds, tokenMask } of loader.batches({
      epoch: 0,
      step: 0,
    })) {
      for (const [row, id] of textIds.entries()) {
        const question = found.find(({ text }) => text.id === id);
        const ours = question?.rows[row % 4];
        const range = [row * MAX_TOKENS, (row + 1) * MAX_TOKENS] as const;
        expect(ours?.tokenIds).toEqual(tokenIds.slice(...range));
        expect(ours?.tokenMask).toEqual(tokenMask.slice(...range));
        expect(ours?.tokenTypes).toEqual(labelled?.tokenTypes.slice(...range));
        expect(question?.label).toBe(labelled?.labels[Math.floor(row / 4)]);
      }
      break;
    }
  });
});
