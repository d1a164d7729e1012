import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SceneText } from "../../../src/core/records.ts";
import { isObject } from "../../../src/ingest/annotations/record-fields.ts";
import { sceneText } from "../../../src/ingest/annotations/scene-texts.ts";
import type {
  DatasetReading,
  Entry,
  Examined,
  ListReading,
  SceneDescription,
} from "../../../src/ingest/joining/dataset-reading.ts";
import { planDataset } from "../../../src/ingest/joining/plan-dataset.ts";
import type { SourcePlan } from "../../../src/ingest/source.ts";
import { everything, writeFileBelow } from "../coco-folder.ts";
import { planOptions } from "../plan-options.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-joining-"));
});
afterAll(() => rm(folder, { recursive: true }));

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** A made-up record: an id, the picture's name, a text. */
function examine({ value }: Entry): Examined {
  if (!isObject(value)) return { fault: "ANN_SHAPE", evidence: "is no object" };
  const [id, name, words] = [value["id"], value["picture"], value["text"]].map(text);
  if (id === undefined || name === undefined || words === undefined) throw new Error("three");
  const key = `vcr:${name}` as const;
  const nothing = { url: null, flickrPhotoId: null, license: null, linkedKeys: [] } as const;
  const describeScene = (): SceneDescription => {
    const part = { part: "all", evidence: "made up" };
    return { sceneKey: key, part, pictures: [{ key, name, folder: "pictures", ...nothing }] };
  };
  const texts = (): SceneText[] => [sceneText({ id, kind: "caption", text: words })];
  return { id, sceneId: name, describe: describeScene, texts };
}

function listOf(kind: string): ListReading {
  return { kind, idSpace: "record", examine };
}

/** Plans documents whose lists share their ids. */
async function planOf(
  documents: Readonly<Record<string, Readonly<Record<string, readonly object[]>>>>,
): Promise<SourcePlan> {
  for (const [path, document] of Object.entries(documents)) {
    await writeFileBelow(folder, path, JSON.stringify(document));
  }
  const reading: DatasetReading = {
    manifest: {
      dataset: "made-up",
      title: "",
      homepage: "",
      license: "",
      releases: [],
      pictures: [],
      splits: [],
    },
    files: Object.entries(documents).map(([path, document]) => {
      const members = Object.keys(document).map((member) => [member, listOf(member)] as const);
      return { path, format: "json", lists: Object.fromEntries(members) };
    }),
    pictures: { find: () => undefined },
  };
  const options = { ...planOptions(folder), annotationsOnly: true, acceptUnknownRelease: true };
  return planDataset(reading, { ...options, splits: everything });
}

function recordOf(id: string, words = `text ${id}`): object {
  return { id, picture: "one", text: words };
}

describe("Lists of one id space", () => {
  it("find doubles in each other, in one file and in several", async () => {
    using plan = await planOf({
      "a.json": {
        first: [recordOf("1"), recordOf("2")],
        second: [recordOf("2"), recordOf("3"), recordOf("1", "other")],
      },
      "b.json": { third: [recordOf("3"), recordOf("4"), recordOf("x"), recordOf("x")] },
    });
    const ledger = await Array.fromAsync(plan.ledger());
    expect(
      ledger.map(({ file, record, reason, evidence }) => [file, record, reason, evidence]),
    ).toEqual([
      ["a.json", "/second/0", "duplicate-of", "a.json#/first/1"],
      ["a.json", "/second/2", "ANN_CONFLICT", "a.json#/first/0 has the same id and other content"],
      ["b.json", "/third/0", "duplicate-of", "a.json#/second/1"],
      ["b.json", "/third/3", "duplicate-of", "b.json#/third/2"],
    ]);
    const [scene] = await Array.fromAsync(plan.scenes("train"));
    expect(scene?.draft.texts.map(({ id }) => id)).toEqual(["1", "2", "3", "4", "x"]);
    expect(plan.counts.map(({ read, written }) => [read, written])).toEqual([
      [2, 2],
      [3, 1],
      [4, 2],
    ]);
  });
});
