import { join } from "node:path";
import { RandomStream } from "../../src/core/random.ts";
import type { FileOrder } from "./coco.ts";
import { MadeUpTexts } from "./made-up-texts.ts";
import { realAnswers, realIds, realQuestions } from "./real-samples.ts";
import { TextWriter } from "./text-writer.ts";

const NUM_QUESTIONS = 443_757;

const INFO = `"info": {"description": "This is v2.0 of the VQA dataset.", "url": "http://visualqa.org", "version": "2.0", "year": 2017, "contributor": "VQA Team", "date_created": "2017-04-26 17:07:13"}`;
const LICENSE = `"license": {"url": "http://creativecommons.org/licenses/by/4.0/", "name": "Creative Commons Attribution 4.0 International License"}`;

interface Asked {
  readonly imageId: string;
  readonly questionId: string;
}

/** Writes the questions and annotations of VQA v2's train part about its true images; gives their paths. */
export function writeVqa2(order: FileOrder): string[] {
  const { folder, share, seed } = order;
  const ids = realIds("karpathy/coco_train.txt.gz");
  const taken = ids.slice(0, Math.round(ids.length * share));
  const perImage = Math.ceil(NUM_QUESTIONS / ids.length);
  const asked = taken
    .flatMap((imageId) =>
      Array.from({ length: perImage }, (_, number): Asked => {
        return { imageId, questionId: `${imageId}${String(number).padStart(3, "0")}` };
      }),
    )
    .slice(0, Math.round(NUM_QUESTIONS * share));
  const questionsPath = "vqa2/v2_OpenEnded_mscoco_train2014_questions.json";
  {
    using writer = new TextWriter(join(folder, questionsPath));
    writer.write(
      `{${INFO}, "task_type": "Open-Ended", "data_type": "mscoco", ${LICENSE}, "data_subtype": "train2014", "questions": [`,
    );
    writer.writeItems(questions(asked, seed));
    writer.write("]}");
  }
  const annotationsPath = "vqa2/v2_mscoco_train2014_annotations.json";
  using writer = new TextWriter(join(folder, annotationsPath));
  writer.write(`{${INFO}, ${LICENSE}, "data_subtype": "train2014", "annotations": [`);
  writer.writeItems(annotations(asked, seed));
  writer.write(`], "data_type": "mscoco"}`);
  return [questionsPath, annotationsPath];
}

function* questions(asked: readonly Asked[], seed: number): Generator<string> {
  const texts = new MadeUpTexts(realQuestions(), seed, 1);
  for (const { imageId, questionId } of asked) {
    yield `{"image_id": ${imageId}, "question": ${JSON.stringify(texts.next())}, "question_id": ${questionId}}`;
  }
}

function* annotations(asked: readonly Asked[], seed: number): Generator<string> {
  const random = new RandomStream(seed, 2);
  const real = realAnswers();
  for (const { imageId, questionId } of asked) {
    const given = random.pick(real).map((answer) => JSON.stringify(answer));
    const answers = given.map((answer, at) => {
      const confidence = random.nextBoolean(0.8) ? "yes" : "maybe";
      return `{"answer": ${answer}, "answer_confidence": "${confidence}", "answer_id": ${at + 1}}`;
    });
    yield `{"question_type": "what is the", "multiple_choice_answer": ${given[0]}, "answers": [${answers.join(", ")}], "image_id": ${imageId}, "answer_type": "other", "question_id": ${questionId}}`;
  }
}
