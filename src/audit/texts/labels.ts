import type { SceneText } from "../../core/records.ts";

/** What is to be told of a text: its label, or the answer that most people gave; of two, the first by its letters. */
export function labelOf({ answers, label }: Pick<SceneText, "answers" | "label">): string | null {
  if (label !== null) return label;
  const [first, ...others] = answers;
  if (first === undefined) return null;
  return others.reduce((best, next) => {
    if (next.count !== best.count) return next.count > best.count ? next : best;
    return next.answer < best.answer ? next : best;
  }, first).answer;
}
