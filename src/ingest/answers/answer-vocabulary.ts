import { readFile } from "node:fs/promises";
import { normalisedAnswer } from "../../core/answer-spelling.ts";
import { type AnswerVocabulary, answerVocabulary, frequentAnswers } from "../../core/answers.ts";
import { errnoOf, SourceError } from "../../core/errors.ts";
import { AnnotationReader, findAnnotationFile } from "../annotations/annotation-file.ts";
import { elementPointer, readJsonElements } from "../annotations/json-elements.ts";
import { isObject, wrongField } from "../annotations/record-fields.ts";

/** How many disagreements an error names. */
const EXAMPLES_SHOWN = 5;

/**
 * Reads a published answer vocabulary: from labels to answers (a list, or an object with labels for
 * keys) or from answers to labels. Of two files each must be the other's inverse. What is in a file is
 * told by its content, not by its name. Throws SourceError that names what is wrong and where.
 */
export async function readAnswerVocabulary(
  path: string,
  inversePath?: string,
): Promise<AnswerVocabulary> {
  const vocabulary = await readOne(path);
  if (inversePath !== undefined) {
    requireEqual(
      { path, vocabulary },
      { path: inversePath, vocabulary: await readOne(inversePath) },
    );
  }
  return vocabulary;
}

interface Labelled {
  readonly answer: string;
  readonly label: number;
  /** JSON pointer. */
  readonly place: string;
}

async function readOne(path: string): Promise<AnswerVocabulary> {
  const labelled = Array.from(labelledAnswers(await readJson(path), path));
  const answers: string[] = [];
  const places = new Map<string | number, string>();
  for (const { answer, label, place } of labelled) {
    for (const key of [answer, label]) {
      const first = places.get(key);
      if (first !== undefined) {
        const what = typeof key === "number" ? `label ${key}` : `answer ${JSON.stringify(key)}`;
        throw wrongVocabulary(path, place, `has the ${what} again, which ${first} has`);
      }
      places.set(key, place);
    }
    answers[label] = answer;
  }
  const gap = Array.from(answers, (_, label) => label).find((label) => !places.has(label));
  if (gap !== undefined) throw wrongVocabulary(path, "", `has no answer with the label ${gap}`);
  if (answers.length === 0) throw wrongVocabulary(path, "", "has no answer");
  return answerVocabulary(answers);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    const what =
      errnoOf(error) === undefined ? "is not JSON" : `cannot be read (${errnoOf(error)})`;
    throw new SourceError(`${path}: ${what}`, { file: path, remedy: REMEDY, cause: error });
  }
}

const REMEDY = "name the published file of answers, or build the vocabulary from the annotations";

function* labelledAnswers(document: unknown, path: string): Generator<Labelled> {
  if (!isObject(document) && !Array.isArray(document)) {
    throw wrongVocabulary(path, "", "is neither a list nor an object");
  }
  for (const [key, value] of Object.entries(document)) {
    const place = elementPointer(key, -1);
    // From answers to labels, such as {"net": 1}; else from labels to answers.
    const [answer, label] =
      typeof value === "number" && isObject(document) ? [key, value] : [value, labelOf(key)];
    if (typeof answer !== "string" || !answer.isWellFormed()) {
      throw wrongVocabulary(path, place, wrongField(key, value, "an answer, or its label"));
    }
    if (label === undefined || !isLabel(label)) {
      throw wrongVocabulary(path, place, "gives no whole number from 0 on for a label");
    }
    yield { answer, label, place };
  }
}

function labelOf(key: string): number | undefined {
  return /^(?:0|[1-9]\d{0,5})$/.test(key) ? Number(key) : undefined;
}

// Far more than any published vocabulary has; a larger label is a damaged file.
const MAX_LABEL = 999_999;

function isLabel(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_LABEL;
}

function wrongVocabulary(path: string, record: string, what: string): SourceError {
  const place = record === "" ? path : `${path} ${record}`;
  return new SourceError(`${place}: ${what}`, { file: path, record, remedy: REMEDY });
}

interface ReadVocabulary {
  readonly path: string;
  readonly vocabulary: AnswerVocabulary;
}

function requireEqual(one: ReadVocabulary, other: ReadVocabulary): void {
  const numLabels = Math.max(one.vocabulary.answers.length, other.vocabulary.answers.length);
  const wrong = Array.from({ length: numLabels }, (_, label) => label).filter(
    (label) => one.vocabulary.answers[label] !== other.vocabulary.answers[label],
  );
  if (wrong.length === 0) return;
  const lines = wrong.slice(0, EXAMPLES_SHOWN).map((label) => {
    const [found, expected] = [one, other].map(({ vocabulary }) => named(vocabulary, label));
    return `  label ${label}: ${found} in ${one.path}, ${expected} in ${other.path}`;
  });
  const more = wrong.length > lines.length ? `\n  and ${wrong.length - lines.length} more` : "";
  throw new SourceError(
    `${one.path} and ${other.path} disagree about ${wrong.length} of ${numLabels} labels:\n${lines.join("\n")}${more}`,
    { file: other.path, record: `label ${wrong[0]}`, remedy: "take both files from one release" },
  );
}

function named({ answers }: AnswerVocabulary, label: number): string {
  const answer = answers[label];
  return answer === undefined ? "none" : JSON.stringify(answer);
}

export interface CountAnswersOptions {
  readonly sourceFolder: string;
  /** Annotation files of VQA v2 below the source folder, usually those of train and val. */
  readonly paths: readonly string[];
  /** How often an answer must be a question's own; the usual number is 9. */
  readonly minCount?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds the vocabulary of the bottom-up-attention line: the normalised `multiple_choice_answer`s seen
 * often enough, labelled from the most frequent on (see `frequentAnswers`). The published labels come
 * from the order of a Python dictionary and are not reproduced; the set of answers is.
 * Throws SourceError when a file is missing or damaged, or an annotation has no such answer.
 */
export async function buildAnswerVocabulary(
  options: CountAnswersOptions,
): Promise<AnswerVocabulary> {
  const counts = new Map<string, number>();
  for (const path of options.paths) {
    for await (const answer of questionAnswers(path, options)) {
      const spelled = normalisedAnswer(answer);
      counts.set(spelled, (counts.get(spelled) ?? 0) + 1);
    }
  }
  return frequentAnswers(counts, options.minCount);
}

async function* questionAnswers(
  path: string,
  { sourceFolder, signal }: CountAnswersOptions,
): AsyncGenerator<string> {
  const file = await findAnnotationFile(sourceFolder, path);
  if (file === undefined) {
    const remedy = "put the annotations of VQA v2 there";
    throw new SourceError(`${path}: missing`, { file: path, remedy });
  }
  for await (const elements of readJsonElements(new AnnotationReader(file, signal))) {
    for (const { member, index, value, fault } of elements) {
      if (member !== "annotations" || index < 0) continue;
      const answer = isObject(value) ? value["multiple_choice_answer"] : undefined;
      if (typeof answer === "string") yield answer;
      else {
        const what = fault ?? wrongField("multiple_choice_answer", answer, "a text");
        throw wrongVocabulary(file.path, elementPointer(member, index), what);
      }
    }
  }
}
