import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import { planOptions } from "./plan-options.ts";
import { planPreparation, type PreparationPlan } from "../../src/ingest/preparation-plan.ts";
import { readRecipe } from "../../src/ingest/recipe.ts";
import { layOutKarpathyLists, layOutRealCoco, realData } from "../real-data.ts";
import { karpathySplits, planCoco } from "./coco-folder.ts";

let folder = "";
let val2017: { images: { file_name: string }[]; annotations: unknown[] };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-real-coco-"));
  await layOutRealCoco(join(folder, "mini"));
  await layOutKarpathyLists(join(folder, "val"));
  await mkdir(join(folder, "val/coco/annotations"), { recursive: true });
  await mkdir(join(folder, "val/coco/val2017"));
  const packed = await readFile(realData("coco/captions_val2017.json.gz"));
  await writeFile(join(folder, "val/coco/annotations/captions_val2017.json.gz"), packed);
  val2017 = JSON.parse(gunzipSync(packed).toString());
  // Empty files: a plan looks at names only.
  for (const { file_name: name } of val2017.images) {
    await writeFile(join(folder, "val/coco/val2017", name), "");
  }
  await mkdir(join(folder, "cut/coco/annotations"), { recursive: true });
  await copyFile(
    realData("coco/first100/captions_train2014.first100.json"),
    join(folder, "cut/coco/annotations/captions_train2014.json"),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function planOf(recipe: string, source: string): Promise<PreparationPlan> {
  const read = await readRecipe(recipe);
  return planPreparation(read, {
    ...planOptions(join(folder, source)),
    allowMissing: true,
    quarantineLimit: read.quarantineLimit,
  });
}

function file(subset: string): string {
  return `coco/annotations/captions_${subset}.json`;
}

describe("Real COCO data", () => {
  it("of 159 images with 51 photographs is accounted for", async () => {
    const plan = await planOf("coco", "mini");
    const none = { excluded: 0, quarantined: 0 };
    expect(plan.counts).toEqual([
      { file: file("train2017"), kind: "image", read: 80, written: 26, ...none, missing: 54 },
      { file: file("train2017"), kind: "caption", read: 400, written: 130, ...none, missing: 270 },
      { file: file("val2017"), kind: "image", read: 79, written: 25, ...none, missing: 54 },
      { file: file("val2017"), kind: "caption", read: 395, written: 125, ...none, missing: 270 },
    ]);
    expect(plan.splits.map(({ name, numScenes }) => [name, numScenes])).toEqual([
      ["train", 19],
      ["restval", 22],
      ["val", 6],
      ["test", 4],
    ]);
    expect([plan.partial, plan.release]).toEqual([true, "release unknown, Karpathy split"]);
    const fit = await planOf("coco-fit", "mini");
    expect(fit.splits).toEqual([{ name: "train", numScenes: 51, numPictures: 51, numTexts: 255 }]);
    expect(fit.digest).not.toBe(plan.digest);
  });

  it("captions_val2017 whole is recognised: 3,799 restval, 608 val and 593 test images", async () => {
    const plan = await planCoco(join(folder, "val"), { splits: karpathySplits });
    expect([plan.partial, plan.release]).toEqual([true, "COCO 2017 (a part), Karpathy split"]);
    expect(plan.splits.map(({ name, numScenes }) => [name, numScenes])).toEqual([
      ["train", 0],
      ["restval", 3799],
      ["val", 608],
      ["test", 593],
    ]);
    expect(plan.counts.map(({ kind, read, written }) => [kind, read, written])).toEqual([
      ["image", 5000, 5000],
      ["caption", 25_014, 25_014],
    ]);
  });

  it("captions_val2017 with a record less is not taken for the official release", async () => {
    const { images, annotations } = val2017;
    const lessCaptions = { images, annotations: annotations.slice(1) };
    const lessImages = { images: images.slice(1), annotations };
    for (const [lists, words] of [
      [lessCaptions, "captions_val2017.json  caption  found 25013  COCO 2017 has 25014"],
      [lessImages, "captions_val2017.json  image  found 4999  COCO 2017 has 5000"],
    ] as const) {
      const source = join(folder, "less");
      await mkdir(join(source, "coco/annotations"), { recursive: true });
      const path = join(source, "coco/annotations/captions_val2017.json");
      await writeFile(path, JSON.stringify(lists));
      const error: unknown = await planCoco(source).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SourceError);
      expect(String(error)).toContain(words);
    }
    const accepted = await planCoco(join(folder, "less"), { acceptUnknownRelease: true });
    expect(accepted.release).toBe("release unknown");
  });

  it("first100 has only captions of images that are not listed", async () => {
    const plan = await planCoco(join(folder, "cut"));
    expect(plan.counts).toMatchObject([
      { kind: "image", read: 100, excluded: 100 },
      { kind: "caption", read: 100, quarantined: 100 },
    ]);
    const reasons = (await Array.fromAsync(plan.ledger())).map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(["no-texts", "dangling-image-id"]));
    const error: unknown = await planOf("coco-fit", "cut").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^100 of 200 records are faulty, 50 are allowed:\n {2}100 caption quarantined: dangling-image-id; first coco\/annotations\/captions_train2014\.json#\/annotations\/0: image \d+ is not listed/,
      ),
    });
  });
});
