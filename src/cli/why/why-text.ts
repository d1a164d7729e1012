import type { Explanation } from "../../audit/explain-picture.ts";
import type { NearSummary } from "../../audit/findings.ts";
import { recallText } from "../../audit/verdict-text.ts";
import { escapeControls } from "../../core/text.ts";

/** What an explanation rests on. */
export interface Checked {
  /** By "set/split": the digest that names the set; none for annotation files. */
  readonly digests: ReadonlyMap<string, string>;
  /** How near-duplicates were looked for; null when they were not. */
  readonly near: NearSummary | null;
}

const DIGEST_LENGTH = 12;
const PLACES_SHOWN = 8;

/** An explanation as a person reads it: the answer, each step with what shows it, and against what it was checked. */
export function explanationText(explanation: Explanation, checked: Checked): string {
  const lines = [
    `${answerOf(explanation)}.`,
    ...explanation.chains.slice(0, 1).flatMap((chain) => ["", ...stepLines(chain)]),
    ...otherLines(explanation),
    "",
    `${checkedAgainst(explanation, checked)}.`,
  ];
  return lines.map(escapeControls).join("\n");
}

/** The answer in a sentence. */
export function answerOf({
  chains,
  key,
  numEvaluation,
  numTraining,
  outcome,
  seen,
}: Explanation): string {
  const places = seen
    .slice(0, PLACES_SHOWN)
    .map(({ place, role }) => `${roleWords[role]} in ${place}`);
  const more = seen.length > PLACES_SHOWN ? ` and ${seen.length - PLACES_SHOWN} more places` : "";
  const here = `${key} (${places.join("; ")}${more})`;
  if (outcome === "apart") {
    return `${here} is in no evaluation split, and no chain leads from it to a picture that is`;
  }
  if (outcome === "evaluated") {
    const leaks =
      numTraining === 0 ? "no training picture" : countOf(numTraining, "training picture");
    return `${here} is an evaluation picture itself; it is the same as ${leaks}`;
  }
  const [nearest] = chains;
  const target =
    nearest === undefined
      ? ""
      : `${nearest.eval.picture} of ${nearest.eval.set}/${nearest.eval.split}`;
  const others = numEvaluation > 1 ? `, and ${numEvaluation - 1} more of evaluation splits` : "";
  return `${here} is ${target}${others}`;
}

const roleWords = { train: "trained on", eval: "evaluated on", witness: "listed" } as const;

function stepLines({ steps }: Explanation["chains"][number]): string[] {
  return steps.flatMap(({ evidence, from, rule, to }, at) => [
    `${at + 1}. ${from} is ${to}: ${rule}`,
    `   ${evidence}`,
  ]);
}

function otherLines({ chains, numEvaluation }: Explanation): string[] {
  if (chains.length < 2) return [];
  const others = chains.slice(1).map(({ eval: evaluated, steps }) => {
    const rules = steps.map(({ rule }) => rule).join(", then ");
    return `- ${evaluated.picture} of ${evaluated.set}/${evaluated.split} (${rules})`;
  });
  const left = numEvaluation - chains.length;
  return ["", "It is also:", ...others, ...(left > 0 ? [`and ${left} more`] : [])];
}

function checkedAgainst({ sources }: Explanation, { digests, near }: Checked): string {
  const evaluated = sources.filter(({ role }) => role === "eval");
  const others = sources.filter(({ role }) => role !== "eval");
  const numPictures = evaluated.reduce((sum, { pictures }) => sum + pictures, 0);
  const named = evaluated.map(({ set, split }) => {
    const digest = digests.get(`${set}/${split}`);
    return digest === undefined
      ? `${set}/${split}`
      : `${set}/${split} (${digest.slice(0, DIGEST_LENGTH)})`;
  });
  const through = others.map(({ set, split }) => `${set}/${split}`);
  const nearClause =
    near === null
      ? "Near-duplicates were not looked for"
      : `Near-duplicates were looked for (${recallText(near.recall)})`;
  const chains = through.length === 0 ? "" : ` Chains may lead through ${through.join("; ")}.`;
  return `Checked against ${countOf(numPictures, "evaluation picture")} of ${named.join("; ") || "no split"}.${chains} ${nearClause}`;
}

function countOf(number: number, noun: string): string {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}
