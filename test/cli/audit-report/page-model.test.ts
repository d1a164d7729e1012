import { expect, it } from "vitest";
import { auditSplits } from "../../../src/audit/audit-splits.ts";
import { auditPage, shownPlaces } from "../../../src/cli/audit-report/page-model.ts";
import type { PictureInfo } from "../../../src/core/records.ts";
import { renderAuditPage } from "../../../src/report/audit-page/render-audit-page.ts";
import { pictureOf, splitOf } from "../../audit/picture-fixtures.ts";

const nothing = {
  summary: "made up",
  notes: [],
  decisions: [],
  thumbnails: { pictures: [], numberAt: () => null },
};

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  const texts: string[] = [];
  for await (const piece of pieces) texts.push(piece);
  return texts.join("");
}

function copies(from: number, count: number): PictureInfo[] {
  return Array.from({ length: count }, (_, index) =>
    pictureOf(from + index, { pixelSha256: "aa" }),
  );
}

it("a report on 2 million pairs lists some of each group and counts all (case 59)", async () => {
  const verdict = await auditSplits([
    splitOf("copies/train", "train", [...copies(0, 2000), pictureOf(9000)]),
    splitOf("copies/test", "eval", [...copies(5000, 1000), pictureOf(9000)]),
  ]);
  const page = auditPage(verdict, nothing);
  expect(page.totals).toMatchObject({ leaks: 2_000_001, exclusions: 2001 });
  expect(page.yields.find(({ rule }) => rule === "same-pixels")?.pairs).toBe(2_000_001);
  expect(page.matrix?.rows[0]?.cells).toEqual([2001]);
  expect(page.pairs).toHaveLength(verdict.listing.maxPairsPerGroup + 1);
  const html = await textOf(renderAuditPage(page));
  expect(html).toContain("101 of 2,000,001 leaks");
  expect(html).toContain("names every training picture to leave out");
  expect(html.length).toBeLessThan(200_000);
  expect(shownPlaces(verdict)).toHaveLength(202);
});

it("the page of a verdict is the same each time, whatever the order of the splits", async () => {
  const url = "https://example.org/1.jpg";
  const splits = () => [
    splitOf("vg/train", "train", [pictureOf(1, { key: "vg:1", url })]),
    splitOf("coco/test", "eval", [pictureOf(2, { url })]),
  ];
  const one = auditPage(await auditSplits(splits()), nothing);
  const two = auditPage(await auditSplits(splits().toReversed()), nothing);
  expect(await textOf(renderAuditPage(one))).toBe(await textOf(renderAuditPage(two)));
});
