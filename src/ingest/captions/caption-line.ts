import { closest } from "fastest-levenshtein";
import { z } from "zod";
import { type ImageKey, isImageKey } from "../../core/keys.ts";
import type { AnswerCount, SceneText } from "../../core/records.ts";
import { isObject, recordId, shapeFault, wrongField } from "../annotations/record-fields.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { textFault } from "../annotations/text-faults.ts";
import type { RecordFault } from "../joining/dataset-reading.ts";
import { pathFault } from "./picture-path.ts";

const captionParts = ["train", "val", "test"] as const;

/** What a line says of its picture. */
export interface CaptionedPicture {
  /** Path below the folder of the file. */
  readonly path: string;
  /** Undefined where the line gives none. */
  readonly key: ImageKey | undefined;
  readonly url: string | null;
  /** COCO's id of the same picture. */
  readonly cocoId: string | null;
  readonly license: string | null;
}

/** A line of captions.jsonl. */
export interface CaptionLine {
  /** "" where the line gives none. */
  readonly id: string;
  readonly part: (typeof captionParts)[number];
  readonly picture: CaptionedPicture;
  /** Its texts with ids made of the given one: itself for one text, with "-1", "-2" … behind it for several. */
  texts(id: string): readonly SceneText[];
}

const labels = ["entailment", "neutral", "contradiction"] as const;
const MAX_NAME_CHARACTERS = 2048;
/** How many characters of a wrong value, and how many faults of a line, are told. */
const MAX_SHOWN = 80;
const MAX_FAULTS_TOLD = 5;

const name = z
  .string()
  .min(1)
  .max(MAX_NAME_CHARACTERS)
  .refine((text) => text.isWellFormed());
const sentence = z.string().check(({ value, issues }) => {
  const found = textFault(value);
  if (found === undefined) return;
  const { fault, evidence: message } = found;
  issues.push({ code: "custom", message, params: { fault }, input: value });
});
const path = z.string().check(({ value, issues }) => {
  const found = pathFault(value);
  if (found === undefined) return;
  const message = `${JSON.stringify(value.slice(0, MAX_SHOWN))} ${found}`;
  issues.push({ code: "custom", message, params: { fault: "ANN_PATH" }, input: value });
});
const from0 = z.number().nonnegative();
const above0 = z.number().positive();

const lineSchema = z
  .strictObject({
    picture: path,
    text: sentence.optional(),
    texts: z.array(sentence).min(1).optional(),
    question: sentence.optional(),
    answers: z.array(sentence).min(1).optional(),
    hypothesis: sentence.optional(),
    premise: sentence.optional(),
    label: z.enum(labels).optional(),
    expression: sentence.optional(),
    box: z.tuple([from0, from0, above0, above0]).optional(),
    id: z.union([name, z.int().nonnegative().transform(String)]).optional(),
    split: z.enum(captionParts).default("train"),
    key: name.refine(isGivenKey).optional(),
    url: name.refine(isWebAddress).optional(),
    coco_id: z
      .union([z.string(), z.number()])
      .refine((value) => recordId(value) !== undefined)
      .optional(),
    licence: name.optional(),
  })
  .check(({ value, issues }) => {
    for (const message of contradictionsOf(value)) {
      issues.push({ code: "custom", message, input: value });
    }
  });

type Members = z.output<typeof lineSchema>;

/** What each member is to be, for whoever has to mend a line. */
const expectations: Readonly<Record<keyof Members, string>> = {
  picture: "the path of a picture below the folder of captions.jsonl, such as pictures/17.jpg",
  text: "a text",
  texts: "a list of texts",
  question: "a text",
  answers: "a list of texts, one for each person who answered",
  hypothesis: "a text",
  premise: "a text",
  label: labels.join(", "),
  expression: "a text",
  box: "[x, y, width, height] from 0 on, with a width and height above 0",
  id: "a text or a whole number from 0 on",
  split: captionParts.join(", "),
  key: 'a key such as "coco:391895", or "own:" and a name without a slash',
  url: "an http or https address",
  coco_id: "COCO's number of the picture",
  licence: "a text",
};

const memberNames: readonly string[] = Object.keys(expectations);

function isMemberName(text: string): text is keyof Members {
  return memberNames.includes(text);
}

/** Collections that number their pictures. A number has one spelling, so that "coco:000042" is not another picture. */
const NUMBERED = /^(?:coco|vg|flickr30k):/;
const PLAIN_NUMBER = /:(?:0|[1-9]\d*)$/;

// Keys that are made of a path have a slash, so that no given one can be equal to one of them.
function isGivenKey(text: string): text is ImageKey {
  if (!isImageKey(text) || text.startsWith("hidden:")) return false;
  if (text.startsWith("own:")) return !text.includes("/");
  return !NUMBERED.test(text) || PLAIN_NUMBER.test(text);
}

function isWebAddress(text: string): boolean {
  return /^https?:\/\/./i.test(text) && URL.canParse(text);
}

/** Members that say what a line is about; it has one of them. */
const contents = ["text", "texts", "question", "hypothesis", "expression"] as const;

/** Members that say more of a content, and of which contents. */
const companions = {
  answers: ["question"],
  premise: ["hypothesis"],
  label: ["hypothesis"],
  box: ["text", "texts", "expression"],
} as const satisfies Partial<Record<keyof Members, readonly (typeof contents)[number][]>>;

