import {
  escaped,
  junitText,
  properties,
  type Suite,
  uncheckedSuite,
} from "../../audit/results/junit.ts";
import type { AnnotationAudit, GroupReport } from "../annotation-audit/annotation-report.ts";
import { ruleText } from "../annotation-audit/rule-text.ts";
import type { SummedAudit } from "./result-files.ts";

/**
 * An audit of annotation files as JUnit XML: a suite for each evaluation split, in it a case for each training set and each
 * backbone, which fails while pictures of the split are left in it. What no file tells is skipped, and never passes.
 */
export function annotationJunit({ audit, digest, summary }: SummedAudit): string {
  if (audit.outcome === "unchecked") return junitText([uncheckedSuite({ digest }, summary)]);
  const evaluated = audit.evaluations.flatMap((number) => audit.groups[number] ?? []);
  return junitText(evaluated.map((column) => suiteOf(column, audit, digest)));
}

interface Case {
  readonly outcome: "passed" | "failed" | "skipped";
  readonly text: string;
}

function suiteOf(column: GroupReport, audit: AnnotationAudit, auditDigest: string): Suite {
  const seen = [...audit.training, ...audit.backbones.flatMap(({ groups }) => groups)];
  const cases = seen
    .flatMap((number) => audit.groups[number] ?? [])
    .map((row) => caseOf(row, column, audit));
  const count = (outcome: Case["outcome"]): number =>
    cases.filter((one) => one.outcome === outcome).length;
  const [failures, skipped] = [count("failed"), count("skipped")];
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}"`;
  const text = [
    `  <testsuite name="${escaped(column.name)}" ${counts} time="0">`,
    properties({ auditDigest, pictures: column.pictures }),
    ...cases.map((one) => one.text),
    "  </testsuite>",
  ].join("\n");
  return { tests: cases.length, failures, errors: 0, text };
}

function caseOf(row: GroupReport, column: GroupReport, { cells }: AnnotationAudit): Case {
  const open = `    <testcase name="no picture is in ${escaped(row.name)}" classname="${escaped(column.name)}" time="0"`;
  const cell = cells.find((one) => one.row === row.number && one.column === column.number);
  const unknown = [row, column].find(({ pictures }) => pictures === 0);
  if (unknown !== undefined) {
    const why = `${unknown.name} is not known here${unknown.lacks === undefined ? "" : `: ${unknown.lacks}`}`;
    const inner = `      <skipped message="${escaped(why)}"/>`;
    return { outcome: "skipped", text: closed(open, inner) };
  }
  if (cell === undefined || cell.kept === 0) return { outcome: "passed", text: `${open}/>` };
  const message = `${cell.kept} of ${column.pictures} pictures are in it (${ruleText(cell.byRule)})`;
  const chains = cell.chains.map(({ eval: evaluated, steps, train }) =>
    [`${train.picture} is ${evaluated.picture}`, ...steps.map(({ evidence }) => evidence)].join(
      ": ",
    ),
  );
  const inner = `      <failure type="leak" message="${escaped(message)}">${escaped(chains.join("\n"))}</failure>`;
  return { outcome: "failed", text: closed(open, inner) };
}

function closed(open: string, inner: string): string {
  return [`${open}>`, inner, "    </testcase>"].join("\n");
}
