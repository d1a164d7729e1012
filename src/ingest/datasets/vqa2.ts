import { SourceError } from "../../core/errors.ts";
import { imageKey } from "../../core/keys.ts";
import type { AnswerCount, SceneText } from "../../core/records.ts";
import {
  ID_EXPECTED,
  isObject,
  recordId,
  shapeFault,
  wrongField,
} from "../annotations/record-fields.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { textFault } from "../annotations/text-faults.ts";
import { type DatasetManifest, readDatasetManifest } from "../dataset-manifest.ts";
import type {
  DatasetReading,
  Entry,
  Examined,
  FileReading,
  RecordFault,
  SceneDescription,
} from "../joining/dataset-reading.ts";
import { planDataset } from "../joining/plan-dataset.ts";
import { filesThere, noFileOf } from "../official-files.ts";
import { wantedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";
import { listCocoPictures } from "./coco-pictures.ts";

/**
 * VQA v2: questions about COCO's pictures, with ten people's answers for train and val. The parts of
 * its split are its files. Test-dev is a part of test: it is a split of its own ("test-dev"), and beside
 * test its questions are known already.
 */
export const vqa2: Source = { dataset: "vqa2", plan };

async function plan(options: SourceOptions): Promise<SourcePlan> {
  return planDataset(await readVqa2(options), options);
}

/** The questions of one part, and what answers them. */
interface Subset {
  readonly part: string;
  readonly questions: string;
  /** The file of annotations; test has none. */
  readonly annotations: string | undefined;
  /** COCO's name for the pictures: "train2014". */
  readonly pictures: string;
}

function subsetOf(part: string, pictures: string, name: string = pictures): Subset {
  const isAnswered = part === "train" || part === "val";
  return {
    part,
    questions: `vqa2/v2_OpenEnded_mscoco_${name}_questions.json`,
    annotations: isAnswered ? `vqa2/v2_mscoco_${name}_annotations.json` : undefined,
    pictures,
  };
}

const testDev = subsetOf("test-dev", "test2015", "test-dev2015");
const officialTest = subsetOf("test", "test2015");
const officialSubsets: readonly Subset[] = [
  subsetOf("train", "train2014"),
  subsetOf("val", "val2014"),
  officialTest,
  testDev,
];

async function readVqa2(options: SourceOptions): Promise<DatasetReading> {
  const { folder, publishedSplit } = options;
  const manifest = await readDatasetManifest(vqa2.dataset);
  wantedSplit(manifest.splits, options); // throws for a name that is none
  const known = publishedSplit === testDev.part ? [testDev] : officialSubsets;
  const there = new Set(await filesThere(folder, known.flatMap(pathsOf)));
  const subsets =
    options.picturesOnly === true && there.has(officialTest.questions)
      ? known.filter((subset) => subset !== testDev) // its pictures are pictures of test
      : known;
  if (there.size === 0) throw noFileOf(manifest, folder);
  const absentFiles = subsets
    .filter((subset) => isTaken(subset, options))
    .flatMap(pathsOf)
    .filter((path) => !there.has(path));
  if (options.picturesOnly !== true) requirePairs({ subsets, there, absentFiles }, manifest);
  return {
    manifest,
    files: subsets.flatMap((subset) => fileReadings(subset, there, options)),
    pictures: await listCocoPictures(folder),
    absentFiles,
  };
}

function pathsOf({ questions, annotations }: Subset): string[] {
  return annotations === undefined ? [questions] : [questions, annotations];
}

// Whoever takes everything has test-dev's questions with those of test.
function isTaken({ part }: Subset, { splits, publishedSplit }: SourceOptions): boolean {
  return splits.some(({ parts }) =>
    parts === "everything"
      ? part !== testDev.part || publishedSplit === part
      : parts.includes(part),
  );
}

interface Found {
  readonly subsets: readonly Subset[];
  readonly there: ReadonlySet<string>;
  /** Of the parts that are taken. */
  readonly absentFiles: readonly string[];
}

/** Questions without the file of their annotations would all be faulty, and annotations of nothing as well. */
function requirePairs({ subsets, there, absentFiles }: Found, manifest: DatasetManifest): void {
  for (const subset of subsets) {
    const paths = pathsOf(subset);
    const present = paths.find((path) => there.has(path));
    const absent = paths.find((path) => absentFiles.includes(path));
    if (present === undefined || absent === undefined) continue;
    const files = manifest.releases.flatMap((release) => release.files);
    const offered = files.find(({ path }) => path === absent)?.offeredAt;
    throw new SourceError(`${absent}: missing, while ${present} is there`, {
      file: absent,
      remedy: `put it there (.gz and .zip are read as well); it is offered at ${offered}`,
    });
  }
}

function fileReadings(
  subset: Subset,
  there: ReadonlySet<string>,
  { textKinds, picturesOnly }: SourceOptions,
): FileReading[] {
  const questions = subset.questions;
  // Annotations say nothing of pictures.
  const annotations = picturesOnly === true ? "" : (subset.annotations ?? "");
  const takesTexts = textKinds?.includes("question") ?? true;
  const needs = there.has(annotations) ? { needs: "annotation" } : {};
  const examine = (entry: Entry): Examined => examineQuestion(entry, subset, takesTexts);
  const asked: FileReading = {
    path: questions,
    format: "json",
    lists: { questions: { kind: "question", digestsIds: true, ...needs, examine } },
  };
  const answered: FileReading = {
    path: annotations,
    format: "json",
    lists: {
      annotations: { kind: "annotation", joins: "question", examine: examineAnnotation },
    },
  };
  return [asked, answered].filter(({ path }) => there.has(path));
}

function examineQuestion(entry: Entry, subset: Subset, takesTexts: boolean): Examined {
  const { value, index } = entry;
  if (!isObject(value)) return shapeFault("is no object");
  const id = recordId(value["question_id"]);
  const imageId = recordId(value["image_id"]);
  const text = value["question"];
  if (id === undefined) {
    return shapeFault(wrongField("question_id", value["question_id"], ID_EXPECTED));
  }
  if (imageId === undefined) {
    return shapeFault(wrongField("image_id", value["image_id"], ID_EXPECTED), id);
  }
  if (typeof text !== "string") return shapeFault(wrongField("question", text, "a text"), id);
  const fault = textFault(text);
  if (fault !== undefined) return { ...fault, evidence: `/question: ${fault.evidence}`, id };
  const texts = (): SceneText[] => [sceneText({ id, kind: "question", text })];
  return {
    id,
    sceneId: imageId,
    joinKey: id,
    describe: () => describeScene(imageId, index, subset),
    ...(takesTexts ? { texts } : {}),
  };
}

function describeScene(
  imageId: string,
  index: number,
  { part, pictures, questions }: Subset,
): SceneDescription {
  const key = imageKey("coco", imageId);
  const picture = {
    key,
    name: `COCO_${pictures}_${imageId.padStart(12, "0")}.jpg`,
    folder: `coco/${pictures}`,
    url: null,
    flickrPhotoId: null,
    license: null,
    linkedKeys: [],
  };
  const evidence = `${questions}#/questions/${index}`;
  return { sceneKey: key, part: { part, evidence }, pictures: [picture] };
}

/** The official accuracy, and with it the soft targets, are defined for ten answers. */
const NUM_ANSWERS = 10;

/**
 * Ten answers, each with an `answer_id` of its own, which the official evaluation tells them apart by;
 * their `answer_confidence` is used nowhere. An annotation may lack `image_id`, which the question says,
 * and `multiple_choice_answer`, which OK-VQA never has: the label is null then. An answer, and this one
 * too, may be the empty string: it is one of the 3,129.
 */
function examineAnnotation({ value }: Entry): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const { question_id: questionId, image_id: imageId, answers: given } = value;
  const id = recordId(questionId);
  if (id === undefined) return shapeFault(wrongField("question_id", questionId, ID_EXPECTED));
  const sceneId = imageId === undefined ? null : recordId(imageId);
  if (sceneId === undefined) return shapeFault(wrongField("image_id", imageId, ID_EXPECTED), id);
  const { multiple_choice_answer: answer } = value;
  const label = answer === undefined ? null : readAnswer(answer, "multiple_choice_answer");
  if (label !== null && typeof label !== "string") return { ...label, id };
  const answers = countAnswers(given);
  if ("fault" in answers) return { ...answers, id };
  return { id, sceneId, joinKey: id, adds: () => ({ label, answers }) };
}

