import type { ReviewDecisions } from "../../audit/results/decisions.ts";
import type { AuditVerdict } from "../../audit/verdict.ts";
import { readGivenFile } from "../../core/files.ts";

/** Some 300,000 decisions, which no person makes. */
const MAX_BYTES = 2 ** 26;

/** Reads the list of a person's decisions, if one is given. Throws SourceError when there is none, or it is damaged. */
export async function readDecisions(
  path: string | undefined,
): Promise<ReviewDecisions | undefined> {
  if (path === undefined) return undefined;
  const { parseDecisions } = await import("../../audit/results/decisions.ts");
  const bytes = await readGivenFile(
    path,
    "save a list of decisions on the page of crossweave audit … --report FILE.html",
    MAX_BYTES,
  );
  return parseDecisions(bytes.toString("utf8"), path);
}

/** What became of the decisions of a list, in sentences. */
export function decisionNotes(
  { review }: AuditVerdict,
  path: string | undefined,
): readonly string[] {
  if (review === null || path === undefined) return [];
  const { numAllowed, numDenied, numDismissed, numOverruled, numUnmatched } = review;
  const notes: string[] = [];
  if (numAllowed > 0) {
    notes.push(`${count(numAllowed, "pair is", "pairs are")} no leak because ${path} says so`);
  }
  if (numDenied > 0) {
    notes.push(`${count(numDenied, "pair is a leak", "pairs are leaks")} because ${path} says so`);
  }
  if (numDismissed > 0) {
    notes.push(`${count(numDismissed, "suspect is", "suspects are")} none because ${path} says so`);
  }
  if (numOverruled > 0) {
    notes.push(
      `${count(numOverruled, "pair stays a leak", "pairs stay leaks")} although ${path} says otherwise: key, bytes or pixels prove it, or what joins the two joins other pairs as well that the list does not allow`,
    );
  }
  if (numUnmatched > 0) {
    notes.push(
      `${count(numUnmatched, "decision", "decisions")} of ${path} on pictures that are not on their sides here`,
    );
  }
  return notes;
}

function count(number: number, one: string, many: string): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}
