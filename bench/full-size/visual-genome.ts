import { join } from "node:path";
import { RandomStream } from "../../src/core/random.ts";
import type { FileOrder } from "./coco.ts";
import { MadeUpTexts } from "./made-up-texts.ts";
import { realGenomeQuestions, realIds, realPhrases } from "./real-samples.ts";
import { TextWriter } from "./text-writer.ts";

const NUM_REGIONS = 5_408_689;
const NUM_QUESTIONS = 1_445_322;

/** Whether regions are as in the official file, or name the synsets of their words too, as region graphs do. */
export type RegionForm = "official" | "with synsets";

/** Writes Visual Genome's three files with its true images and made-up texts; gives their paths. */
export function writeVisualGenome(order: FileOrder, form: RegionForm): string[] {
  const lists = ["butd_train.txt.gz", "butd_val.txt", "butd_test.txt"];
  const all = lists.flatMap((list) => realIds(`visual_genome/${list}`));
  const ids = all.slice(0, Math.round(all.length * order.share));
  const share = ids.length / all.length;
  const regions = numbersPerImage(ids.length, Math.round(NUM_REGIONS * share), order.seed);
  const questions = numbersPerImage(ids.length, Math.round(NUM_QUESTIONS * share), order.seed);
  const files = {
    "vg/image_data.json": images(ids, order.seed),
    "vg/region_descriptions.json": regionLists(ids, regions, { seed: order.seed, form }),
    "vg/question_answers.json": questionLists(ids, questions, order.seed),
  };
  for (const [path, items] of Object.entries(files)) {
    using writer = new TextWriter(join(order.folder, path));
    writer.write("[");
    writer.writeItems(items);
    writer.write("]");
  }
  return Object.keys(files);
}

/** Some have more and some have fewer; together they have exactly `total`. */
function numbersPerImage(numImages: number, total: number, seed: number): number[] {
  const random = new RandomStream(seed, 7);
  const mean = Math.floor(total / numImages);
  const numbers = Array.from({ length: numImages }, (_, at) =>
    at < total - mean * numImages ? mean + 1 : mean,
  );
  for (let at = 0; at + 1 < numImages; at += 2) {
    const moved = random.nextInt(mean);
    numbers[at] = (numbers[at] ?? 0) - moved;
    numbers[at + 1] = (numbers[at + 1] ?? 0) + moved;
  }
  return numbers;
}

function* images(ids: readonly string[], seed: number): Generator<string> {
  const random = new RandomStream(seed, 1);
  for (const id of ids) {
    const folder = random.nextBoolean(0.4) ? "VG_100K" : "VG_100K_2";
    const coco = random.nextBoolean(0.47) ? String(1 + random.nextInt(580_000)) : "null";
    const flickr = random.nextBoolean(0.95) ? String(1e8 + random.nextInt(7e9)) : "null";
    yield `{"width": 800, "url": "https://cs.stanford.edu/people/rak248/${folder}/${id}.jpg", "height": 600, "image_id": ${id}, "coco_id": ${coco}, "flickr_id": ${flickr}}`;
  }
}

function* regionLists(
  ids: readonly string[],
  numbers: readonly number[],
  { seed, form }: { seed: number; form: RegionForm },
): Generator<string> {
  const texts = new MadeUpTexts(realPhrases(), seed, 2);
  const random = new RandomStream(seed, 3);
  let regionId = 1381;
  for (const [at, id] of ids.entries()) {
    const regions = Array.from({ length: numbers[at] ?? 0 }, () => {
      regionId += 1;
      const [x, y] = [random.nextInt(600), random.nextInt(450)];
      const [width, height] = [1 + random.nextInt(200), 1 + random.nextInt(150)];
      const phrase = texts.next();
      const synsets = form === "official" ? "" : `"synsets": [${synsetsOf(phrase)}], `;
      return `{"region_id": ${regionId}, "width": ${width}, "height": ${height}, "image_id": ${id}, ${synsets}"phrase": ${JSON.stringify(phrase)}, "y": ${y}, "x": ${x}}`;
    });
    yield `{"regions": [${regions.join(", ")}], "id": ${id}}`;
  }
}

// Up to two words, each with its place and sense: what makes the file 1.7 GB.
function synsetsOf(phrase: string): string {
  const words = phrase.split(" ").filter((word) => /^[a-z]{4,}$/.test(word));
  const synsets = words.slice(0, 2).map((word) => {
    const start = phrase.indexOf(word);
    return `{"entity_name": "${word}", "entity_idx_start": ${start}, "entity_idx_end": ${start + word.length}, "synset_name": "${word}.n.01"}`;
  });
  return synsets.join(", ");
}

function* questionLists(
  ids: readonly string[],
  numbers: readonly number[],
  seed: number,
): Generator<string> {
  const real = realGenomeQuestions();
  const questions = new MadeUpTexts(
    real.map(({ question }) => question),
    seed,
    4,
  );
  const answers = new MadeUpTexts(
    real.map(({ answer }) => answer),
    seed,
    5,
  );
  let questionId = 986_767;
  for (const [at, id] of ids.entries()) {
    const qas = Array.from({ length: numbers[at] ?? 0 }, () => {
      questionId += 1;
      const [question, answer] = [questions.next(), answers.next()].map((text) =>
        JSON.stringify(text),
      );
      return `{"a_objects": [], "question": ${question}, "image_id": ${id}, "qa_id": ${questionId}, "answer": ${answer}, "q_objects": []}`;
    });
    yield `{"id": ${id}, "qas": [${qas.join(", ")}]}`;
  }
}
