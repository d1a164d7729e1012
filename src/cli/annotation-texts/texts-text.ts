import type { SharedTexts } from "../../audit/crosswalk/evaluation-texts.ts";
import { escapeControls } from "../../core/text.ts";
import { comparedTexts, textMatrixTable } from "../auditing/compared-texts.ts";
import { textTable } from "../text-table.ts";
import type { AnnotationAudit } from "../annotation-audit/annotation-report.ts";
import type { LeftOutTexts } from "./annotation-texts.ts";

/** What of the evaluation splits' texts is trained on; nothing where texts were not compared. */
export function textsText({ texts }: AnnotationAudit): readonly string[] {
  if (texts === undefined) return [];
  const { betweenEvaluations, leaks, leftOut, numLeaks, summary, unknown } = texts;
  const found = comparedTexts({ texts: summary, textLeaks: leaks, numTextLeaks: numLeaks });
  const absent = unknown.length === 0 ? [] : [`texts not known here: ${unknown.join(", ")}`];
  return [
    ...found,
    ...leftOutText(leftOut),
    ...sharedText(betweenEvaluations),
    ...absent.map(escapeControls),
  ];
}

function leftOutText(leftOut: LeftOutTexts | undefined): readonly string[] {
  if (leftOut === undefined) return [];
  const { matrix, numLeaks, texts } = leftOut;
  const sentence = `The policy leaves out ${spelled(texts)} more training texts with their pictures, which are not in these numbers; ${spelled(numLeaks)} of them are texts of evaluation pictures.`;
  return matrix.length === 0
    ? [sentence]
    : [sentence, textMatrixTable(matrix, "that would be trained on in")];
}

function sharedText(pairs: readonly SharedTexts[]): readonly string[] {
  if (pairs.length === 0) return [];
  const table = textTable([
    [
      "texts that are evaluated on in",
      "and in",
      "texts",
      "of the same picture",
      "records of the first",
      "of the second",
    ],
    ...pairs.map(({ inOne, inOther, one, other, samePicture, texts }) => [
      one,
      other,
      texts,
      samePicture,
      inOne,
      inOther,
    ]),
  ]);
  return [`texts that two evaluation splits share; none of this is trained on\n${table}`];
}

function spelled(count: number): string {
  return count.toLocaleString("en-US");
}
