import { imageKey } from "../../core/keys.ts";
import type { RandomStream } from "../../core/random.ts";
import type { Box } from "../../core/records.ts";
import { cocoIdOf } from "./coco.ts";
import { regionPhrasesOf, rowOf, rowWords, kindOf, withArticle } from "./phrases.ts";
import { viewOf, type Rendering } from "./picture.ts";
import { asWrittenAnswer, questionsOf, type Question } from "./questions.ts";
import { drawPhotograph, type View } from "./scene.ts";
import {
  newFlickrPhotoId,
  sideOf,
  streamOf,
  type LeakKind,
  type PicturePool,
  type PlantedLeak,
  type WorldDocument,
  type WorldPart,
  type WorldPicture,
} from "./world.ts";

/** What Visual Genome takes its pictures from. */
export interface VisualGenomeSources {
  readonly coco: PicturePool;
  readonly flickr30k: PicturePool;
  /** COCO training pictures that lead on to an evaluation picture by their own photo id or bytes. */
  readonly stepping: readonly PlantedLeak[];
  /** The pictures as planted, to look the stepping stones up in. */
  readonly cocoPictures: readonly WorldPicture[];
}

interface GenomePicture {
  readonly picture: WorldPicture;
  readonly imageId: number;
  readonly cocoId: number | null;
  readonly leak: PlantedLeak | undefined;
}

/** One entry of the plan: which picture a Visual Genome picture shows, and what its record says. */
interface Plan {
  readonly original: WorldPicture | undefined;
  readonly rendering: Rendering;
  readonly says: "coco-id" | "flickr-id" | "both" | "nothing";
  readonly leak?: LeakKind;
  /** Where a mirrored id leads. */
  readonly onward?: PlantedLeak;
}

/** Visual Genome: image data, regions, questions; about half of its pictures are COCO's or Flickr30K's. */
export function planVisualGenome(
  seed: number,
  count: number,
  sources: VisualGenomeSources,
): WorldPart {
  const plans = planPictures(count, sources);
  let imageId = 0;
  const genome = streamOf(seed, "vg")
    .shuffled(plans)
    .map((plan, index) => {
      const random = streamOf(seed, "vg", index);
      imageId += 1 + random.nextInt(11_000);
      return makePicture(random, { index, imageId }, plan);
    });
  const described = genome.map((entry) => describe(seed, entry));
  return {
    pictures: genome.map(({ picture }) => picture),
    documents: documentsOf(genome, described),
    leaks: genome.flatMap(({ leak }) => leak ?? []),
    texts: described.flatMap(({ regions, questions }) => [
      ...regions.map(({ phrase }) => phrase),
      ...questions.flatMap((question) => [question.text, asWrittenAnswer(question)]),
    ]),
    numTexts: {
      regions: described.reduce((sum, { regions }) => sum + regions.length, 0),
      questions: described.reduce((sum, { questions }) => sum + questions.length, 0),
    },
  };
}

const smaller: Rendering = { kind: "resized", factor: 0.8 };
const larger: Rendering = { kind: "resized", factor: 1.25 };

function planPictures(count: number, sources: VisualGenomeSources): Plan[] {
  const { coco, flickr30k } = sources;
  const steps = sources.stepping.map((onward): Plan => {
    const original = sources.cocoPictures.find(({ key }) => key === onward.train.key);
    return { original, rendering: larger, says: "coco-id", leak: "mirrored-id", onward };
  });
  const planted: Plan[] = [
    { original: coco.take("test"), rendering: larger, says: "coco-id", leak: "same-key" },
    { original: coco.take("test"), rendering: smaller, says: "coco-id", leak: "same-key" },
    { original: coco.take("val"), rendering: larger, says: "coco-id", leak: "same-key" },
    ...[larger, smaller].map((rendering): Plan => ({
      original: flickr30k.take("test"),
      rendering,
      says: "flickr-id",
      leak: "same-flickr-photo",
    })),
    ...steps,
    ...hidden(coco, ["re-encoded", "re-encoded", "cropped", "flipped"]),
    { original: coco.take("test"), rendering: smaller, says: "nothing", leak: "resized" },
    ...hidden(flickr30k, ["re-encoded", "cropped", "flipped"]),
  ];
  const copies = Array.from({ length: Math.floor((count - planted.length) / 2) }, (_, index) =>
    index % 3 === 0 ? harmlessCopy(flickr30k, "flickr-id") : harmlessCopy(coco, "both"),
  );
  const numOwn = count - planted.length - copies.length;
  const own = Array.from({ length: numOwn }, (_, index): Plan => {
    const says = index % 2 === 0 ? "flickr-id" : "nothing";
    return { original: undefined, rendering: { kind: "drawn" }, says };
  });
  return [...planted, ...copies, ...own];
}

