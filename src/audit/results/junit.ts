import { escapeControls } from "../../core/text.ts";
import type { TextLeak } from "../findings.ts";
import type { AuditVerdict, Leak } from "../verdict.ts";
import { ruleTexts, SUSPECT_RULE, type RuleText } from "./rule-texts.ts";
import { nearWords } from "./sarif.ts";

const MAX_PAIRS_SHOWN = 10;

const COUNT_CASE = "no picture is trained on";

/** One finding that a test case can fail by. */
interface CaseFinding {
  readonly rules: readonly string[];
  readonly set: string;
  readonly split: string;
  readonly line: string;
}

/**
 * The verdict as JUnit XML: a suite for each evaluation split, in it a test case that fails by the exact count
 * of leaked pictures, and one for each rule, which fails by the listed pairs and shows the first of them. Suspects go to the output of their case, which does not fail; an
 * audit that could check nothing is one error. Names are escaped; the bytes depend on the verdict alone.
 */
export function junitReport(verdict: AuditVerdict, summary: string): string {
  return junitText(
    verdict.outcome === "unchecked" ? [uncheckedSuite(verdict, summary)] : suitesOf(verdict),
  );
}

/** Suites as one document. */
export function junitText(suites: readonly Suite[]): string {
  const sum = (name: "tests" | "failures" | "errors"): number =>
    suites.reduce((total, suite) => total + suite[name], 0);
  const counts = `tests="${sum("tests")}" failures="${sum("failures")}" errors="${sum("errors")}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="crossweave audit" ${counts} time="0">`,
    ...suites.map(({ text }) => text),
    "</testsuites>",
    "",
  ].join("\n");
}

interface TestCase {
  readonly fails: boolean;
  readonly text: string;
}

/** A suite as XML, with its counts. */
export interface Suite {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
  readonly text: string;
}

/** The suite of an audit that compared nothing: one error. */
export function uncheckedSuite({ digest }: Pick<AuditVerdict, "digest">, summary: string): Suite {
  const text = [
    `  <testsuite name="nothing checked" tests="1" failures="0" errors="1" skipped="0" time="0">`,
    properties({ auditDigest: digest }),
    `    <testcase name="comparison" classname="crossweave.audit" time="0">`,
    `      <error type="unchecked" message="${escaped(summary)}"/>`,
    `    </testcase>`,
    `  </testsuite>`,
  ].join("\n");
  return { tests: 1, failures: 0, errors: 1, text };
}

function suitesOf(verdict: AuditVerdict): readonly Suite[] {
  const failing = [...verdict.leaks.map(leakFinding), ...verdict.textLeaks.map(textFinding)];
  const shown = verdict.suspects.map((suspect) => ({
    rules: [SUSPECT_RULE],
    set: suspect.eval.set,
    split: suspect.eval.split,
    line: `${suspect.train.picture} (${suspect.train.set}/${suspect.train.split}) and ${suspect.eval.picture}: ${nearWords(suspect.near)}`,
  }));
  return verdict.checked.against.map(({ set, split, digest, pictures, leaked }) => {
    const isOfSplit = (finding: CaseFinding): boolean =>
      finding.set === set && finding.split === split;
    const found = { failing: failing.filter(isOfSplit), shown: shown.filter(isOfSplit) };
    const cases = [
      countCase({ set, split, pictures, leaked }),
      ...caseRules(verdict).map((rule) => caseOf(rule, { ...found, set, split })),
    ];
    const failures = cases.filter(({ fails }) => fails).length;
    const name = escaped(`${set}/${split}`);
    const text = [
      `  <testsuite name="${name}" tests="${cases.length}" failures="${failures}" errors="0" skipped="0" time="0">`,
      properties({ auditDigest: verdict.digest, setDigest: digest, pictures, leaked }),
      ...cases.map((made) => made.text),
      `  </testsuite>`,
    ].join("\n");
    return { tests: cases.length, failures, errors: 0, text };
  });
}

