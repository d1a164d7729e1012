import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  type GenomeContent,
  imageRecord,
  planGenome,
  questionRecord,
  regionRecord,
  writeGenome,
} from "./visual-genome-folder.ts";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function genomeFolder(content: GenomeContent): Promise<string> {
  const folder = await writeGenome(content);
  folders.push(folder);
  return folder;
}

/** The rows of the ledger as "place id reason: evidence". */
async function faultsOf(content: GenomeContent): Promise<string[]> {
  using plan = await planGenome(await genomeFolder(content));
  const ledger = await Array.fromAsync(plan.ledger());
  expect(plan.counts.reduce((sum, { read, written }) => sum + read - written, 0)).toBe(
    ledger.length,
  );
  return ledger.map(
    ({ file, record, id, reason, evidence }) =>
      `${file.replace("vg/", "")}#${record} ${id} ${reason}: ${evidence}`,
  );
}

describe("Faulty records of Visual Genome", () => {
  const good = [{ id: 7, regions: [regionRecord(1, 7)] }];

  const ids = "expected a whole number from 0 to 2^53 - 1, or its digits";
  const faultyRegions: readonly (readonly [string, object, string])[] = [
    ["negative x", { x: -1 }, "ANN_BOX: /regions/1/x is -1; expected a number from 0 on"],
    ["far outside", { y: -904 }, "ANN_BOX: /regions/1/y is -904; expected a number from 0 on"],
    ["width 0", { width: 0 }, "ANN_BOX: /regions/1/width is 0; expected a number above 0"],
    ["height -3", { height: -3 }, "ANN_BOX: /regions/1/height is -3; expected a number above 0"],
    ["no x", { x: undefined }, "ANN_BOX: /regions/1/x is missing; expected a number from 0 on"],
    ["x null", { x: null }, "ANN_BOX: /regions/1/x is null; expected a number from 0 on"],
    ["y a text", { y: "20" }, 'ANN_BOX: /regions/1/y is "20"; expected a number from 0 on'],
    [
      "NaN as text",
      { width: "NaN" },
      'ANN_BOX: /regions/1/width is "NaN"; expected a number above 0',
    ],
    ["empty phrase", { phrase: " " }, "CAP_EMPTY: /regions/1/phrase: it has no visible character"],
    [
      "no phrase",
      { phrase: undefined },
      "ANN_SHAPE: /regions/1/phrase is missing; expected a text",
    ],
    ["phrase 5", { phrase: 5 }, "ANN_SHAPE: /regions/1/phrase is 5; expected a text"],
    [
      "lone surrogate",
      { phrase: "a \uD800" },
      "CAP_NOT_UNICODE: /regions/1/phrase: it has a lone surrogate",
    ],
    [
      "another image",
      { image_id: 8 },
      "ANN_CONFLICT: /regions/1 is of image 8, and stands in the list of image 7",
    ],
    ["image -1", { image_id: -1 }, `ANN_SHAPE: /regions/1/image_id is -1; ${ids}`],
    [
      "two images",
      { image: 8 },
      "ANN_CONFLICT: /regions/1/image is 8; expected 7, as image_id says",
    ],
  ];

  it.each(faultyRegions)("region with %s", async (_, fields, expected) => {
    const regions = [{ id: 7, regions: [regionRecord(1, 7), regionRecord(2, 7, { ...fields })] }];
    expect(await faultsOf({ images: [imageRecord(7)], regions })).toEqual([
      `region_descriptions.json#/0/regions/1 2 ${expected}`,
    ]);
  });

  it.each([
    ["no id", { region_id: undefined }, `/regions/1/region_id is missing; ${ids}`],
    ["a negative id", { region_id: -2 }, `/regions/1/region_id is -2; ${ids}`],
    [
      "an id beyond 2^53",
      { region_id: 2 ** 53 },
      `/regions/1/region_id is about 9007199254740992 (past 2^53 a number has lost its last digits); ${ids}`,
    ],
    [
      "a broken id of version 1.0",
      { region_id: undefined, id: "x" },
      `/regions/1/id is "x"; ${ids}`,
    ],
  ])("region with %s", async (_, fields, expected) => {
    const regions = [{ id: 7, regions: [regionRecord(1, 7), regionRecord(2, 7, { ...fields })] }];
    expect(await faultsOf({ images: [imageRecord(7)], regions })).toEqual([
      `region_descriptions.json#/0/regions/1  ANN_SHAPE: ${expected}`,
    ]);
  });

  it("region that is no object", async () => {
    const regions = [{ id: 7, regions: [regionRecord(1, 7), 5, null] }];
    expect(await faultsOf({ images: [imageRecord(7)], regions })).toEqual([
      "region_descriptions.json#/0/regions/1  ANN_SHAPE: /regions/1 is 5; expected an object",
      "region_descriptions.json#/0/regions/2  ANN_SHAPE: /regions/2 is null; expected an object",
    ]);
  });

  it("question without a text or an answer", async () => {
    const qas = [
      questionRecord(1, 7),
      questionRecord(2, 7, { question: "" }),
      questionRecord(3, 7, { answer: "\n" }),
      questionRecord(4, 7, { answer: null }),
    ];
    expect(await faultsOf({ images: [imageRecord(7)], questions: [{ id: 7, qas }] })).toEqual([
      "question_answers.json#/0/qas/1 2 CAP_EMPTY: /qas/1/question: it has no visible character",
      "question_answers.json#/0/qas/2 3 CAP_EMPTY: /qas/2/answer: it has no visible character",
      "question_answers.json#/0/qas/3 4 ANN_SHAPE: /qas/3/answer is null; expected a text",
    ]);
  });

  it("list of regions that is missing, of no image, of two images or of an image that is not listed", async () => {
    const regions = [
      ...good,
      { id: 7.5, regions: [] },
      { id: 8 },
      { id: 9, image_id: 7, regions: [] },
      [],
      { id: 10, regions: [regionRecord(5, 10)] },
    ];
    const images = [imageRecord(7), imageRecord(8)];
    const found = await faultsOf({ images, regions });
    expect(found.map((row) => row.replace("region_descriptions.json", ""))).toEqual([
      "image_data.json#/1 8 no-texts: no usable text names it",
      `#/1  ANN_SHAPE: /image_id is missing; ${ids}`.replace("image_id is missing", "id is 7.5"),
      "#/2 8 ANN_SHAPE: /regions is missing; expected a list",
      "#/3 7 ANN_CONFLICT: /id is 9; expected 7, as image_id says",
      "#/4  ANN_SHAPE: is no object",
      "#/5 10 dangling-image-id: image 10 is not listed in vg/image_data.json, vg/region_descriptions.json",
      "#/5/regions/0 5 dangling-image-id: image 10 is not listed in vg/image_data.json, vg/region_descriptions.json",
    ]);
  });

  it("image with a wrong id or a link that is none", async () => {
    const images = [
      imageRecord(7),
      imageRecord(null),
      imageRecord(2 ** 53),
      imageRecord(8, { id: 9 }),
      imageRecord(10, { coco_id: "none" }),
      imageRecord(11, { flickr_id: 1e300 }),
      imageRecord(12, { coco_id: -7 }),
    ];
    const link = `${ids}, or null, -1 or 0 for none`;
    expect(await faultsOf({ images, regions: good })).toEqual([
      `image_data.json#/1  ANN_SHAPE: /image_id is null; ${ids}`,
      `image_data.json#/2  ANN_SHAPE: /image_id is about 9007199254740992 (past 2^53 a number has lost its last digits); ${ids}`,
      "image_data.json#/3 8 ANN_CONFLICT: /id is 9; expected 8, as image_id says",
      `image_data.json#/4 10 ANN_SHAPE: /coco_id is "none"; ${link}`,
      `image_data.json#/5 11 ANN_SHAPE: /flickr_id is about 1e+300 (past 2^53 a number has lost its last digits); ${link}`,
      `image_data.json#/6 12 ANN_SHAPE: /coco_id is -7; ${link}`,
    ]);
  });

  it("two records with one id, equal and not", async () => {
    const images = [imageRecord(7), imageRecord(7), imageRecord(7, { coco_id: 5 }), imageRecord(8)];
    const regions = [
      { id: 7, regions: [regionRecord(1, 7), regionRecord(1, 7), regionRecord(1, 7, { x: 11 })] },
      { id: 8, regions: [regionRecord(1, 8, { phrase: "other" }), regionRecord(2, 8)] },
    ];
    const first = "vg/region_descriptions.json#/0/regions/0";
    expect(await faultsOf({ images, regions })).toEqual([
      "image_data.json#/1 7 duplicate-of: vg/image_data.json#/0",
      "image_data.json#/2 7 ANN_CONFLICT: vg/image_data.json#/0 has the same id and other content",
      `region_descriptions.json#/0/regions/1 1 duplicate-of: ${first}`,
      `region_descriptions.json#/0/regions/2 1 ANN_CONFLICT: ${first} has the same id and other content`,
      `region_descriptions.json#/1/regions/0 1 ANN_CONFLICT: ${first} has the same id and other content`,
    ]);
  });

  it("an image's list of regions that stands twice, equal and not", async () => {
    const regions = [...good, ...good, { id: 7, regions: [regionRecord(2, 7)] }];
    const found = await faultsOf({ images: [imageRecord(7)], regions });
    expect(found.map((row) => row.split(":")[0])).toEqual([
      "region_descriptions.json#/1 7 duplicate-of",
      "region_descriptions.json#/1/regions/0 1 duplicate-of",
      "region_descriptions.json#/2 7 ANN_CONFLICT",
      "region_descriptions.json#/2/regions/0 2 ANN_CONFLICT",
    ]);
  });

  it("an entry with a bare NaN", async () => {
    const folder = await genomeFolder({ images: [imageRecord(7), imageRecord(8)], regions: good });
    const path = join(folder, "vg/region_descriptions.json");
    const text = (await readFile(path, "utf8")).slice(0, -1);
    await writeFile(path, `${text},{"id": 8, "regions": [{"region_id": 2, "x": NaN}]}]`);
    using plan = await planGenome(folder);
    const ledger = await Array.fromAsync(plan.ledger());
    expect(ledger.at(-1)).toMatchObject({ record: "/1", reason: "ANN_SYNTAX", kind: "image" });
    expect(ledger.at(-1)?.evidence).toContain("NaN");
  });

  it("stop a strict preparation with file, pointer and remedy", async () => {
    const regions = [{ id: 7, regions: [regionRecord(1, 7, { x: -4 })] }];
    const folder = await genomeFolder({ images: [imageRecord(7)], regions });
    await expect(planGenome(folder, { strict: true })).rejects.toThrow(
      "vg/region_descriptions.json /0/regions/0: ANN_BOX: /regions/0/x is -4; expected a number from 0 on",
    );
  });
});
