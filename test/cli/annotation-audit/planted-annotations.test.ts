import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AnnotationAudit,
  annotationAuditJson,
} from "../../../src/cli/annotation-audit/annotation-report.ts";
import { auditAnnotations } from "../../../src/cli/annotation-audit/audit-annotations.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { readLeakPolicy } from "../../../src/ingest/exclusion/leak-policy.ts";
import { exclusionRules } from "../../../src/ingest/exclusion/policy-rules.ts";
import { listPictures } from "../../../src/ingest/list-pictures.ts";
import { type AnnotatedWorld, drawWorld } from "./planted/annotated-world.ts";
import { checkedCells } from "./planted/check-world.ts";
import { writeWorld } from "./planted/write-world.ts";

let folder = "";
let world: AnnotatedWorld;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-planted-"));
  world = drawWorld({ scale: 0.004, seed: 7 });
  writeWorld(folder, world);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function audited(
  policy: string | undefined,
  backbones?: readonly string[],
): Promise<AnnotationAudit> {
  const context = { progress: silentProgress, signal: new AbortController().signal };
  return auditAnnotations({ folder, policy, backbones, withTexts: false }, context);
}

describe("Of a world with overlaps of every kind", () => {
  it("every one is found and none is invented, between all parts of all datasets", async () => {
    const audit = await audited(undefined);
    const cells = checkedCells(audit, world.truth);
    expect(cells.length).toBeGreaterThan(1500);
    expect(cells.filter(({ found, truly }) => found !== truly)).toEqual([]);
    expect(cells.filter(({ found }) => found > 0).length).toBeGreaterThan(100);
    const rules = new Set(audit.cells.flatMap(({ byRule }) => Object.keys(byRule)));
    expect(rules).toEqual(
      new Set(["same-key", "linked-key", "same-flickr-photo", "same-url", "chain"]),
    );
    expect(
      audit.groups.filter(({ lacks, role }) => lacks !== undefined && role !== "stated"),
    ).toEqual([]);
    expect(audit.cells.filter(({ isAtLeast }) => isAtLeast)).toEqual([]);
  }, 60_000);

  it("soho, visual-parsing and vilt leak through Visual Genome, and their images of COCO into RefCOCO and VQA", async () => {
    const reports = new Map<string, string>();
    for (const policy of ["soho", "visual-parsing", "vilt"]) {
      const audit = await audited(policy);
      expect(
        checkedCells(audit, world.truth).filter(({ found, truly }) => found !== truly),
      ).toEqual([]);
      const leaks = (of: string, inSet: RegExp): number =>
        audit.cells.find(
          ({ row, column }) =>
            inSet.test(audit.groups[row]?.name ?? "") && audit.groups[column]?.name === of,
        )?.kept ?? 0;
      expect(leaks("coco (Karpathy split) test", /^visual-genome/)).toBeGreaterThan(3);
      expect(leaks("refcoco testA", /^coco/)).toBe(world.truth.part("refcoco testA").length);
      const restval = world.truth.part("coco (Karpathy split) restval").length;
      expect(leaks("vqa2 val", /^coco/)).toBeGreaterThanOrEqual(restval);
      expect(audit.outcome).toBe("leaking");
      reports.set(policy, JSON.stringify(annotationAuditJson(audit)));
    }
    // The same bytes on every run.
    expect(JSON.stringify(annotationAuditJson(await audited("soho")))).toBe(reports.get("soho"));
  }, 60_000);

  it("strict leaves out all that is evaluated on, and what a detector saw cannot be taken back", async () => {
    const strict = await audited("strict");
    expect(strict.outcome).toBe("clean");
    expect(strict.cells.reduce((sum, { pictures }) => sum + pictures, 0)).toBeGreaterThan(500);
    expect(strict.cells.filter(({ kept }) => kept > 0)).toEqual([]);
    const seen = await audited("strict", ["vg-butd"]);
    expect(seen.outcome).toBe("leaking");
    const kept = seen.cells.filter((cell) => cell.kept > 0);
    expect(new Set(kept.map(({ row }) => seen.groups[row]?.name))).toEqual(
      new Set(["vg-butd: visual-genome train"]),
    );
    const refcoco = checkedCells(seen, world.truth).find(
      (cell) => cell.of === "refcoco val" && cell.in === "vg-butd: visual-genome train",
    );
    // The truth knows no backbones: what it saw is Visual Genome's train.
    expect(refcoco?.found).toBe(world.truth.shared(["refcoco val"], ["visual-genome train"]));
    expect(refcoco?.found).toBeGreaterThan(0);
  }, 60_000);

  it("uniter leaves out what prepare --policy uniter leaves out, rule by rule", async () => {
    const audit = await audited("uniter");
    const policy = await readLeakPolicy("uniter");
    const options = { folder, listPictures, allowMissing: true, progress: silentProgress };
    const rules = await exclusionRules(policy, options);
    for (const [name, dataset] of [
      ["visual-genome all", "visual-genome"],
      ["coco (Karpathy split) all", "coco"],
    ] as const) {
      const left = new Set<string>();
      for await (const picture of listPictures(dataset, { folder, progress: silentProgress })) {
        if (rules.match(picture) !== undefined) left.add(picture.key);
      }
      const group = audit.groups.find((one) => one.name === name || one.name === `${dataset} all`);
      const leftOut = Object.values(group?.leftOut ?? {}).reduce((sum, number) => sum + number, 0);
      expect([name, leftOut]).toEqual([name, left.size]);
      expect(left.size).toBeGreaterThan(20);
    }
  }, 60_000);
});
