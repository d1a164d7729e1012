import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AnnotationAudit } from "../../../src/cli/annotation-audit/annotation-report.ts";
import { auditAnnotations } from "../../../src/cli/annotation-audit/audit-annotations.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { realData } from "../../real-data.ts";
import { linkRealData } from "../../linked-real-data.ts";

let folder = "";
let audit: AnnotationAudit;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-real-annotations-"));
  await linkRealData(folder);
  audit = await audited(undefined);
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

function audited(
  policy: string | undefined,
  backbones?: readonly string[],
): Promise<AnnotationAudit> {
  const context = { progress: silentProgress, signal: new AbortController().signal };
  return auditAnnotations({ folder, policy, backbones, withTexts: false }, context);
}

type Counts = Readonly<Record<string, number>>;

interface ExpectedCounts {
  readonly coco_and_flickr30k_by_photo_id: Readonly<Record<string, Counts | number>>;
  readonly coco_and_flickr30k_by_md5: { readonly by_coco_karpathy_split: Counts };
  readonly esnlive_dev: Readonly<Record<string, Counts>>;
  readonly flickr30k: Readonly<Record<string, Counts>>;
  readonly flickr8k: Readonly<Record<string, Counts | number>>;
}

async function expectedCounts(): Promise<ExpectedCounts> {
  return JSON.parse(await readFile(realData("overlap/expected_counts.json"), "utf8"));
}

/** How many pictures of one set are in another, as the audit reports it. */
function shared(of: string, inSet: string, report: AnnotationAudit = audit): number | undefined {
  const number = (name: string): number => report.groups.findIndex((group) => group.name === name);
  const [column, row] = [number(of), number(inSet)];
  expect([of, column < 0, inSet, row < 0]).toEqual([of, false, inSet, false]);
  return report.cells.find((cell) => cell.row === row && cell.column === column)?.pictures;
}

function sizeOf(name: string): number | undefined {
  return audit.groups.find((group) => group.name === name)?.pictures;
}

