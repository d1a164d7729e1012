import { readFile, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, SourceError } from "../../../src/core/errors.ts";
import { genomeIdOfLine } from "../../../src/ingest/datasets/visual-genome.ts";
import type { SceneDraft } from "../../../src/core/records.ts";
import type { SourcePlan } from "../../../src/ingest/source.ts";
import { drawPicture, ledgerLines, scenesOf, writeFileBelow } from "../coco-folder.ts";
import {
  addButdLists,
  butdSplits,
  type GenomeContent,
  imageRecord,
  planGenome,
  questionRecord,
  realGenome,
  regionRecord,
  writeGenome,
} from "./visual-genome-folder.ts";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function genomeFolder(
  content: GenomeContent,
  pictures: readonly string[] = [],
): Promise<string> {
  const folder = await writeGenome(content, pictures);
  folders.push(folder);
  return folder;
}

function countsOf(plan: SourcePlan): string[] {
  return plan.counts.map(
    ({ file, kind, read, written, excluded, quarantined }) =>
      `${file} ${kind}: ${read} = ${written} + ${excluded} + ${quarantined}`,
  );
}

async function draftsOf(plan: SourcePlan): Promise<SceneDraft[]> {
  return (await scenesOf(plan)).map(({ draft }) => draft);
}

describe("The first hundred images of Visual Genome", () => {
  let real: Awaited<ReturnType<typeof realGenome>>;
  let folder = "";
  beforeAll(async () => {
    real = await realGenome();
    folder = await genomeFolder(real);
  });

  it("have 7,278 regions and 3,393 questions; four regions begin outside their picture", async () => {
    using plan = await planGenome(folder);
    expect(countsOf(plan)).toEqual([
      "vg/image_data.json image: 100 = 100 + 0 + 0",
      "vg/region_descriptions.json image: 100 = 100 + 0 + 0",
      "vg/region_descriptions.json region: 7278 = 7274 + 0 + 4",
      "vg/question_answers.json image: 100 = 100 + 0 + 0",
      "vg/question_answers.json question: 3393 = 3393 + 0 + 0",
    ]);
    const ledger = await Array.fromAsync(plan.ledger());
    const file = "vg/region_descriptions.json";
    const fault = { file, kind: "region", outcome: "quarantined", reason: "ANN_BOX" };
    expect(ledger[0]).toEqual({
      ...fault,
      record: "/88/regions/43",
      id: "5517289",
      evidence: "/regions/43/x is -2; expected a number from 0 on",
    });
    expect(ledger.map(({ id }) => id)).toEqual(["5517289", "5517290", "5517291", "5517442"]);
  });

  it("give each scene its texts as published, regions before questions", async () => {
    using plan = await planGenome(folder);
    const scenes = await scenesOf(plan);
    const [first] = scenes;
    const { regions } = real.regions[0] ?? { regions: [] };
    const { qas } = real.questions[0] ?? { qas: [] };
    expect(first?.draft.sceneKey).toBe("vg:1");
    expect(first?.draft.texts.map(({ id }) => Number(id))).toEqual([
      ...regions.map((region) => region["region_id"]),
      ...qas.map((question) => question["qa_id"]),
    ]);
    const [region] = regions;
    expect(first?.draft.texts[0]).toEqual({
      id: String(region?.["region_id"]),
      kind: "region-description",
      text: region?.["phrase"],
      label: null,
      answers: [],
      choices: [],
      box: {
        x: region?.["x"],
        y: region?.["y"],
        width: region?.["width"],
        height: region?.["height"],
      },
      context: null,
    });
    expect(first?.draft.texts[regions.length]).toEqual({
      id: "986768",
      kind: "question",
      text: "What color is the clock?",
      label: "Green.",
      answers: [{ answer: "Green.", count: 1 }],
      choices: [],
      box: null,
      context: null,
    });
  });

  it("are the same scenes in the key style of version 1.0", async () => {
    using plan = await planGenome(folder);
    const old = await genomeFolder({
      images: real.images.map(({ image_id: id, ...image }) => ({ ...image, id })),
      regions: real.regions.map(({ id, regions }) => ({
        id,
        regions: regions.map(({ region_id: ownId, image_id: image, ...region }) => {
          return { ...region, id: ownId, image };
        }),
      })),
      questions: real.questions.map(({ id, qas }) => ({
        id,
        qas: qas.map(({ qa_id: ownId, image_id: image, ...question }) => {
          return { ...question, id: ownId, image };
        }),
      })),
    });
    using oldPlan = await planGenome(old);
    expect(await scenesOf(oldPlan)).toEqual(await scenesOf(plan));
    expect(await ledgerLines(oldPlan)).toEqual(await ledgerLines(plan));
  });

  it("stand in the train part of bottom-up attention's lists, which name 108,077 images", async () => {
    const listed = await genomeFolder(real);
    await addButdLists(listed);
    using plan = await planGenome(listed, { splits: butdSplits });
    expect(plan.release).toBe("release unknown, bottom-up-attention split");
    expect(plan.unlisted.numPictures).toBe(98_077 + 5000 + 5000 - 100);
    expect(plan.partial).toBe(true);
    expect(plan.splits.map(({ numScenes }) => numScenes)).toEqual([93, 2, 5]);
    const pictures = Array.from(plan.pictures());
    expect(pictures.filter(({ isUnlisted }) => !isUnlisted)).toHaveLength(100);
    expect(pictures).toHaveLength(108_077);
  });

  it("are read from gzipped files as from plain ones", async () => {
    const packed = await genomeFolder(real);
    const path = join(packed, "vg/region_descriptions.json");
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
    await unlink(path);
    using plan = await planGenome(folder);
    using packedPlan = await planGenome(packed);
    expect(await draftsOf(packedPlan)).toEqual(await draftsOf(plan));
  });

  it("are read for regions alone without opening the file of questions, and the other way round", async () => {
    const broken = await genomeFolder({ images: real.images, regions: real.regions });
    await writeFileBelow(broken, "vg/question_answers.json", "no JSON");
    using regions = await planGenome(broken, { textKinds: ["region-description"] });
    expect(regions.files.map(({ file }) => file)).toEqual([
      "vg/image_data.json",
      "vg/region_descriptions.json",
    ]);
    expect(regions.splits[0]?.numTexts).toBe(7274);
    expect(regions.unlisted.absentFiles).toEqual([]);
    await writeFileBelow(broken, "vg/region_descriptions.json", "no JSON");
    await writeFileBelow(broken, "vg/question_answers.json", JSON.stringify(real.questions));
    using questions = await planGenome(broken, { textKinds: ["question"] });
    expect(questions.splits[0]?.numTexts).toBe(3393);
  });
});

