import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  DrawnWorld,
  readJson,
  readJsonLines,
  readTruth,
  type GenomeQuestions,
  type GenomeRegions,
  type KarpathyFile,
  type Nlvr2Record,
  type SnliVeRecord,
  type VqaAnnotations,
  type VqaQuestions,
} from "./files.ts";
import {
  answerTo,
  faultsOfCaption,
  judgeStatement,
  labelOf,
  namesAll,
  type TruePicture,
} from "./truth.ts";

let world: DrawnWorld;
let folder = "";
let truth: Map<string, TruePicture>;

beforeAll(async () => {
  world = await DrawnWorld.draw(3, 0.25);
  folder = world.folder;
  truth = await readTruth(folder);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

function pictureOf(key: string): TruePicture {
  const picture = truth.get(key);
  if (picture === undefined) throw new Error(`scenes.jsonl lacks ${key}`);
  return picture;
}

describe("what is written about a picture is true of it", () => {
  test("COCO's captions, which name every object with its color", async () => {
    const { images } = await readJson<KarpathyFile>(folder, "coco/dataset_coco.json");
    for (const { cocoid, sentences } of images) {
      const picture = pictureOf(`coco:${cocoid}`);
      for (const { raw } of sentences) {
        expect([raw, ...faultsOfCaption(picture, raw)]).toEqual([raw]);
        expect([raw, namesAll(picture, raw)]).toEqual([raw, true]);
      }
      expect(new Set(sentences.map(({ raw }) => raw.trim())).size).toBe(5);
    }
  });

  test("Flickr30K's captions", async () => {
    const text = await readFile(join(folder, "flickr30k/results_20130124.token"), "utf8");
    for (const line of text.trimEnd().split("\n")) {
      const [id = "", caption = ""] = line.split("\t");
      const picture = pictureOf(`flickr30k:${id.split(".")[0]}`);
      expect([line, ...faultsOfCaption(picture, caption)]).toEqual([line]);
    }
  });

  test("Visual Genome's regions, whose boxes hold what they describe", async () => {
    const all = await readJson<GenomeRegions[]>(folder, "vg/region_descriptions.json");
    for (const { id, regions } of all) {
      const picture = pictureOf(`vg:${id}`);
      for (const { phrase, x, y, width, height } of regions) {
        expect([phrase, ...faultsOfCaption(picture, phrase)]).toEqual([phrase]);
        const inside = picture.objects.filter(
          ({ box }) =>
            box.x >= x &&
            box.y >= y &&
            box.x + box.width <= x + width &&
            box.y + box.height <= y + height,
        );
        const described = inside.filter(
          ({ color, shape }) => phrase.includes(color) && phrase.includes(shape),
        );
        expect([phrase, described.length > 0]).toEqual([phrase, true]);
      }
    }
  });

  test("Visual Genome's answers", async () => {
    const numbers = ["No.", "One.", "Two.", "Three."];
    const all = await readJson<GenomeQuestions[]>(folder, "vg/question_answers.json");
    for (const { id, qas } of all) {
      for (const { question, answer } of qas) {
        const expected = answerTo(pictureOf(`vg:${id}`), question) ?? "";
        const written = /^\d$/.test(expected)
          ? numbers[Number(expected)]
          : `${expected.slice(0, 1).toUpperCase()}${expected.slice(1)}.`;
        expect([question, answer]).toEqual([question, written]);
      }
    }
  });

  test.each(["train2014", "val2014"])("VQA v2's answers in %s", async (subset) => {
    const { questions } = await readJson<VqaQuestions>(
      folder,
      `vqa2/v2_OpenEnded_mscoco_${subset}_questions.json`,
    );
    const asked = new Map(questions.map(({ question_id, question }) => [question_id, question]));
    const { annotations } = await readJson<VqaAnnotations>(
      folder,
      `vqa2/v2_mscoco_${subset}_annotations.json`,
    );
    for (const entry of annotations) {
      const question = asked.get(entry.question_id) ?? "";
      const answer = answerTo(pictureOf(`coco:${entry.image_id}`), question);
      expect([question, entry.multiple_choice_answer]).toEqual([question, answer]);
      expect(answerTypeOf(entry.multiple_choice_answer)).toBe(entry.answer_type);
      const right = entry.answers.filter((given) => given.answer === answer);
      expect(right.length).toBeGreaterThanOrEqual(6);
      expect(entry.answers.map(({ answer_id }) => answer_id)).toEqual([
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
      ]);
    }
    const yes = annotations.filter((entry) => entry.multiple_choice_answer === "yes").length;
    const no = annotations.filter((entry) => entry.multiple_choice_answer === "no").length;
    expect(yes / (yes + no)).toBeGreaterThan(0.35);
    expect(yes / (yes + no)).toBeLessThan(0.65);
  });

  test("NLVR2's labels, half of which are true", async () => {
    let numTrue = 0;
    let numAll = 0;
    for (const split of ["train", "dev", "test1"]) {
      for (const record of await readJsonLines<Nlvr2Record>(folder, `nlvr2/${split}.json`)) {
        const name = record.identifier.split("-").slice(0, 3).join("-");
        const [left, right] = [0, 1].map((side) => pictureOf(`nlvr2:${name}-img${side}`));
        if (left === undefined || right === undefined) throw new Error(name);
        const isTrue = judgeStatement(left, right, record.sentence);
        expect([record.sentence, record.label]).toEqual([
          record.sentence,
          isTrue === undefined ? "not understood" : isTrue ? "True" : "False",
        ]);
        numTrue += isTrue === true ? 1 : 0;
        numAll += 1;
      }
    }
    expect(numTrue / numAll).toBeGreaterThan(0.4);
    expect(numTrue / numAll).toBeLessThan(0.6);
  });

  test("SNLI-VE's labels, a third of each", async () => {
    const counts: Record<string, number> = {};
    for (const split of ["train", "dev", "test"]) {
      const pairs = await readJsonLines<SnliVeRecord>(folder, `snli-ve/snli_ve_${split}.jsonl`);
      for (const { Flickr30K_ID, sentence2, gold_label } of pairs) {
        const label = labelOf(pictureOf(`flickr30k:${Flickr30K_ID}`), sentence2);
        expect([sentence2, gold_label]).toEqual([sentence2, label]);
        counts[gold_label] = (counts[gold_label] ?? 0) + 1;
      }
    }
    const { entailment = 0, contradiction = 0, neutral = 0 } = counts;
    expect(Math.abs(entailment - neutral)).toBeLessThan(5);
    expect(Math.abs(contradiction - neutral)).toBeLessThan(5);
  });
});

function answerTypeOf(answer: string): string {
  if (answer === "yes" || answer === "no") return "yes/no";
  return /^\d+$/.test(answer) ? "number" : "other";
}

test("captions tell the pictures apart: few are true of another picture word by word", async () => {
  const { images } = await readJson<KarpathyFile>(folder, "coco/dataset_coco.json");
  const texts = images.flatMap(({ sentences }) => sentences.map(({ raw }) => raw.trim()));
  expect(new Set(texts).size / texts.length).toBeGreaterThan(0.9);
  const numObjects = images.map(({ cocoid }) => pictureOf(`coco:${cocoid}`).objects.length);
  expect(numObjects.filter((count) => count === 2).length / images.length).toBeGreaterThan(0.7);
});
