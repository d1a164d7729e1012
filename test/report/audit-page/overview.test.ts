import { expect, it } from "vitest";
import type { AuditPage } from "../../../src/report/audit-page/audit-page.ts";
import { renderAuditPage } from "../../../src/report/audit-page/render-audit-page.ts";
import { samplePage, samplePair } from "./sample-audit-page.ts";

const name = "a\u202egnp\u0007\u2066\u2028/train";
const shown = String.raw`a\u202egnp\x07\u2066\u2028/train`;

it("spells out what would reorder or hide the name of a set, wherever the overview shows it (case 25)", async () => {
  const page = samplePage([samplePair(0)]);
  const [set = "", split = ""] = name.split("/");
  const named: AuditPage = {
    ...page,
    summary: `pictures of ${name}`,
    training: page.training.map((each) => ({ ...each, set, split })),
    against: page.against.map((each) => ({ ...each, set, split })),
    through: [{ set, split, digest: "a1".repeat(32), pictures: 1 }],
    methods: [{ name, detail: name }],
    matrix: { columns: [name], rows: [{ name, cells: [1] }], unit: "pictures" },
    texts: {
      yields: [],
      columns: ["same text"],
      rows: [{ train: name, eval: name, cells: [1] }],
    },
    notes: [`${name} was prepared with pictures missing`],
  };
  const pieces: string[] = [];
  for await (const piece of renderAuditPage(named)) pieces.push(piece);
  const html = pieces.join("");
  expect(html.split(shown)).toHaveLength(1 + 11); // once in each of the fields above
  const data = html.indexOf("<script");
  expect(data).toBeGreaterThan(0);
  expect(html.slice(0, data)).not.toMatch(/[\p{Bidi_Control}\p{Zl}]/u);
});
