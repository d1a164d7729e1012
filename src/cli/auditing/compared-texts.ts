import type { AuditVerdict } from "../../audit/verdict.ts";
import type { TextLeak, TextPlace } from "../../audit/findings.ts";
import { escapeControls } from "../../core/text.ts";
import { textTable } from "../text-table.ts";

const MAX_LISTED = 10;
const MAX_TEXT_LENGTH = 60;

/** What an audit found of texts as a person reads it: how many were compared, what is shared where, and the first leaks. */
export function comparedTexts({
  numTextLeaks,
  textLeaks,
  texts,
}: Pick<AuditVerdict, "numTextLeaks" | "textLeaks" | "texts">): readonly string[] {
  if (texts === null) return ["Texts were not compared."];
  const { compared, matrix, method, withoutWords, yields } = texts;
  const lacking = withoutWords.train + withoutWords.eval;
  const empty = lacking === 0 ? "" : `; ${spelled(lacking)} have no words`;
  const sizes = `${spelled(compared.train)} training and ${spelled(compared.eval)} evaluation texts`;
  const sentence = `Texts: ${method}. ${sizes} were compared${empty}; ${spelled(numTextLeaks)} training texts are texts of evaluation pictures.`;
  const parts = [escapeControls(sentence)];
  if (yields.every(({ trainTexts }) => trainTexts === 0)) return parts;
  parts.push(
    textTable([
      ["training texts that are evaluation texts", "texts", "with the same label"],
      ...yields.map(({ rule, sameLabel, trainTexts }) => [nameOf[rule], trainTexts, sameLabel]),
    ]),
    textMatrixTable(matrix),
  );
  if (textLeaks.length > 0) parts.push(leakTable(textLeaks, numTextLeaks));
  return parts;
}

const nameOf = {
  "same-pair-id": "the same published record",
  "same-text-and-picture": "the same text and picture",
  "same-text": "the same text, another picture (no leak by itself)",
  "near-text": "nearly the same text (no leak by itself)",
} as const;

/** What training splits know of evaluation splits' texts. */
export function textMatrixTable(
  matrix: NonNullable<AuditVerdict["texts"]>["matrix"],
  relation = "that are trained on in",
): string {
  return textTable([
    [
      "texts of",
      relation,
      "same record",
      "same picture",
      "with the label",
      "another picture",
      "nearly the same",
    ],
    ...matrix.map((cell) => [
      cell.eval,
      cell.train,
      cell.sameRecord,
      cell.samePicture,
      cell.withLabel,
      cell.sameText,
      cell.nearText,
    ]),
  ]);
}

function leakTable(leaks: readonly TextLeak[], numLeaks: number): string {
  const table = textTable([
    ["text leak", "training text", "evaluation text", "label", "text"],
    ...leaks
      .slice(0, MAX_LISTED)
      .map((leak) => [
        leak.rule,
        placeText(leak.train),
        placeText(leak.eval),
        labelText(leak),
        escapeControls(shortened(leak.train.text)),
      ]),
  ]);
  return numLeaks <= MAX_LISTED
    ? table
    : `${table}\nthe first ${MAX_LISTED}; ${spelled(numLeaks)} training texts in all`;
}

function placeText({ set, split, textId }: TextPlace): string {
  return escapeControls(`${textId} (${split === "" ? set : `${set}/${split}`})`);
}

function labelText({ eval: evaluated, sameLabel, train }: TextLeak): string {
  if (sameLabel === null) return "";
  const labels = sameLabel ? (train.label ?? "") : `${train.label ?? ""}, ${evaluated.label ?? ""}`;
  return escapeControls(shortened(labels));
}

function shortened(text: string): string {
  const letters = Array.from(text);
  return letters.length <= MAX_TEXT_LENGTH
    ? text
    : `${letters.slice(0, MAX_TEXT_LENGTH - 1).join("")}…`;
}

function spelled(count: number): string {
  return count.toLocaleString("en-US");
}