describe("Links of Visual Genome's images", () => {
  it.each([
    ["null", null],
    ["-1", -1],
    ["0", 0],
    ["a missing key", undefined],
  ])("are none where the id is %s", async (_, none) => {
    const images = [imageRecord(7, { coco_id: none, flickr_id: none })];
    const folder = await genomeFolder({
      images,
      questions: [{ id: 7, qas: [questionRecord(1, 7)] }],
    });
    using plan = await planGenome(folder);
    const [scene] = await scenesOf(plan);
    expect(scene?.draft.pictures).toMatchObject([{ linkedKeys: [], flickrPhotoId: null }]);
  });

  it("are a key of COCO and the digits of a Flickr photo, beyond 2^31 too", async () => {
    const images = [imageRecord(7, { coco_id: 391_895, flickr_id: 6_150_000_123 })];
    const folder = await genomeFolder({
      images,
      questions: [{ id: 7, qas: [questionRecord(1, 7)] }],
    });
    using plan = await planGenome(folder);
    const [scene] = await scenesOf(plan);
    expect(scene?.draft.pictures).toEqual([
      {
        key: "vg:7",
        path: "vg/VG_100K/7.jpg",
        url: "https://cs.stanford.edu/people/rak248/VG_100K/7.jpg",
        flickrPhotoId: "6150000123",
        license: null,
        linkedKeys: ["coco:391895"],
      },
    ]);
  });

  it("put an image of an evaluation picture out of what is trained on", async () => {
    const images = [
      imageRecord(7, { coco_id: 42 }),
      imageRecord(8, { flickr_id: 99 }),
      imageRecord(9),
    ];
    const questions = [7, 8, 9].map((id) => ({ id, qas: [questionRecord(id, id)] }));
    const folder = await genomeFolder({ images, questions });
    using plan = await planGenome(folder, {
      exclusions: {
        digest: "",
        match: ({ linkedKeys, flickrPhotoId }) =>
          linkedKeys.includes("coco:42") || flickrPhotoId === "99"
            ? { rule: "linked-key", evidence: "seen" }
            : undefined,
      },
    });
    expect((await scenesOf(plan)).map(({ draft }) => draft.sceneKey)).toEqual(["vg:9"]);
    expect(await ledgerLines(plan)).toEqual([
      "image 7 excluded linked-key",
      "image 8 excluded linked-key",
      "image 7 excluded linked-key",
      "question 7 excluded linked-key",
      "image 8 excluded linked-key",
      "question 8 excluded linked-key",
    ]);
  });
});

