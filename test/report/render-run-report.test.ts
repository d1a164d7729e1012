import { expect, describe, it } from "vitest";
import { renderRunReport } from "../../src/report/render-run-report.ts";
import type { RunReport } from "../../src/report/run-report.ts";
import { cleanVerdict, emptyPicture, leakingVerdict, sampleReport } from "./sample-report.ts";

const page = await renderRunReport(sampleReport());

/** What a reader sees: no tags, styles or drawings, entities resolved, single spaces. */
function textOf(html: string): string {
  return html
    .replace(/<(style|svg)[^]*?<\/\1>/g, "")
    .replace(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ");
}

/** The exact numbers of the page. */
function valuesOf(html: string): number[] {
  return [...html.matchAll(/<data value="([^"]*)"/g)].map(([, value]) => Number(value));
}

describe("the numbers of the page", () => {
  it("are those of the report", () => {
    const report = sampleReport();
    const values = new Set(valuesOf(page));
    const shown = [
      ...report.retrieval.flatMap(({ textToPicture, pictureToText }) =>
        [...textToPicture.recalls, ...pictureToText.recalls].flatMap(({ recall, chance }) => [
          recall,
          chance,
        ]),
      ),
      ...report.accuracies.flatMap(({ accuracy, chance }) => [accuracy, chance]),
      ...report.curves.flatMap(({ points, reference }) => [
        points[0]?.value,
        points.at(-1)?.value,
        ...(reference === null ? [] : [reference.value]),
      ]),
      ...report.textQueries.map(({ rank }) => rank),
      ...report.ledgers.flatMap(({ counts }) => counts.flatMap((row) => [row.read, row.missing])),
      cleanVerdict.checked.train,
      cleanVerdict.checked.eval,
    ];
    expect(shown.filter((value) => value === undefined || !values.has(value))).toEqual([]);
  });

  it("stand beside their chance level", () => {
    const text = textOf(page);
    expect(text).toContain("Text to picture, R@1");
    expect(text).toContain("94.2 %");
    expect(text).toContain("48 × chance (2.0 %)");
    expect(text).toContain("51 photographs, training captions; 255 candidates");
    expect(text).toContain("Image-text matching");
    expect(text).toContain("1.8 × chance (50.0 %)");
  });

  it("are separated from the words around them", () => {
    const text = textOf(page);
    expect(text).toContain("first right answer at rank 17 of 51");
    expect(text).toContain("dashed: guessing among 30,522 words, 10.33");
    expect(text).toContain("3,010 training against 403 evaluation pictures");
    expect(text).toContain("2 leaks were planted on purpose; 2 of them were found.");
    expect(text).toContain("2,500 steps in 11 min 27 s");
  });
});

describe("the page", () => {
  it("forbids itself every script and every request", () => {
    expect(page).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"/>`,
    );
    expect(page).not.toMatch(/<script/i);
  });

  it("names no address outside itself", () => {
    expect(page).not.toMatch(/https?:|\/\/[a-z]/i);
    const targets = [...page.matchAll(/(?:src|href|url|action|srcset)\s*[=(]\s*"?([^\s">)]*)/g)];
    expect(targets.length).toBeGreaterThan(10);
    expect(targets.filter(([, target]) => !/^(?:data:|#)/.test(target ?? ""))).toEqual([]);
  });

  it("is the same for the same report", async () => {
    expect(await renderRunReport(sampleReport())).toBe(page);
  });

  it("draws every curve as an SVG with a described line", () => {
    const drawings = [...page.matchAll(/role="img" aria-label="([^"]*)"[^>]*><svg[^]*?<\/svg>/g)];
    expect(drawings.map(([, name]) => name?.split(":")[0])).toEqual(
      sampleReport().curves.map(({ name }) => name),
    );
    for (const [drawing] of drawings) expect(drawing).toMatch(/mark-line[^]*?<path[^>]* d="M[\d.]/);
  });

  it("inlines pictures by what their bytes are", async () => {
    const png = { name: "coco:2", bytes: Uint8Array.of(0x89, 0x50, 0x4e, 0x47) };
    expect(page).toContain('<img src="data:image/jpeg;base64,/9j/2Q==" alt="coco:1"');
    const withPng = await renderRunReport(sampleReport([emptyPicture, png]));
    expect(withPng).toContain('<img src="data:image/png;base64,iVBORw==" alt="coco:2"');
  });

  it("marks the right answers in words, not by colour alone", () => {
    const right = [...page.matchAll(/<li class="right">[^]*?<\/li>/g)].map(([item]) => item);
    expect(right).toHaveLength(8);
    expect(right.every((item) => item.includes('aria-label="right"'))).toBe(true);
    expect(textOf(page)).toContain("the right one, rank 17");
  });
});

const script = `<script>alert("1")</script>`;
const breakOut = `"><img src=x onerror=alert(1)>`;

/** The report with every string in it made hostile, but for the outcome, which is no free text. */
function poisoned(report: RunReport): RunReport {
  const text = JSON.stringify(report, (key, value: unknown) => {
    if (value instanceof Uint8Array) return { bytes: [...value] };
    return typeof value === "string" && key !== "outcome" ? value + script + breakOut : value;
  });
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === "object" && value !== null && "bytes" in value && !("name" in value)
      ? emptyPicture.bytes
      : value,
  );
}

function countTags(html: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, tag = ""] of html.replace(/<svg[^]*?<\/svg>/g, "").matchAll(/<([a-z0-9]+)/gi)) {
    counts[tag] = (counts[tag] ?? 0) + 1;
  }
  return counts;
}

describe("hostile text", () => {
  it("stays text wherever a report may hold it", async () => {
    const hostilePage = await renderRunReport(poisoned(sampleReport()));
    expect(hostilePage).not.toMatch(/<script|<img src=x/i);
    expect(textOf(hostilePage)).toContain(`${script}${breakOut}`);
    // As many tags as before: nothing that was text became an element.
    expect(countTags(hostilePage)).toEqual(countTags(page));
  });
});

describe("a report that lacks something", () => {
  const bare: RunReport = {
    ...sampleReport(),
    retrieval: [],
    accuracies: [],
    curves: [{ name: "total loss", points: [{ step: 1, value: Number.NaN }], reference: null }],
    textQueries: [],
    pictureQueries: [],
    audits: [],
    ledgers: [],
    recipe: [],
  };

  it("says that nothing is known of leaks when there was no audit", async () => {
    expect(textOf(await renderRunReport(bare))).toContain(
      "No audit was made: nothing is known of leaks.",
    );
  });

  it("says that a curve has no finite value", async () => {
    expect(textOf(await renderRunReport(bare))).toContain("total loss: no finite value");
  });

  it("lists a hundred leaks and counts the rest", async () => {
    const [leak] = leakingVerdict.leaks;
    const leaks = Array.from({ length: 250 }, () => leak).filter((item) => item !== undefined);
    const verdict = { ...leakingVerdict, leaks, exclusions: { length: 250 } };
    const audits = [{ stage: "audit", summary: "250 leak", verdict, planted: null }];
    const html = await renderRunReport({ ...bare, audits });
    expect(html.match(/<td class="evidence">/g)).toHaveLength(100);
    expect(textOf(html)).toContain("250 leaking pairs listed; 250 training pictures have to go");
    expect(textOf(html)).toContain("150 more pairs");
    expect(textOf(html)).toContain("Leaks found");
  });
});