function contradictionsOf(line: Members): string[] {
  const told = contents.filter((content) => line[content] !== undefined);
  const [content] = told;
  if (content === undefined || told.length > 1) {
    const found = told.length === 0 ? "none" : told.join(" and ");
    return [`has ${found} of ${contents.join(", ")}; expected one of them`];
  }
  const strays = Object.entries(companions)
    .filter(([member, of]) => isTold(line, member) && !of.some((one) => one === content))
    .map(([member, of]) => `/${member} stands beside ${content}; it belongs to ${of.join(", ")}`);
  const lacking = neededBy(line, content);
  return lacking === undefined
    ? strays
    : [...strays, wrongField(lacking, undefined, expectations[lacking])];
}

function isTold(line: Members, member: string): boolean {
  return isMemberName(member) && line[member] !== undefined;
}

// A test set may keep its answers and labels to itself; where they are trained on, one that is missing is a fault.
function neededBy(
  { answers, box, label, split }: Members,
  content: (typeof contents)[number],
): keyof Members | undefined {
  if (content === "expression") return box === undefined ? "box" : undefined;
  if (split === "test") return undefined;
  if (content === "question") return answers === undefined ? "answers" : undefined;
  return content === "hypothesis" && label === undefined ? "label" : undefined;
}

/**
 * What a line of captions.jsonl says, or what is wrong with it: all faults at once, each with the member that has it.
 * A member that is null is as one that is left out, as tables are mostly written.
 */
export function readCaptionLine(value: unknown): CaptionLine | RecordFault {
  if (!isObject(value)) return shapeFault("is no object");
  const told = withoutNulls(value);
  const parsed = lineSchema.safeParse(told);
  if (!parsed.success) return faultOf(parsed.error.issues, told);
  const { id = "", key, licence, picture, split, url, coco_id: cocoId } = parsed.data;
  return {
    id,
    part: split,
    picture: {
      path: picture,
      key,
      url: url ?? null,
      cocoId: recordId(cocoId) ?? null,
      license: licence ?? null,
    },
    texts: (textId) => textsOf(parsed.data, textId),
  };
}

type Told = Readonly<Record<string, unknown>>;

function withoutNulls(line: Told): Told {
  if (!Object.values(line).includes(null)) return line;
  return Object.fromEntries(Object.entries(line).filter(([, value]) => value !== null));
}

function faultOf(issues: readonly z.core.$ZodIssue[], line: Told): RecordFault {
  const codes = issues.flatMap((issue) =>
    issue.code === "custom" ? [issue.params?.["fault"]] : [],
  );
  const code = codes.find((one) => typeof one === "string");
  const isBox = issues.every(({ path: [member] }) => member === "box");
  const id = lineSchema.shape.id.safeParse(line["id"]).data;
  return {
    fault: code ?? (isBox ? "ANN_BOX" : "ANN_SHAPE"),
    evidence: toldOf(new Set(issues.flatMap((issue) => evidenceOf(issue, line)))),
    ...(id === undefined ? {} : { id }),
  };
}

function toldOf(faults: ReadonlySet<string>): string {
  const numMore = faults.size - MAX_FAULTS_TOLD;
  const more = numMore > 0 ? [`and ${numMore} more`] : [];
  return [...Array.from(faults).slice(0, MAX_FAULTS_TOLD), ...more].join("; ");
}

function evidenceOf(issue: z.core.$ZodIssue, line: Told): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const shown = key.slice(0, MAX_SHOWN);
      return `/${shown} is no member of a line; the nearest is ${closest(shown, [...memberNames])}`;
    });
  }
  const [member = "", ...inside] = issue.path.map(String);
  // Refinements that say no more than that the member is wrong have no code of their own.
  if (issue.code === "custom" && (member === "" || issue.params !== undefined)) {
    return [member === "" ? issue.message : `/${[member, ...inside].join("/")}: ${issue.message}`];
  }
  const expected = isMemberName(member) ? expectations[member] : "";
  return [wrongField(member, line[member], expected)];
}

function textsOf(line: Members, id: string): readonly SceneText[] {
  const { answers = [], box, expression, hypothesis, label = null, premise = null } = line;
  const given = box === undefined ? null : boxOf(box);
  if (line.question !== undefined) {
    const counted = countAnswers(answers);
    return [sceneText({ id, kind: "question", text: line.question, answers: counted })];
  }
  if (hypothesis !== undefined) {
    return [sceneText({ id, kind: "hypothesis", text: hypothesis, label, context: premise })];
  }
  if (expression !== undefined) {
    return [sceneText({ id, kind: "expression", text: expression, box: given })];
  }
  const kind = given === null ? "caption" : "region-description";
  const { text, texts = [] } = line;
  if (text !== undefined) return [sceneText({ id, kind, text, box: given })];
  return texts.map((one, index) =>
    sceneText({ id: `${id}-${index + 1}`, kind, text: one, box: given }),
  );
}

function boxOf([x, y, width, height]: NonNullable<Members["box"]>): SceneText["box"] {
  return { x, y, width, height };
}

/** How many people gave each answer, in the order in which answers are first given. */
function countAnswers(answers: readonly string[]): readonly AnswerCount[] {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return Array.from(counts, ([answer, count]) => ({ answer, count }));
}