describe("Pictures of Visual Genome", () => {
  const content = {
    images: [imageRecord(7), imageRecord(8)],
    regions: [7, 8].map((id) => ({ id, regions: [regionRecord(id, id)] })),
  };

  it("are found in either folder, whatever the URL says", async () => {
    const folder = await genomeFolder(content, ["VG_100K_2/7.jpg", "VG_100K/8.jpg"]);
    using plan = await planGenome(folder, { annotationsOnly: false });
    const paths = (await scenesOf(plan)).flatMap(({ draft }) =>
      draft.pictures.map(({ path }) => path),
    );
    expect(paths).toEqual(["vg/VG_100K_2/7.jpg", "vg/VG_100K/8.jpg"]);
  });

  it("that are nowhere are missing with all of their regions", async () => {
    const folder = await genomeFolder(content, ["VG_100K/8.jpg"]);
    using plan = await planGenome(folder, { annotationsOnly: false });
    expect(plan.missing).toEqual({ numPictures: 1, examples: ["vg/VG_100K/7.jpg"] });
    expect(await ledgerLines(plan)).toEqual([
      "image 7 missing no-picture",
      "image 7 missing no-picture",
      "region 7 missing no-picture",
    ]);
  });

  it("may be in both folders when they are the same, and may not when they differ", async () => {
    const folder = await genomeFolder(content, ["VG_100K/7.jpg", "VG_100K/8.jpg"]);
    await writeFileBelow(folder, "vg/VG_100K_2/7.jpg", await drawPicture(0));
    using plan = await planGenome(folder, { annotationsOnly: false });
    expect(plan.missing.numPictures).toBe(0);
    await writeFileBelow(folder, "vg/VG_100K_2/7.jpg", await drawPicture(5));
    const refused = planGenome(folder, { annotationsOnly: false });
    await expect(refused).rejects.toThrow(
      "vg/VG_100K/7.jpg and vg/VG_100K_2/7.jpg: one image by their name, two by their content",
    );
  });
});

describe("Lines of bottom-up attention's lists", () => {
  it.each([
    ["VG_100K_2/2415417.jpg xml/2415417.xml", "2415417"],
    ["VG_100K/2331938.jpg xml/2331938.xml\r", "2331938"],
    ["VG_100K/107.jpg", "107"],
    ["VG_100K/../107.jpg xml/107.xml", undefined],
    ["COCO_val2014_000000391895.jpg", undefined],
    ["", undefined],
  ])("%j names %s", (line, id) => {
    expect(genomeIdOfLine(line)).toBe(id);
  });
});

describe("A folder of Visual Genome", () => {
  it("without image_data.json is refused: nothing would say which pictures are COCO's", async () => {
    const folder = await genomeFolder({ images: [imageRecord(7)], regions: [] });
    await unlink(join(folder, "vg/image_data.json"));
    const refused = planGenome(folder);
    await expect(refused).rejects.toThrow(SourceError);
    await expect(refused).rejects.toThrow("vg/image_data.json: missing");
  });

  it("without the texts that are asked for is refused", async () => {
    const folder = await genomeFolder({ images: [imageRecord(7)], regions: [] });
    await expect(planGenome(folder, { textKinds: ["question"] })).rejects.toThrow(
      "has no file of Visual Genome",
    );
  });

  it("without one of the two files of texts is a part of the release", async () => {
    const regions = [{ id: 7, regions: [regionRecord(1, 7)] }];
    const folder = await genomeFolder({ images: [imageRecord(7)], regions });
    using plan = await planGenome(folder);
    expect(plan.unlisted.absentFiles).toEqual(["vg/question_answers.json"]);
    expect(plan.partial).toBe(true);
  });

  it("has one published split", async () => {
    const folder = await genomeFolder({ images: [imageRecord(7)], regions: [] });
    const choice = { splits: butdSplits, publishedSplit: "karpathy" };
    await expect(planGenome(folder, choice)).rejects.toThrow(ConfigError);
  });
});
