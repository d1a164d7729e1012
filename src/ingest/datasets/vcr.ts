import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../core/errors.ts";
import { imageKey } from "../../core/keys.ts";
import type { SceneText, TextKind } from "../../core/records.ts";
import { isObject, shapeFault, wrongField } from "../annotations/record-fields.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { readTaggedTokens, textOfTokens } from "../annotations/tagged-tokens.ts";
import { textFault } from "../annotations/text-faults.ts";
import { readDatasetManifest } from "../dataset-manifest.ts";
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
import { PictureFolders } from "../pictures/picture-folders.ts";
import { wantedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";

/**
 * VCR: questions about a frame of a film, each with four answers and four rationales. A record gives
 * two texts with its id:
 *
 * - kind "question": the question; the choices are the answers;
 * - kind "rationale": the question once more; the choices are the rationales, and the context is
 *   the question and its right answer, which is what a rationale is judged against. The test file does
 *   not say the right answer: there the context is null, and so are the labels.
 *
 * The label is the position of the right choice, from 0. See `textOfTokens` for how objects are
 * named in the texts. The boxes of the objects are not kept: a text has one box, a question means
 * many objects, and the JSON beside each picture (`metadata_fn`), which has them, is not read.
 *
 * The evaluation files are read first, so that a frame in two files is of the evaluation, and the
 * training records about it are quarantined unless a recipe puts both into one split.
 */
export const vcr: Source = { dataset: "vcr", plan };

async function plan(options: SourceOptions): Promise<SourcePlan> {
  return planDataset(await readVcr(options), options);
}

const parts = ["val", "test", "train"] as const;
type Part = (typeof parts)[number];

const NUM_CHOICES = 4;
const PICTURES = "vcr/vcr1images";

async function readVcr(options: SourceOptions): Promise<DatasetReading> {
  const { folder, splits, textKinds, annotationsOnly } = options;
  const manifest = await readDatasetManifest(vcr.dataset);
  wantedSplit(manifest.splits, options);
  const there = await filesThere(folder, parts.map(fileOf));
  if (there.length === 0) throw noFileOf(manifest, folder);
  const taken = parts.filter((part) => splits.some((split) => split.parts.includes(part)));
  const films = annotationsOnly ? [] : await listFilms(join(folder, PICTURES));
  return {
    manifest,
    files: parts
      .filter((part) => there.includes(fileOf(part)))
      .map((part) => readingOf(part, textKinds)),
    pictures: await PictureFolders.list(folder, films, frameOfName),
    absentFiles: taken.map(fileOf).filter((path) => !there.includes(path)),
  };
}

function fileOf(part: Part): string {
  return `vcr/${part}.jsonl`;
}

function readingOf(part: Part, textKinds: readonly TextKind[] | undefined): FileReading {
  const examine = (entry: Entry): Examined => examineQuestion(entry, part, textKinds);
  return {
    path: fileOf(part),
    format: "json-lines",
    lists: { "": { kind: "question", examine } },
  };
}

/** The folders of the films' frames, of which there are some two thousand. */
async function listFilms(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const films = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
    return films.map(({ name }) => `${PICTURES}/${name}`).toSorted();
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
    throw error;
  }
}

function frameOfName(fileName: string): string | undefined {
  return /^(.+)\.jpg$/.exec(fileName)?.[1];
}

/** A line of a file. Texts of other kinds than `textKinds` are checked and not given. */
function examineQuestion(
  { value }: Entry,
  part: Part,
  textKinds: readonly TextKind[] = ["question", "rationale"],
): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const { annot_id: id, img_fn: imageName } = value;
  if (typeof id !== "string" || !/^[a-z]+-\d+$/.test(id)) {
    return shapeFault(wrongField("annot_id", id, `an id such as "${part}-17"`));
  }
  if (!id.startsWith(`${part}-`)) {
    return { fault: "ANN_CONFLICT", evidence: `its annot_id ${id} is not of ${part}`, id };
  }
  const frame = typeof imageName === "string" ? frameOf(imageName) : undefined;
  if (frame === undefined) {
    return shapeFault(wrongField("img_fn", imageName, "<film>/<frame>.jpg"), id);
  }
  const read = readTexts(value, id, part);
  if ("fault" in read) return { ...read, id };
  const texts = read.texts.filter(({ kind }) => textKinds.includes(kind));
  return {
    id,
    sceneId: `${frame.film}/${frame.name}`,
    describe: () => describeFrame(frame, part),
    texts: () => texts,
    numTexts: texts.length,
  };
}