/** How many of the ten gave each answer, in the order in which answers are first given. */
function countAnswers(given: unknown): readonly AnswerCount[] | RecordFault {
  if (!Array.isArray(given)) return shapeFault(wrongField("answers", given, "a list"));
  if (given.length !== NUM_ANSWERS) {
    return shapeFault(`/answers has ${given.length} answers; expected ${NUM_ANSWERS}`);
  }
  const counts = new Map<string, number>();
  const placeOfId = new Map<string, string>();
  for (const [index, item] of given.entries()) {
    const at = `answers/${index}`;
    if (!isObject(item)) return shapeFault(wrongField(at, item, "an object"));
    const answer = readAnswer(item["answer"], `${at}/answer`);
    if (typeof answer !== "string") return answer;
    const id = recordId(item["answer_id"]);
    if (id === undefined) {
      return shapeFault(wrongField(`${at}/answer_id`, item["answer_id"], ID_EXPECTED));
    }
    const first = placeOfId.get(id);
    if (first !== undefined) return conflict(`/${at}/answer_id is ${id}, which /${first} has too`);
    placeOfId.set(id, at);
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  return Array.from(counts, ([answer, count]) => ({ answer, count }));
}

function readAnswer(answer: unknown, at: string): string | RecordFault {
  if (typeof answer !== "string") return shapeFault(wrongField(at, answer, "a text"));
  const fault = answer.trim() === "" ? undefined : textFault(answer);
  if (fault === undefined) return answer;
  return { fault: fault.fault, evidence: `/${at}: ${fault.evidence}` };
}

function conflict(evidence: string): RecordFault {
  return { fault: "ANN_CONFLICT", evidence };
}
