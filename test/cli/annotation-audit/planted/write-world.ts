import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TextWriter } from "../../../../bench/full-size/text-writer.ts";
import { pickled } from "../../../ingest/datasets/refcoco-folder.ts";
import type { AnnotatedWorld, CocoPicture, WebPicture } from "./annotated-world.ts";
import type { Listing } from "./photo-world.ts";

/** What the texts of a world say. */
export interface WorldTexts {
  /** Texts of each picture of Visual Genome and of Flickr30K; without any, their files of texts are not written. */
  readonly perPicture: { readonly genome: number; readonly flickr30k: number };
  /** The text of a record of a part about a photo; `plain` is what it says where texts do not matter. */
  readonly next: (part: string, photo: number, plain: string) => string;
}

const plainTexts: WorldTexts = {
  perPicture: { genome: 0, flickr30k: 0 },
  next: (_part, _photo, plain) => plain,
};

/** Writes the official annotation files of a world below a folder, in their publishers' forms. */
export function writeWorld(
  folder: string,
  world: AnnotatedWorld,
  texts: WorldTexts = plainTexts,
): void {
  writeCoco(folder, world, texts);
  writeFlickr(folder, world, texts);
  writeGenome(folder, world, texts);
  writeReferring(folder, world);
  writeNlvr2(folder, world, texts);
  writeWebCaptions(folder, world, texts);
  writeVcr(folder, world);
}

/** A JSON document with lists, written item by item. */
function writeLists(path: string, lists: Readonly<Record<string, Iterable<string>>>): void {
  using writer = new TextWriter(path);
  writer.write('{"info": {"year": 2014}');
  for (const [name, items] of Object.entries(lists)) {
    writer.write(`, ${JSON.stringify(name)}: [`);
    writer.writeItems(items);
    writer.write("]");
  }
  writer.write("}");
}

function writeLines(path: string, lines: Iterable<string>): void {
  using writer = new TextWriter(path);
  for (const line of lines) writer.write(`${line}\n`);
}

function* mapped<T, U>(items: Iterable<T>, change: (item: T, index: number) => U): Generator<U> {
  let index = 0;
  for (const item of items) {
    yield change(item, index);
    index += 1;
  }
}

function subsetOf({ part }: CocoPicture): string {
  return part === "train" ? "train2014" : "val2014";
}

function cocoName(id: string, subset: string): string {
  return `COCO_${subset}_${id.padStart(12, "0")}.jpg`;
}

function answered(imageId: string, number: number): string {
  const ten = Array.from({ length: 10 }, (_, at) => {
    return { answer: "yes", answer_confidence: "yes", answer_id: at + 1 };
  });
  const answers = JSON.stringify(ten);
  return `{"question_type": "what is", "multiple_choice_answer": "yes", "answers": ${answers}, "image_id": ${imageId}, "answer_type": "yes/no", "question_id": ${imageId}00${number}}`;
}

function writeCoco(
  folder: string,
  { coco, cocoTest, names }: AnnotatedWorld,
  { next, perPicture }: WorldTexts,
): void {
  const question = (part: string, { id, photo }: Listing, number: number): string =>
    `{"image_id": ${id}, "question": "${next(part, photo, "What is shown in it?")}", "question_id": ${id}00${number}}`;
  const image = ({ id, photo }: Listing, subset: string): string =>
    `{"license": 1, "file_name": "${cocoName(id, subset)}", "coco_url": "http://mscoco.org/images/${id}", "height": 480, "width": 640, "date_captured": "2013-11-14 17:02:52", "flickr_url": "${names.flickrUrl(photo)}", "id": ${id}}`;
  for (const subset of ["train2014", "val2014"]) {
    const pictures = coco.filter((picture) => subsetOf(picture) === subset);
    writeLists(join(folder, `coco/annotations/captions_${subset}.json`), {
      images: mapped(pictures, (picture) => image(picture, subset)),
      annotations: mapped(
        pictures.flatMap((picture) => [picture, picture, picture, picture, picture]),
        ({ id, part, photo }, at) =>
          `{"image_id": ${id}, "id": ${at + 1}${subset === "val2014" ? "7" : "3"}, "caption": "${next(`coco (Karpathy split) ${part}`, photo, `A picture that shows something of the kind ${at}.`)}"}`,
      ),
    });
    writeLists(join(folder, `vqa2/v2_OpenEnded_mscoco_${subset}_questions.json`), {
      questions: pictures.flatMap((picture) =>
        [1, 2].map((number) => question(`vqa2 ${subset.slice(0, -4)}`, picture, number)),
      ),
    });
    if (perPicture.genome > 0) {
      writeLists(join(folder, `vqa2/v2_mscoco_${subset}_annotations.json`), {
        annotations: pictures.flatMap(({ id }) => [1, 2].map((number) => answered(id, number))),
      });
    }
  }
  writeLists(join(folder, "coco/annotations/image_info_test2015.json"), {
    images: mapped(cocoTest, (picture) => image(picture, "test2015")),
  });
  writeLists(join(folder, "vqa2/v2_OpenEnded_mscoco_test2015_questions.json"), {
    questions: mapped(cocoTest, (picture) => question("vqa2 test", picture, 1)),
  });
  for (const part of ["train", "restval", "val", "test"]) {
    const pictures = coco.filter((picture) => picture.part === part);
    const lines = mapped(pictures, (picture) => cocoName(picture.id, subsetOf(picture)));
    writeLines(join(folder, `karpathy/coco_${part}.txt`), lines);
  }
}