describe("The audit of the real annotation files finds", () => {
  it("the nine COCO pictures that are in Flickr30K by their photo, each with its chain", async () => {
    const { coco_and_flickr30k_by_photo_id: expected } = await expectedCounts();
    expect(shared("coco all", "flickr30k all")).toBe(expected["images"]);
    const byPart = Object.fromEntries(
      ["restval", "test", "train", "val"].map((part) => [
        part,
        shared(`coco (Karpathy split) ${part}`, "flickr30k (Karpathy split) train"),
      ]),
    );
    expect(byPart).toEqual({ train: 0, val: 0, ...Object(expected["by_coco_karpathy_split"]) });
    const cell = audit.cells.find(
      ({ row, column }) =>
        audit.groups[row]?.name === "flickr30k (Karpathy split) train" &&
        audit.groups[column]?.name === "coco (Karpathy split) test",
    );
    expect(cell?.byRule).toEqual({ "same-flickr-photo": 1 });
    const [chain] = cell?.chains ?? [];
    expect(chain).toMatchObject({
      train: { picture: "flickr30k:2700728302" },
      eval: { picture: "coco:112568" },
    });
    expect(chain?.steps).toHaveLength(1);
    expect(chain?.steps[0]?.evidence).toMatch(
      /^Flickr photo 2700728302 .*karpathy\/flickr30k_train\.txt line 7293.*captions_val2014\.json\.gz#\/images\/1536.*karpathy\/coco_test\.txt line/,
    );
  });

  it("Karpathy's and Entities' splits of Flickr30K crossing each other", async () => {
    const { flickr30k } = await expectedCounts();
    const table = flickr30k["karpathy_split x entities_split"] ?? {};
    for (const [name, number] of Object.entries(table)) {
      const [karpathy = "", entities = ""] = name.split(" / ");
      if (karpathy === "absent") continue;
      const names = [
        `flickr30k (Karpathy split) ${karpathy}`,
        `flickr30k (Entities split) ${entities}`,
      ] as const;
      expect([name, shared(...names)]).toEqual([name, number]);
      expect([name, shared(names[1], names[0])]).toEqual([name, number]);
    }
  });

  it("970 of SNLI-VE's 1,000 dev pictures in Entities' train, and its test to be Entities' test", async () => {
    const { esnlive_dev: dev } = await expectedCounts();
    for (const [split, name] of [
      ["flickr30k_entities_split", "Entities split"],
      ["flickr30k_karpathy_split", "Karpathy split"],
    ] as const) {
      for (const [part, number] of Object.entries(dev[split] ?? {})) {
        if (part === "absent") continue;
        expect(shared("snli-ve dev", `flickr30k (${name}) ${part}`)).toBe(number);
      }
    }
    expect(shared("snli-ve dev", "flickr30k (Entities split) train")).toBe(970);
    expect(shared("snli-ve test", "flickr30k (Entities split) test")).toBe(1000);
    expect(["snli-ve dev", "snli-ve test", "snli-ve train"].map(sizeOf)).toEqual([
      1000, 1000, 29_783,
    ]);
    expect(shared("snli-ve dev", "snli-ve test")).toBe(0);
  });

  it("Flickr8k wholly inside Flickr30K", async () => {
    const { flickr8k } = await expectedCounts();
    expect(sizeOf("flickr8k all")).toBe(flickr8k["distinct_photo_ids"]);
    expect(shared("flickr8k all", "flickr30k all")).toBe(8092);
    for (const split of ["Karpathy", "Entities"]) {
      const expected: Counts = Object(flickr8k[`flickr30k_${split.toLowerCase()}_split`]);
      for (const part of ["train", "val", "test"]) {
        const name = `flickr30k (${split} split) ${part}`;
        expect([name, shared("flickr8k all", name)]).toEqual([name, expected[part]]);
      }
    }
  });

  it("66 pairs of NLVR2's dev and test1 by address, 62 as written, none contradicted, 23 false ones avoided", () => {
    const yields = audit.spellings.map(({ spelling, pairs, added, confirmed, contradicted }) => {
      return { spelling, pairs, added, confirmed, contradicted };
    });
    expect(yields).toEqual([
      { spelling: "as written", pairs: 62, added: 62, confirmed: 62, contradicted: 0 },
      { spelling: "canonical", pairs: 66, added: 4, confirmed: 66, contradicted: 0 },
      { spelling: "without query", pairs: 89, added: 23, confirmed: 66, contradicted: 23 },
      { spelling: "Flickr photo", pairs: 0, added: 0, confirmed: 0, contradicted: 0 },
    ]);
    expect(audit.spellings.map(({ parts }) => parts.join())).toEqual(
      Array.from({ length: 4 }, () => "nlvr2 dev,nlvr2 test1"),
    );
    // 66 pairs are of 57 and 55 pictures: some stand in several pairs of a split.
    expect(shared("nlvr2 test1", "nlvr2 dev")).toBe(55);
  });

  it("the 22 COCO pictures that are stated to have the bytes of a Flickr30K picture, and says what would show it", async () => {
    const { coco_and_flickr30k_by_md5: expected } = await expectedCounts();
    expect(audit.stated).toMatchObject({ pictures: 22 });
    const parts = audit.stated?.parts ?? [];
    expect(Object.fromEntries(parts.map(({ name, pictures }) => [name, pictures]))).toEqual({
      "coco (Karpathy split) restval": expected.by_coco_karpathy_split["restval"],
      "coco (Karpathy split) train": expected.by_coco_karpathy_split["train"],
    });
    // No name in any file leads from these to Flickr30K.
    expect(audit.stated?.alsoByName).toBe(0);
    expect(audit.stated?.needed.join()).toContain("flickr30k/flickr30k-images");
  });

  it("what others have counted beside what the files show, and nothing where they are not there", () => {
    const numbers = audit.published.map(({ of, in: within, published, found, isAtLeast }) => {
      return [`${of} in ${within}`, published, found, isAtLeast];
    });
    expect(numbers).toEqual([
      ["coco all in flickr30k all", 222, 9, true],
      ["visual-genome all in flickr30k all", 109, 0, true],
      ["visual-genome all in coco all", 51_208, 0, true],
      ["refcoco val in visual-genome all", 574, undefined, expect.anything()],
      ["refcoco testA in visual-genome all", 283, undefined, expect.anything()],
      ["refcoco testB in visual-genome all", 286, undefined, expect.anything()],
      ["snli-ve dev in flickr30k (Entities split) train", 970, 970, false],
      ["snli-ve test in flickr30k (Entities split) test", 1000, 1000, false],
    ]);
  });

  it("nothing else between datasets that have nothing in common", () => {
    expect(shared("nlvr2 dev", "flickr30k all")).toBe(0);
    expect(shared("nlvr2 test1", "flickr30k all")).toBe(1);
    expect(shared("visual-genome val", "visual-genome train")).toBe(0);
    expect(shared("flickr30k (Karpathy split) val", "flickr30k (Karpathy split) train")).toBe(0);
    expect(audit.outcome).toBe("leaking");
  });
});

describe("By the policy strict", () => {
  it("no training picture is left that is evaluated on, of the real files", async () => {
    const strict = await audited("strict");
    expect(strict.outcome).toBe("clean");
    const all = strict.groups[strict.allTraining ?? -1];
    const cells = strict.cells.filter(({ row }) => row === all?.number);
    expect(Math.max(...cells.map(({ pictures }) => pictures))).toBe(997);
    expect(cells.map(({ kept }) => kept)).toEqual(cells.map(() => 0));
    const karpathyTrain = strict.groups.find(
      ({ name }) => name === "flickr30k (Karpathy split) train",
    );
    // Its pictures that Entities or SNLI-VE evaluate on, one of COCO's test and one of NLVR2's test1.
    expect(karpathyTrain?.leftOut).toEqual({ "same-key": 2691, "same-flickr-photo": 2 });
  }, 60_000);
});
