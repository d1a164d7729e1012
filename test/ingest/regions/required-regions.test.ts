import { describe, expect, it } from "vitest";
import { type ImageKey, imageKey } from "../../../src/core/keys.ts";
import { requireRegions } from "../../../src/ingest/regions/required-regions.ts";
import type { PlannedScene, SourcePlan } from "../../../src/ingest/source.ts";

/** Scene `id` of two pictures when it is a multiple of five, with `id` modulo 3 texts. */
function sceneOf(id: number, split: string): PlannedScene {
  const keys =
    id % 5 === 0
      ? [imageKey("nlvr2", `${id}-0`), imageKey("nlvr2", `${id}-1`)]
      : [imageKey("coco", id)];
  const known = { path: "", url: null, flickrPhotoId: null, license: null, linkedKeys: [] };
  const said = { label: null, answers: [], choices: [], box: null, context: null };
  const texts = Array.from({ length: id % 3 }, (_, text) => {
    return { id: `${id}-${text}`, kind: "caption", text: "a dog", ...said } as const;
  });
  const places = texts.map((text) => ({
    file: "a.json",
    kind: "caption",
    record: `/captions/${text.id}`,
    id: text.id,
  }));
  const image = { file: "a.json", kind: "image", record: `/images/${id}`, id: String(id) };
  return {
    draft: { sceneKey: String(id), split, pictures: keys.map((key) => ({ key, ...known })), texts },
    records: [image, ...places],
  };
}

const scenes: ReadonlyMap<string, readonly PlannedScene[]> = new Map([
  ["train", Array.from({ length: 40 }, (_, id) => sceneOf(id, "train"))],
  ["val", Array.from({ length: 9 }, (_, id) => sceneOf(40 + id, "val"))],
]);

function countsOf(kind: string, excluded: number): SourcePlan["counts"][number] {
  const all = [...scenes.values()].flat().flatMap(({ records }) => records);
  const written = all.filter((record) => record.kind === kind).length;
  return {
    file: "a.json",
    kind,
    read: written + excluded,
    written,
    excluded,
    quarantined: 0,
    missing: 0,
  };
}

const plan: SourcePlan = {
  dataset: "made-up",
  files: [],
  picturesDigest: "",
  release: "none",
  partial: false,
  splits: [...scenes].map(([name, of]) => ({
    name,
    numScenes: of.length,
    numPictures: of.flatMap(({ draft }) => draft.pictures).length,
    numTexts: of.flatMap(({ draft }) => draft.texts).length,
  })),
  counts: [countsOf("image", 1), countsOf("caption", 0)],
  unlisted: { numPictures: 0, absentFiles: [] },
  missing: { numPictures: 2, examples: ["x/1.jpg"] },
  scenes: (split, firstScene = 0) => (scenes.get(split) ?? []).slice(firstScene),
  pictures: () => [],
  ledger: () => [
    {
      file: "a.json",
      kind: "image",
      record: "/images/99",
      id: "99",
      outcome: "excluded",
      reason: "r",
      evidence: "",
    },
  ],
  [Symbol.dispose]: () => {},
};

/** Knows no picture of a multiple of four, and only the first of two. */
const regions = {
  has: (key: ImageKey) => !/^coco:(?:\d*[02468])?[048]$/.test(key) && !key.endsWith("-1"),
};

function hasAll({ draft }: PlannedScene): boolean {
  return draft.pictures.every(({ key }) => regions.has(key));
}

describe("a plan whose pictures need region features", () => {
  it("has the scenes whose pictures all have some, from any scene on", async () => {
    const required = await requireRegions(plan, regions);
    for (const [split, planned] of scenes) {
      const kept = planned.filter(hasAll);
      expect(kept.length).toBeGreaterThan(3);
      expect(kept.length).toBeLessThan(planned.length);
      for (let firstScene = 0; firstScene <= kept.length; firstScene += 1) {
        const given = await Array.fromAsync(required.scenes(split, firstScene));
        expect(given).toEqual(kept.slice(firstScene));
      }
    }
  });

  it("accounts for every record of the others as missing, with what is not there", async () => {
    const required = await requireRegions(plan, regions);
    const lost = [...scenes.values()].flat().filter((scene) => !hasAll(scene));
    const ledger = await Array.fromAsync(required.ledger());
    expect(ledger).toHaveLength(1 + lost.flatMap(({ records }) => records).length);
    expect(ledger[1]).toEqual({
      file: "a.json",
      kind: "image",
      record: "/images/0",
      id: "0",
      outcome: "missing",
      reason: "no-regions",
      evidence: "no region features of nlvr2:0-1",
    });
    for (const { kind, read, written, excluded, missing } of required.counts) {
      const listed = ledger.filter((entry) => entry.kind === kind && entry.outcome === "missing");
      expect(missing).toBe(listed.length);
      expect(written + excluded + missing).toBe(read);
    }
  });

  it("counts what is left of each split, and says that it is partial", async () => {
    const required = await requireRegions(plan, regions);
    for (const { name, numScenes, numPictures, numTexts } of required.splits) {
      const kept = (scenes.get(name) ?? []).filter(hasAll);
      expect(numScenes).toBe(kept.length);
      expect(numPictures).toBe(kept.flatMap(({ draft }) => draft.pictures).length);
      expect(numTexts).toBe(kept.flatMap(({ draft }) => draft.texts).length);
    }
    expect(required.partial).toBe(true);
    expect(required.missing.numPictures).toBeGreaterThan(2);
    expect(required.missing.examples.slice(0, 2)).toEqual([
      "x/1.jpg",
      "region features of nlvr2:0-1",
    ]);
  });

  it("is the same plan when all have some", async () => {
    const required = await requireRegions(plan, { has: () => true });
    expect(required).toMatchObject({
      partial: false,
      splits: plan.splits,
      counts: plan.counts,
      missing: plan.missing,
    });
  });

  it("is the same plan without a scene when none has any", async () => {
    const required = await requireRegions(plan, { has: () => false });
    expect(await Array.fromAsync(required.scenes("train"))).toEqual([]);
    expect(required.splits.map(({ numScenes }) => numScenes)).toEqual([0, 0]);
  });
});