function writeFlickr(
  folder: string,
  { flickr30k, truth }: AnnotatedWorld,
  { next, perPicture }: WorldTexts,
): void {
  if (perPicture.flickr30k > 0) {
    const captions = flickr30k.flatMap(({ id, photo }) =>
      Array.from({ length: perPicture.flickr30k }, (_, number) => {
        return `${id}.jpg#${number}\t${next("flickr30k", photo, "")}`;
      }),
    );
    writeLines(join(folder, "flickr30k/results_20130124.token"), captions);
  }
  for (const part of ["train", "val", "test"]) {
    const karpathy = truth.part(`flickr30k (Karpathy split) ${part}`);
    const lines = mapped(karpathy, ({ id }) => `${id}.jpg`);
    writeLines(join(folder, `karpathy/flickr30k_${part}.txt`), lines);
    const entities = truth.part(`flickr30k (Entities split) ${part}`);
    writeLines(
      join(folder, `flickr30k/entities/${part}.txt`),
      mapped(entities, ({ id }) => id),
    );
  }
  for (const part of ["train", "dev", "test"]) {
    const pairs = mapped(
      truth.part(`snli-ve ${part}`),
      ({ id, photo }) =>
        `{"Flickr30K_ID": "${id}", "annotator_labels": ["neutral"], "captionID": "${id}.jpg#0", "gold_label": "neutral", "pairID": "${id}.jpg#0r1n", "sentence1": "Someone is there.", "sentence2": "${next(`snli-ve ${part}`, photo, "It is day.")}"}`,
    );
    writeLines(join(folder, `snli-ve/snli_ve_${part}.jsonl`), pairs);
    const of8k = mapped(truth.part(`flickr8k ${part}`), ({ id }) => `${id}_693b08cb0e.jpg`);
    writeLines(join(folder, `flickr8k/Flickr_8k.${part}Images.txt`), of8k);
  }
}

function writeGenome(
  folder: string,
  { genome, names }: AnnotatedWorld,
  { next, perPicture }: WorldTexts,
): void {
  if (perPicture.genome > 0) {
    using regions = new TextWriter(join(folder, "vg/region_descriptions.json"));
    regions.write("[");
    regions.writeItems(
      mapped(genome, ({ id, part, photo }, at) => {
        const texts = Array.from({ length: perPicture.genome }, (_, number) => {
          const phrase = next(`visual-genome ${part}`, photo, "");
          return `{"region_id": ${at * perPicture.genome + number + 1}, "width": 9, "height": 9, "image_id": ${id}, "phrase": "${phrase}", "y": 1, "x": 1}`;
        });
        return `{"regions": [${texts.join(", ")}], "id": ${id}}`;
      }),
    );
    regions.write("]");
  }
  using writer = new TextWriter(join(folder, "vg/image_data.json"));
  writer.write("[");
  writer.writeItems(
    mapped(genome, ({ id, photo, cocoId, hasFlickrId }) => {
      const flickrId = hasFlickrId ? names.flickrId(photo) : "null";
      return `{"width": 800, "url": "https://cs.stanford.edu/people/rak248/VG_100K/${id}.jpg", "height": 600, "image_id": ${id}, "coco_id": ${cocoId ?? "null"}, "flickr_id": ${flickrId}}`;
    }),
  );
  writer.write("]");
  for (const part of ["train", "val", "test"]) {
    const pictures = genome.filter((picture) => picture.part === part);
    const lines = mapped(pictures, ({ id }) => `VG_100K/${id}.jpg xml/${id}.xml`);
    writeLines(join(folder, `vg/butd_${part}.txt`), lines);
  }
}

