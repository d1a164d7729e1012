import { resultOf, sarifText, textResult } from "../../audit/results/sarif.ts";
import { ruleTexts } from "../../audit/results/rule-texts.ts";
import type { JsonValue } from "../../core/digest.ts";
import type { CellReport, GroupReport } from "../annotation-audit/annotation-report.ts";
import { ruleText } from "../annotation-audit/rule-text.ts";
import type { SummedAudit } from "./result-files.ts";

/**
 * An audit of annotation files as a SARIF 2.1.0 log: a result for each training set that holds pictures of an evaluation
 * split, an error while the policy leaves some of them in and a note where it leaves out all; and the listed texts.
 */
export function annotationSarif({ audit, digest, summary, version }: SummedAudit): string {
  const cells = audit.cells.flatMap((cell) => {
    const [row, column] = [audit.groups[cell.row], audit.groups[cell.column]];
    const isListed = cell.row !== audit.allTraining && column?.role === "evaluation";
    const isOfSides = isListed && (row?.role === "training" || row?.role === "backbone");
    return isOfSides && cell.pictures > 0 ? [{ cell, row, column }] : [];
  });
  const texts = audit.texts?.leaks.map(textResult) ?? [];
  return sarifText([...cells.map(cellResult), ...texts], version, {
    auditDigest: digest,
    outcome: audit.outcome,
    summary,
    policy: audit.policy?.name ?? null,
    textLeaks: audit.texts?.numLeaks ?? null,
  });
}

interface NamedCell {
  readonly cell: CellReport;
  readonly row: GroupReport;
  readonly column: GroupReport;
}

function cellResult({ cell, column, row }: NamedCell): JsonValue {
  const { byRule, chains, isAtLeast, kept, pictures } = cell;
  const { id: rule = "chain" } = ruleTexts.find(({ id }) => id in byRule) ?? {};
  const [chain] = chains;
  const seen = row.role === "backbone" ? "were seen by" : "are trained on in";
  const left = kept === pictures ? "" : `; the policy leaves ${pictures - kept} of them out`;
  const least = isAtLeast ? "at least " : "";
  const shown =
    chain === undefined ? "" : `, such as ${chain.train.picture}, which is ${chain.eval.picture}`;
  const result = resultOf({
    rule,
    message: `${least}${pictures} of the ${column.pictures} pictures of ${column.name} ${seen} ${row.name} (${ruleText(byRule)})${shown}${left}`,
    train: { set: row.name, split: "", sceneKey: "", key: row.name },
    eval: { set: column.name, split: "", sceneKey: "", key: column.name },
    properties: {
      pictures,
      kept,
      atLeast: isAtLeast,
      byRule: { ...byRule },
      chains: chains.map(({ eval: evaluated, steps, train }) => {
        return {
          train: train.picture,
          eval: evaluated.picture,
          steps: steps.map(({ evidence }) => evidence),
        };
      }),
    },
  });
  return kept > 0 ? result : { ...result, level: "note" };
}
