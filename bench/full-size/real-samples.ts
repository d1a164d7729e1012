import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import { realData } from "../../test/real-data.ts";

const captions = z.object({ annotations: z.array(z.object({ caption: z.string() })) });
const regions = z.array(z.object({ regions: z.array(z.object({ phrase: z.string() })) }));
const genomeQuestions = z.array(
  z.object({ qas: z.array(z.object({ question: z.string(), answer: z.string() })) }),
);
const questions = z.object({ questions: z.array(z.object({ question: z.string() })) });
const annotations = z.object({
  annotations: z.array(z.object({ answers: z.array(z.object({ answer: z.string() })) })),
});

/** The 25,014 captions of captions_val2017.json. */
export function realCaptions(): string[] {
  const text = gunzipSync(readFileSync(realData("coco/captions_val2017.json.gz"))).toString();
  return captions.parse(JSON.parse(text)).annotations.map(({ caption }) => caption);
}

/** 7,278 region descriptions of Visual Genome. */
export function realPhrases(): string[] {
  const images = regions.parse(readJson("visual_genome/region_descriptions.first100.json"));
  return images.flatMap((image) => image.regions.map(({ phrase }) => phrase));
}

/** 3,393 questions of Visual Genome with their answers. */
export function realGenomeQuestions(): { readonly question: string; readonly answer: string }[] {
  const images = genomeQuestions.parse(readJson("visual_genome/question_answers.first100.json"));
  return images.flatMap(({ qas }) => qas);
}

/** 9,009 questions of OK-VQA, whose form is VQA v2's, and 100 of VQA v2. */
export function realQuestions(): string[] {
  const files = [
    "vqa2/v2_OpenEnded_mscoco_val2014_questions.first100.json",
    "vqa2/okvqa/OpenEnded_mscoco_train2014_questions.json",
  ];
  return files.flatMap((file) =>
    questions.parse(readJson(file)).questions.map(({ question }) => question),
  );
}

/** The answers of ten people to each of 100 questions of VQA v2. */
export function realAnswers(): string[][] {
  const { annotations: found } = annotations.parse(
    readJson("vqa2/v2_mscoco_val2014_annotations.first100.json"),
  );
  return found.map(({ answers }) => answers.map(({ answer }) => answer));
}

/** The ids that the lines of a list name, such as a Karpathy list or bottom-up attention's. */
export function realIds(file: string): string[] {
  const bytes = readFileSync(realData(file));
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
  return Array.from(text.matchAll(/(\d+)\.jpg/g), ([, digits = ""]) => String(Number(digits)));
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(realData(file), "utf8"));
}
