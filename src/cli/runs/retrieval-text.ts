import type { Recall } from "../../eval/retrieval-ranks.ts";
import { styled } from "../terminal/text-style.ts";
import { textTable } from "../text-table.ts";
import type { RunRetrieval } from "./retrieval.ts";

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** What `eval retrieval` prints: both directions with their chance levels and what was searched. */
export function retrievalText(evaluated: RunRetrieval): string {
  const { retrieval, matching, set, split, step, record } = evaluated;
  const { metrics } = retrieval;
  const fitting =
    split.role === "train" ? "; it was trained on, so this is fitting, not generalisation" : "";
  const rows = [
    ["direction", "queries", "candidates", "R@1", "R@5", "R@10"],
    ["text to picture", metrics.numTexts, metrics.numPictures, ...recalls(metrics.textToPicture)],
    ["  chance", "", "", ...recalls(metrics.chance.textToPicture)],
    ["picture to text", metrics.numPictures, metrics.numTexts, ...recalls(metrics.pictureToText)],
    ["  chance", "", "", ...recalls(metrics.chance.pictureToText)],
  ];
  return [
    `${styled("bold", "retrieval")} of ${record.recipe.name}, step ${step}, on ${set.name}/${split.name} (${split.role}${fitting})`,
    `set ${set.digest}`,
    ...(record.audit.clean ? [] : [notProven(record.audit.digest)]),
    "",
    textTable(rows),
    "",
    `ties count by their expectation; ${metrics.numTiedQueries} of ${metrics.numTexts + metrics.numPictures} queries had one`,
    `image-text matching: ${percent(matching.accuracy)} of ${matching.numPairs} pairs right (chance ${percent(matching.chance)})`,
    `${Math.round(retrieval.pairsPerSecond).toLocaleString("en-US")} pairs/s`,
  ].join("\n");
}

function notProven(auditDigest: string): string {
  return `the run's training sets were not proven free of leaks (audit ${auditDigest.slice(0, 12)})`;
}

function recalls({ at1, at5, at10 }: Recall): string[] {
  return [percent(at1), percent(at5), percent(at10)];
}

/** The numbers of an evaluation as plain data, for `--json` and the results file. */
export function retrievalJson(evaluated: RunRetrieval): Record<string, unknown> {
  const { retrieval, matching, set, split, step, seed, record } = evaluated;
  return {
    metric:
      "R@k, Karpathy protocol: any of a picture's texts counts; expected value over tied orders",
    run: record.digest,
    audit: record.audit,
    recipe: record.recipe.name,
    step,
    seed,
    set,
    split,
    ...retrieval.metrics,
    matching,
  };
}