interface Frame {
  readonly film: string;
  readonly name: string;
}

function frameOf(imageName: string): Frame | undefined {
  const { film, name } = /^(?<film>[^/\\]+)\/(?<name>[^/\\]+)\.jpg$/.exec(imageName)?.groups ?? {};
  const isBelow = film !== "." && film !== "..";
  return film === undefined || name === undefined || !isBelow ? undefined : { film, name };
}

function describeFrame({ film, name }: Frame, part: Part): SceneDescription {
  const key = imageKey("vcr", `${film}/${name}`);
  const folder = `${PICTURES}/${film}`;
  const unknown = { url: null, flickrPhotoId: null, license: null, linkedKeys: [] };
  return {
    sceneKey: key,
    part: { part, evidence: fileOf(part) },
    pictures: [{ key, name, folder, ...unknown }],
  };
}

type Fields = Readonly<Record<string, unknown>>;

function readTexts(
  fields: Fields,
  id: string,
  part: Part,
): { readonly texts: readonly SceneText[] } | RecordFault {
  const { objects } = fields;
  if (!isTextList(objects)) return shapeFault(wrongField("objects", objects, "a list of names"));
  const question = sentenceOf(fields["question"], objects, "question");
  if (typeof question !== "string") return question;
  const answers = choicesOf(fields, "answer", { objects, part });
  if ("fault" in answers) return answers;
  const rationales = choicesOf(fields, "rationale", { objects, part });
  if ("fault" in rationales) return rationales;
  const answer = answers.label === null ? undefined : answers.choices[Number(answers.label)];
  const context = answer === undefined ? null : `${question} ${answer}`;
  return {
    texts: [
      sceneText({ id, kind: "question", text: question, ...answers }),
      sceneText({ id, kind: "rationale", text: question, ...rationales, context }),
    ],
  };
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function sentenceOf(value: unknown, objects: readonly string[], at: string): string | RecordFault {
  const read = readTaggedTokens(value, objects.length);
  if ("wrong" in read) return shapeFault(`/${at}${read.at} ${read.wrong}`);
  const text = textOfTokens(read.tokens, objects);
  const fault = textFault(text);
  return fault === undefined ? text : { ...fault, evidence: `/${at}: ${fault.evidence}` };
}

function choicesOf(
  fields: Fields,
  name: "answer" | "rationale",
  { objects, part }: { readonly objects: readonly string[]; readonly part: Part },
): Pick<SceneText, "choices" | "label"> | RecordFault {
  const member = `${name}_choices`;
  const list = fields[member];
  if (!Array.isArray(list) || list.length !== NUM_CHOICES) {
    return shapeFault(wrongField(member, list, `${NUM_CHOICES} lists of tokens`));
  }
  const choices: string[] = [];
  for (const [index, tokens] of list.entries()) {
    const choice = sentenceOf(tokens, objects, `${member}/${index}`);
    if (typeof choice !== "string") return choice;
    choices.push(choice);
  }
  const label = fields[`${name}_label`];
  if (label === undefined && part === "test") return { choices, label: null };
  const isChoice = typeof label === "number" && Number.isInteger(label) && label in choices;
  return isChoice
    ? { choices, label: String(label) }
    : shapeFault(wrongField(`${name}_label`, label, `a whole number from 0 to ${NUM_CHOICES - 1}`));
}