function writeReferring(folder: string, { referring }: AnnotatedWorld): void {
  for (const [dataset, parts] of referring) {
    const refs = parts.flatMap(([split, pictures]) =>
      pictures.map(({ id }) => {
        const name = cocoName(id, "train2014").replace(".jpg", "_1.jpg");
        const sentences = [{ tokens: ["it"], raw: "it", sent_id: Number(id), sent: "it" }];
        return {
          sent_ids: [Number(id)],
          file_name: name,
          ann_id: Number(id),
          ref_id: Number(id),
          image_id: Number(id),
          split,
          sentences,
          category_id: 1,
        };
      }),
    );
    const split = dataset === "refcocog" ? "umd" : "unc";
    const path = join(folder, `refcoco/${dataset}/refs(${split}).p`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, pickled(refs));
  }
}

function writeNlvr2(folder: string, { nlvr2 }: AnnotatedWorld, { next }: WorldTexts): void {
  for (const [part, pictures] of nlvr2) {
    const lines = mapped(pairsOf(pictures), ([left, right]) => {
      const identifier = left.id.replace(/-img0$/, "-0");
      const sentence = next(`nlvr2 ${part}`, left.photo, "There are two.");
      return `{"sentence": "${sentence}", "left_url": "${left.url}", "right_url": "${right.url}", "label": "True", "identifier": "${identifier}", "directory": 1}`;
    });
    writeLines(join(folder, `nlvr2/${part}.json`), lines);
    using writer = new TextWriter(join(folder, `nlvr2/${part}_hashes.json`));
    writer.write("{");
    writer.writeItems(mapped(pictures, ({ id, photo }) => `"${id}.png": "${hashOf(photo)}"`));
    writer.write("}");
  }
}

function* pairsOf(pictures: readonly WebPicture[]): Generator<readonly [WebPicture, WebPicture]> {
  for (let at = 0; at + 1 < pictures.length; at += 2) {
    const [left, right] = [pictures[at], pictures[at + 1]];
    if (left !== undefined && right !== undefined) yield [left, right];
  }
}

/** A hash of 64 bits of the photo: those of two photos differ in some thirty bits. */
function hashOf(photo: number): string {
  const words = [0x9e3779b1, 0x85ebca6b].map((factor) => {
    let word = Math.imul(photo + 1, factor);
    word = Math.imul(word ^ (word >>> 15), 0xc2b2ae35);
    return (word ^ (word >>> 13)) >>> 0;
  });
  return words.map((word) => word.toString(16).padStart(8, "0")).join("");
}

function writeWebCaptions(
  folder: string,
  { captions, sbu }: AnnotatedWorld,
  { next }: WorldTexts,
): void {
  const files = [
    ["training", "Train_GCC-training"],
    ["validation", "Validation_GCC-1.1.0-Validation"],
  ] as const;
  for (const [part, name] of files) {
    const lines = mapped(captions.get(part) ?? [], ({ photo, url }) => {
      return `${next(`conceptual-captions ${part}`, photo, "a picture of something")}\t${url}`;
    });
    writeLines(join(folder, `cc3m/${name}.tsv`), lines);
  }
  const urls = mapped(sbu, ({ url }) => url);
  writeLines(join(folder, "sbu/SBU_captioned_photo_dataset_urls.txt"), urls);
  const texts = mapped(sbu, ({ photo }) => next("sbu all", photo, "a picture of mine"));
  writeLines(join(folder, "sbu/SBU_captioned_photo_dataset_captions.txt"), texts);
}

function writeVcr(folder: string, { vcr }: AnnotatedWorld): void {
  for (const [part, frames] of vcr) {
    const lines = mapped(frames, ({ id }) =>
      JSON.stringify({
        movie: "0001_A_FILM",
        objects: ["person"],
        interesting_scores: [0],
        answer_likelihood: "possible",
        img_fn: `lsmdc_0001_A_FILM/0001_A_FILM_${id}@0.jpg`,
        metadata_fn: `lsmdc_0001_A_FILM/0001_A_FILM_${id}@0.json`,
        question: ["Who", "is", [0], "?"],
        answer_choices: [["a"], ["b"], ["c"], ["d"]],
        answer_label: 2,
        rationale_choices: [["e"], ["f"], ["g"], ["h"]],
        rationale_label: 0,
        img_id: id,
        question_number: 0,
        annot_id: id,
        match_fold: `${part}-0`,
        match_index: 0,
      }),
    );
    writeLines(join(folder, `vcr/${part}.jsonl`), lines);
  }
}