// Copies of test pictures that no id gives away.
function hidden(
  pool: PicturePool,
  kinds: readonly ("re-encoded" | "cropped" | "flipped")[],
): Plan[] {
  return kinds.map((kind) => ({
    original: pool.take("test"),
    rendering: { kind },
    says: "nothing",
    leak: kind,
  }));
}

// Training pictures may be in two training sets.
function harmlessCopy(pool: PicturePool, says: Plan["says"]): Plan {
  return { original: pool.take("train"), rendering: larger, says };
}

interface Place {
  readonly index: number;
  readonly imageId: number;
}

function makePicture(random: RandomStream, { index, imageId }: Place, plan: Plan): GenomePicture {
  const { original, rendering, says } = plan;
  const photograph = original?.photograph ?? drawPhotograph(`vg-${index}`, random);
  const folder = index % 3 === 0 ? "VG_100K_2" : "VG_100K";
  const cocoId = original !== undefined && (says === "coco-id" || says === "both");
  const flickrPhotoId = original?.flickrPhotoId ?? newFlickrPhotoId("vg", index);
  const picture: WorldPicture = {
    key: imageKey("vg", imageId),
    dataset: "vg",
    split: "train",
    path: `vg/${folder}/${imageId}.jpg`,
    photograph,
    rendering,
    format: "jpeg",
    view: viewOf(photograph, rendering),
    flickrPhotoId: says === "flickr-id" || says === "both" ? flickrPhotoId : null,
    url: `https://cs.stanford.edu/people/rak248/${folder}/${imageId}.jpg`,
  };
  return {
    picture,
    imageId,
    cocoId: cocoId ? cocoIdOf(original) : null,
    leak: leakOf(picture, plan),
  };
}

function leakOf(picture: WorldPicture, plan: Plan): PlantedLeak | undefined {
  const { original, leak: kind, onward } = plan;
  if (original === undefined || kind === undefined) return undefined;
  return {
    kind,
    train: sideOf(picture),
    eval: onward?.eval ?? sideOf(original),
    chain: [picture.key, ...(onward?.chain ?? [original.key])],
  };
}

interface Region {
  readonly phrase: string;
  readonly box: Box;
}

interface Description {
  readonly regions: readonly Region[];
  readonly questions: readonly Question[];
}

function describe(seed: number, { picture, imageId }: GenomePicture): Description {
  const random = streamOf(seed, "vg", imageId, 1);
  const objects = picture.view.objects.flatMap((object) =>
    random
      .shuffled(regionPhrasesOf(object, picture.view))
      .slice(0, 3)
      .map((phrase) => ({ phrase, box: object.box })),
  );
  const questions = questionsOf(picture.view, random, 4);
  return {
    regions: [...objects, ...relationRegions(picture.view)],
    // Visual Genome asks what, where, how, when, who and why; never yes or no.
    questions: questions.filter(({ answerType }) => answerType !== "yes/no"),
  };
}

function relationRegions(view: View): Region[] {
  const row = rowOf(view);
  if (row === undefined) return [];
  return row.objects.slice(1).flatMap((after, index) => {
    const before = row.objects[index];
    if (before === undefined) return [];
    const { before: relation } = rowWords[row.axis];
    const phrase = `${withArticle(kindOf(before))} ${relation} ${withArticle(kindOf(after))}`;
    return [{ phrase, box: boxAround(before.box, after.box) }];
  });
}

function boxAround(a: Box, b: Box): Box {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  const right = Math.max(a.x + a.width, b.x + b.width);
  const bottom = Math.max(a.y + a.height, b.y + b.height);
  return { x, y, width: right - x, height: bottom - y };
}

function documentsOf(
  genome: readonly GenomePicture[],
  described: readonly Description[],
): WorldDocument[] {
  let regionId = 1381;
  let questionId = 986_767;
  const regions = genome.map(({ imageId: id }, index) => ({
    regions: (described[index]?.regions ?? []).map(({ phrase, box }) => {
      const { x, y, width, height } = box;
      return { region_id: (regionId += 1), width, height, image_id: id, phrase, y, x };
    }),
    id,
  }));
  const questions = genome.map(({ imageId: id }, index) => ({
    id,
    qas: (described[index]?.questions ?? []).map((question) => ({
      a_objects: [],
      question: question.text,
      image_id: id,
      qa_id: (questionId += 1),
      answer: asWrittenAnswer(question),
      q_objects: [],
    })),
  }));
  return [
    { path: "vg/image_data.json", text: JSON.stringify(genome.map(imageRecord)) },
    { path: "vg/region_descriptions.json", text: JSON.stringify(regions) },
    { path: "vg/question_answers.json", text: JSON.stringify(questions) },
  ];
}

function imageRecord({ picture, imageId, cocoId }: GenomePicture): object {
  const { view, url, flickrPhotoId } = picture;
  return {
    width: view.width,
    url,
    height: view.height,
    image_id: imageId,
    coco_id: cocoId,
    flickr_id: flickrPhotoId === null ? null : Number(flickrPhotoId),
  };
}
