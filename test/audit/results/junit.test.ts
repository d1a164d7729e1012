import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { junitReport } from "../../../src/audit/results/junit.ts";
import { leakRules } from "../../../src/audit/rules.ts";
import type { AuditVerdict } from "../../../src/audit/verdict.ts";
import { launchBrowser } from "../../report/headless-browser.ts";
import { sampleLeak, sampleSuspect, sampleTextLeak, sampleVerdict } from "./sample-verdict.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

interface ReadReport {
  readonly faults: readonly string[];
  /** Name, tests, failures, errors. */
  readonly suites: readonly string[];
  readonly cases: readonly {
    readonly suite: string;
    readonly name: string;
    readonly failure: string | null;
    readonly error: string | null;
    readonly output: string | null;
  }[];
}

// Runs in the browser, whose parser refuses what is not well-formed.
const READER = String.raw`(xml) => {
  const document = new DOMParser().parseFromString(xml, "application/xml");
  const faults = [...document.querySelectorAll("parsererror")].map((fault) => fault.textContent);
  const textOf = (element) => element?.textContent ?? null;
  const attributes = (element, names) => names.map((name) => element.getAttribute(name)).join(" ");
  return {
    faults,
    suites: [...document.querySelectorAll("testsuites, testsuite")].map((suite) =>
      attributes(suite, ["name", "tests", "failures", "errors"]),
    ),
    cases: [...document.querySelectorAll("testcase")].map((element) => ({
      suite: element.parentElement.getAttribute("name"),
      name: element.getAttribute("name"),
      failure: textOf(element.querySelector("failure")),
      error: element.querySelector("error")?.getAttribute("message") ?? null,
      output: textOf(element.querySelector("system-out")),
    })),
  };
}`;

async function read(verdict: AuditVerdict): Promise<ReadReport> {
  const page = await browser.newPage();
  const xml = JSON.stringify(junitReport(verdict, `nothing to <compare> with "x" & y`));
  const report = await page.evaluate<ReadReport>(`(${READER})(${xml})`);
  await page.close();
  return report;
}

const count = "no picture is trained on";

describe("the JUnit report", () => {
  it("has a suite for each evaluation split and in it a case for each rule", async () => {
    const { cases, suites } = await read(sampleVerdict());
    expect(suites).toEqual(["crossweave audit 20 0 0", "coco/test 10 0 0", "coco/val 10 0 0"]);
    expect(cases.map(({ name }) => name)).toEqual([count, ...leakRules, count, ...leakRules]);
  });

  it("fails the rules by which pairs of the split leak, and shows the first ten pairs", async () => {
    const leaks = Array.from({ length: 12 }, (_, index) =>
      sampleLeak(`vg:${index}`, `coco:${index}`, { alsoBy: ["same-pixels"] }),
    );
    const { cases, suites } = await read(sampleVerdict({ leaks, textLeaks: [sampleTextLeak()] }));
    expect(suites).toEqual(["crossweave audit 22 4 0", "coco/test 11 4 0", "coco/val 11 0 0"]);
    const failing = cases.filter(({ failure }) => failure !== null);
    expect(failing.map(({ suite, name }) => `${suite} ${name}`)).toEqual([
      `coco/test ${count}`,
      "coco/test same-url",
      "coco/test same-pixels",
      "coco/test same-text-and-picture",
    ]);
    const lines = failing[1]?.failure?.split("\n") ?? [];
    expect(lines).toHaveLength(11);
    expect(lines[0]).toBe("vg:0 (vg/train) is coco:0: URL example.org/1.jpg; also same-pixels");
    expect(lines[10]).toBe("and 2 more");
  });

  it("fails by the exact count of a split whose pairs are not listed", async () => {
    const { checked } = sampleVerdict();
    const against = checked.against.map((split) => ({ ...split, pictures: 9000, leaked: 2000 }));
    const { suites } = await read(sampleVerdict({ checked: { ...checked, against } }));
    expect(suites).toEqual(["crossweave audit 20 2 0", "coco/test 10 1 0", "coco/val 10 1 0"]);
  });

  it("shows suspects without failing by them", async () => {
    const { cases, suites } = await read(
      sampleVerdict({ suspects: [sampleSuspect("vg:1", "coco:1")] }),
    );
    expect(suites[1]).toBe("coco/test 11 0 0");
    const suspects = cases.filter(({ name }) => name === "suspect");
    expect(suspects[0]?.output).toContain("28 of 256 bits of the hashes differ");
    expect(suspects[1]?.output).toBe(null);
  });

  it("is one error where nothing could be checked", async () => {
    const { cases, suites } = await read(sampleVerdict({ outcome: "unchecked" }));
    expect(suites).toEqual(["crossweave audit 1 0 1", "nothing checked 1 0 1"]);
    expect(cases[0]?.error).toBe(`nothing to <compare> with "x" & y`);
  });

  it("stays well-formed with any name, and spells out what XML cannot hold", async () => {
    const name = "\u0000\u0008\u001B[2J]]>&<!--\uD800\uFFFE\u0085 \u{1F600}";
    const leak = sampleLeak("vcr:a", "vcr:b");
    const verdict = sampleVerdict({
      leaks: [{ ...leak, evidence: name, train: { ...leak.train, split: name } }],
    });
    const { cases, faults } = await read(verdict);
    expect(faults).toEqual([]);
    const { failure = "" } = cases.find((its) => its.name === "same-url") ?? {};
    expect(failure).toContain(String.raw`\x00\x08\x1b[2J]]>&<!--\ud800\ufffe\x85 `);
    expect(failure).toContain("\u{1F600}");
  });

  it("has a line for each finding, which no name can end, reorder or begin", async () => {
    const name = "x\n2 \u202Egnp\u2028";
    const leaks = [sampleLeak(`vcr:${name}`, "vcr:b"), sampleLeak("vcr:c", `vcr:${name}`)];
    const { cases } = await read(sampleVerdict({ leaks }));
    const { failure } = cases.find((its) => its.name === "same-url") ?? {};
    const shown = String.raw`x\x0a2 \u202egnp\u2028`;
    expect(failure?.trim().split("\n")).toEqual([
      expect.stringContaining(`vcr:${shown} (`),
      expect.stringContaining(`is vcr:${shown}: `),
    ]);
  });

  it("is the same bytes for the same verdict", () => {
    const verdict = sampleVerdict({ leaks: [sampleLeak("vg:1", "coco:1")] });
    expect(junitReport(verdict, "x")).toBe(junitReport(structuredClone(verdict), "x"));
  });
});
