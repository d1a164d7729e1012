import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { array, assert, asyncProperty, constantFrom, nat, record } from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { isObject } from "../../../src/ingest/annotations/record-fields.ts";
import { visualGenome } from "../../../src/ingest/datasets/visual-genome.ts";
import { vqa2 } from "../../../src/ingest/datasets/vqa2.ts";
import type { Source } from "../../../src/ingest/source.ts";
import { checkSourceContract } from "../../contracts/source-contract.ts";
import { everything } from "../coco-folder.ts";
import { imageRecord, questionRecord, regionRecord, writeGenome } from "./visual-genome-folder.ts";
import { annotationOf, questionOf, writeVqa } from "./vqa2-folder.ts";

type Path = readonly string[];

/** Where every value of a document stands, the document itself left out. */
function placesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [
    [...path, key],
    ...placesOf(item, [...path, key]),
  ]);
}

function valueAt(document: unknown, path: Path): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return document;
  const item = Array.isArray(document) ? document[Number(key)] : undefined;
  return valueAt(isObject(document) ? document[key] : item, rest);
}

/** The document with other items, or none, in place of the one at `path`. */
function replaced(document: unknown, path: Path, items: readonly unknown[]): unknown {
  const [key, ...rest] = path;
  if (typeof document !== "object" || document === null) return document;
  const entries = Object.entries(document).flatMap(([name, item]): [string, unknown][] => {
    if (name !== key) return [[name, item]];
    const inside = rest.length === 0 ? items : [replaced(item, rest, items)];
    return inside.map((one) => [name, one]);
  });
  return Array.isArray(document) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

const oddValues = [null, -1, 0, 1, 2, 1.5, 2 ** 53, "", " ", "x", "\uD800", "7", [], {}, true];

interface Damage {
  readonly at: number;
  readonly kind: "remove" | "replace" | "repeat" | "copy";
  readonly by: number;
}

/** One value removed, replaced by an odd one, repeated, or copied from elsewhere. */
function damaged(document: unknown, { at, kind, by }: Damage): unknown {
  const places = placesOf(document);
  const place = places[at % places.length] ?? [];
  const value = valueAt(document, place);
  const items = {
    remove: [],
    replace: [oddValues[by % oddValues.length]],
    repeat: [value, value],
    copy: [valueAt(document, places[by % places.length] ?? [])],
  }[kind];
  return replaced(document, place, items);
}

const damages = array(
  record({
    at: nat(),
    kind: constantFrom("remove", "replace", "repeat", "copy"),
    by: nat(),
  }),
  { minLength: 1, maxLength: 3 },
);

const vg = ["vg/image_data.json", "vg/region_descriptions.json", "vg/question_answers.json"];
const vqa = [
  "vqa2/v2_OpenEnded_mscoco_val2014_questions.json",
  "vqa2/v2_mscoco_val2014_annotations.json",
];

let genomeFolder = "";
let vqaFolder = "";
beforeAll(async () => {
  genomeFolder = await writeGenome({
    images: [imageRecord(1, { coco_id: 5 }), imageRecord(2, { flickr_id: 6 }), imageRecord(3)],
    regions: [1, 2].map((id) => ({ id, regions: [10, 20].map((at) => regionRecord(at + id, id)) })),
    questions: [1, 2, 3].map((id) => ({ id, qas: [questionRecord(id, id)] })),
  });
  const ids = [1000, 1001, 2000];
  vqaFolder = await writeVqa({
    questions: { val2014: ids.map((id) => questionOf(id, Math.floor(id / 1000))) },
    annotations: { val2014: ids.map((id) => annotationOf(id, Math.floor(id / 1000))) },
  });
});
afterAll(() =>
  Promise.all([genomeFolder, vqaFolder].map((folder) => rm(folder, { recursive: true }))),
);

/** Damages the files in turn and checks the contract each time; gives how often a file could be read. */
async function checkDamaged(
  source: Source,
  folder: string,
  files: readonly string[],
): Promise<number> {
  const whole = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  let numRead = 0;
  await assert(
    asyncProperty(nat(files.length - 1), damages, async (index, all) => {
      const path = join(folder, files[index] ?? "");
      const text = whole[index] ?? "";
      const document = all.reduce(
        (value: unknown, damage) => damaged(value, damage),
        JSON.parse(text),
      );
      await writeFile(path, JSON.stringify(document));
      const choice = { annotationsOnly: true };
      try {
        await checkSourceContract({ source, folder, splits: everything, choice });
        numRead += 1;
      } catch (error) {
        if (!(error instanceof SourceError) || error.remedy === undefined) throw error;
      } finally {
        await writeFile(path, text);
      }
    }),
    { numRuns: 100 },
  );
  return numRead;
}

describe("Records with damaged values", () => {
  it("of Visual Genome have one fate each, and the counts add up", async () => {
    expect(await checkDamaged(visualGenome, genomeFolder, vg)).toBeGreaterThan(50);
  });

  it("of VQA v2 have one fate each, and the counts add up", async () => {
    expect(await checkDamaged(vqa2, vqaFolder, vqa)).toBeGreaterThan(50);
  });
});