/** Fails by the exact count of a split, whichever pairs are listed. */
function countCase(counted: {
  readonly set: string;
  readonly split: string;
  readonly pictures: number;
  readonly leaked: number;
}): TestCase {
  const { leaked, pictures, set, split } = counted;
  const open = `    <testcase name="${COUNT_CASE}" classname="${escaped(`${set}.${split}`)}" time="0"`;
  if (leaked === 0) return { fails: false, text: `${open}/>` };
  const message = `${leaked.toLocaleString("en-US")} of ${pictures.toLocaleString("en-US")} pictures are trained on`;
  const failure = `      <failure type="leak" message="${message}"/>`;
  return { fails: true, text: [`${open}>`, failure, "    </testcase>"].join("\n") };
}

/** The rules that this audit compared by, and those of its findings. */
function caseRules({ checked, suspects, textLeaks }: AuditVerdict): readonly RuleText[] {
  const used = new Set<string>([...checked.rules, ...textLeaks.map(({ rule }) => rule)]);
  if (suspects.length > 0) used.add(SUSPECT_RULE);
  return ruleTexts.filter(({ id }) => used.has(id));
}

function caseOf(
  { id, short }: RuleText,
  found: {
    readonly failing: readonly CaseFinding[];
    readonly shown: readonly CaseFinding[];
    readonly set: string;
    readonly split: string;
  },
): TestCase {
  const open = `    <testcase name="${id}" classname="${escaped(`${found.set}.${found.split}`)}" time="0"`;
  const failing = found.failing.filter(({ rules }) => rules.includes(id));
  const shown = found.shown.filter(({ rules }) => rules.includes(id));
  if (failing.length > 0) {
    const message = `${failing.length.toLocaleString("en-US")} listed: ${short}`;
    const failure = `      <failure type="${id}" message="${escaped(message)}">${firstLines(failing)}</failure>`;
    return { fails: true, text: [`${open}>`, failure, "    </testcase>"].join("\n") };
  }
  if (shown.length === 0) return { fails: false, text: `${open}/>` };
  const output = `      <system-out>${firstLines(shown)}</system-out>`;
  return { fails: false, text: [`${open}>`, output, "    </testcase>"].join("\n") };
}

function firstLines(findings: readonly CaseFinding[]): string {
  const lines = findings.slice(0, MAX_PAIRS_SHOWN).map(({ line }) => escapeControls(line));
  const rest = findings.length - lines.length;
  if (rest > 0) lines.push(`and ${rest.toLocaleString("en-US")} more`);
  return escaped(lines.join("\n"));
}

function leakFinding({ rule, alsoBy, train, eval: evaluated, evidence }: Leak): CaseFinding {
  const also = alsoBy.length === 0 ? "" : `; also ${alsoBy.join(", ")}`;
  const line = `${train.picture} (${train.set}/${train.split}) is ${evaluated.picture}: ${evidence}${also}`;
  return { rules: [rule, ...alsoBy], set: evaluated.set, split: evaluated.split, line };
}

function textFinding({ rule, train, eval: evaluated, evidence }: TextLeak): CaseFinding {
  const line = `${train.textId} (${train.set}/${train.split}) is ${evaluated.textId}: ${evidence}`;
  return { rules: [rule], set: evaluated.set, split: evaluated.split, line };
}

/** The properties of a suite. */
export function properties(values: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(values).map(
    ([name, value]) => `      <property name="${name}" value="${escaped(String(value))}"/>`,
  );
  return ["    <properties>", ...lines, "    </properties>"].join("\n");
}

// Of what XML 1.0 cannot hold, not even as a reference, what is no control and no surrogate.
const IMPOSSIBLE = /[\uFFFE\uFFFF]/g;

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
]);

/** A text as XML holds it; whatever could reorder or end a line of a person's view is spelled out, but for its line ends and tabs. */
export function escaped(text: string): string {
  return text
    .replace(/[^\n\t]+/g, escapeControls)
    .replace(IMPOSSIBLE, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
    .replace(/[&<>"]/g, (character) => ENTITIES.get(character) ?? character);
}
