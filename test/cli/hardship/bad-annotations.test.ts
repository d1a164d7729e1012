import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountForAnnotations } from "../../../src/cli/preparation/account-for-annotations.ts";
import type { PreparedSummary } from "../../../src/cli/preparation/prepare-text.ts";
import { SourceError } from "../../../src/core/errors.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { noExclusions } from "../../../src/ingest/exclusion/given-rules.ts";
import { readRecipe } from "../../../src/ingest/recipe.ts";
import { cocoCaption, cocoImage, writeFileBelow } from "../../ingest/coco-folder.ts";
import { imageRecord, regionRecord } from "../../ingest/datasets/visual-genome-folder.ts";
import { run } from "./tiny-world.ts";

const CAPTIONS = "coco/annotations/captions_train2017.json";
const REGIONS = "vg/region_descriptions.json";
const PAIRS = "nlvr2/dev.json";
const IDS = [1, 2, 3, 4];

const whole: Readonly<Record<string, string>> = {
  [CAPTIONS]: JSON.stringify({
    images: IDS.map((id) => cocoImage(id)),
    annotations: IDS.map((id) => cocoCaption(10 + id, id)),
  }),
  "vg/image_data.json": JSON.stringify([1, 2].map((id) => imageRecord(id))),
  [REGIONS]: JSON.stringify(
    [1, 2].map((id) => ({ id, regions: [10, 20].map((at) => regionRecord(at + id, id)) })),
  ),
  [PAIRS]: IDS.map((id) => {
    const urls = { left_url: "http://example.org/l.jpg", right_url: "http://example.org/r.jpg" };
    const identifier = `dev-${id}-0-0`;
    return `${JSON.stringify({ sentence: `It is ${id}.`, ...urls, label: "True", identifier })}\n`;
  }).join(""),
};

let folder = "";
let source = "";
let recipe = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-bad-annotations-"));
  source = join(folder, "source");
  recipe = join(folder, "recipe.json");
  for (const [path, text] of Object.entries(whole)) await writeFileBelow(source, path, text);
  const names = ["coco", "visual-genome", "nlvr2"];
  const from = Object.fromEntries(names.map((name) => [name, "everything"]));
  await writeFile(
    recipe,
    JSON.stringify({
      name: "all",
      summary: "Everything in one split.",
      datasets: names.map((name) => ({ name })),
      splits: [{ name: "train", role: "train", from }],
      policy: "none",
      pictures: { shorterSide: 640, jpegQuality: 95, maxPixels: 5e7 },
      shards: { targetBatchBytes: 2 ** 25, maxScenesPerBatch: 128, targetShardBytes: 2 ** 28 },
      quarantineLimit: { share: 1, records: 50 },
    }),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Accounts for the source as `crossweave prepare --annotations-only` does; a SourceError is given and not thrown. */
async function account(strict: boolean): Promise<PreparedSummary | SourceError> {
  const outFolder = await mkdtemp(join(folder, "out-"));
  const all = await readRecipe(recipe);
  const call = {
    recipe: all,
    sourceFolder: source,
    outFolder,
    allowMissing: false,
    acceptUnknownRelease: false,
    exclusions: noExclusions,
    strict,
    quarantineLimit: all.quarantineLimit,
    numWorkers: 1,
    fresh: false,
  };
  try {
    const { signal } = new AbortController();
    return await accountForAnnotations(call, { progress: silentProgress, signal });
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
}

/** Uses the source with other content in one file. */
async function withContent<T>(
  path: string,
  content: string | Uint8Array,
  use: () => Promise<T>,
): Promise<T> {
  await writeFile(join(source, path), content);
  try {
    return await use();
  } finally {
    await writeFile(join(source, path), whole[path] ?? "");
  }
}

/** The whole content of a file with a part of it replaced. */
function replaced(path: string, from: string, to: string): Buffer {
  const text = whole[path] ?? "";
  expect(text).toContain(from);
  return Buffer.from(text.replace(from, to));
}

describe("A faulty record", () => {
  it.each([
    {
      name: "of the wrong shape",
      content: () => replaced(CAPTIONS, `"image_id":2`, `"image_id":"two"`),
      reason: "ANN_SHAPE",
      at: [CAPTIONS, "/annotations/1"],
    },
    {
      name: "with NaN for an id",
      content: () => replaced(CAPTIONS, `"id":12`, `"id":NaN`),
      reason: "ANN_SYNTAX",
      at: [CAPTIONS, "/annotations/1"],
    },
    {
      name: "with NaN in a box",
      content: () => replaced(REGIONS, `"width":30`, `"width":NaN`),
      reason: "ANN_SYNTAX",
      at: [REGIONS, "/0"],
    },
    {
      name: "with a negative box",
      content: () => replaced(REGIONS, `"x":10`, `"x":-10`),
      reason: "ANN_BOX",
      at: [REGIONS, "/0/regions/0"],
    },
    {
      name: "with an empty text",
      content: () => replaced(CAPTIONS, `"text 12"`, `" "`),
      reason: "CAP_EMPTY",
      at: [CAPTIONS, "/annotations/1"],
    },
    {
      name: "whose id another one has",
      content: () => replaced(CAPTIONS, `"id":12`, `"id":11`),
      reason: "ANN_CONFLICT",
      at: [CAPTIONS, "/annotations/1"],
    },
    {
      name: "whose id another one has, in a list inside",
      content: () => replaced(REGIONS, `"region_id":12`, `"region_id":11`),
      reason: "ANN_CONFLICT",
      at: [REGIONS, "/1/regions/0"],
    },
    {
      name: "of an image that is not listed",
      content: () => replaced(CAPTIONS, `"image_id":2`, `"image_id":99`),
      reason: "dangling-image-id",
      at: [CAPTIONS, "/annotations/1"],
    },
    {
      name: "with bytes that are no UTF-8",
      content: () => {
        const bytes = replaced(CAPTIONS, `"text 12"`, `"text #2"`);
        bytes[bytes.indexOf("#")] = 0xff;
        return bytes;
      },
      reason: "ANN_SYNTAX",
      at: [CAPTIONS, "/annotations/1"],
    },
    {
      name: "with a key given twice",
      content: () => replaced(CAPTIONS, `"id":12`, `"id":12,"id":12`),
      reason: "ANN_SYNTAX",
      at: [CAPTIONS, "/annotations/1"],
    },
    {
      name: "on a line of its own",
      content: () => replaced(PAIRS, `"It is 3."`, `NaN`),
      reason: "ANN_SYNTAX",
      at: [PAIRS, "line 3"],
    },
  ])("$name goes to the ledger, and stops --strict at the same place", async (row) => {
    const [file = "", record = ""] = row.at;
    const [lenient, strict] = await withContent(file, row.content(), async () => {
      return [await account(false), await account(true)] as const;
    });
    expect(quarantinedIn(lenient)).toMatchObject([{ reason: row.reason, first: { file, record } }]);
    const message: unknown = expect.stringContaining(`${file} ${record}: `);
    expect(strict).toMatchObject({ exitCode: 23, file, record, message, remedy: anyText });
  });

  it("that repeats another in all it says is left out as such, also with --strict", async () => {
    const twice = whole[CAPTIONS]?.replace(/("annotations":\[)(\{.*?\}),/, "$1$2,$2,") ?? "";
    for (const strict of [false, true]) {
      expect(await withContent(CAPTIONS, twice, () => account(strict))).toMatchObject({
        reasons: [{ outcome: "excluded", reason: "duplicate-of", first: repeated }],
      });
    }
  });

  it("ends the program with exit code 23 and its place when it runs with --strict", async () => {
    const out = join(folder, "program");
    const call = ["prepare", recipe, "--source", source, "--annotations-only", "--out", out];
    const bad = replaced(CAPTIONS, `"image_id":2`, `"image_id":-2`);
    await withContent(CAPTIONS, bad, async () => {
      const strict = await run([...call, "--strict"]);
      expect(strict).toMatchObject({ exitCode: 23, stdout: "" });
      expect(strict.stderr).toContain(`error: ${CAPTIONS} /annotations/1: ANN_SHAPE: /image_id is`);
      expect(strict.stderr).toMatch(/record {2}\/annotations\/1\n {2}remedy {2}\S/);
      expect(await run(call)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/caption +quarantined +ANN_SHAPE +1/),
      });
    });
  });
});

const anyText: unknown = expect.stringMatching(/\S/);
const repeated = { file: CAPTIONS, record: "/annotations/1" };

function quarantinedIn(summary: PreparedSummary | SourceError): readonly unknown[] {
  if (summary instanceof SourceError) throw summary;
  return summary.reasons.filter(({ outcome }) => outcome === "quarantined");
}

const captions = Buffer.from(whole[CAPTIONS] ?? "");
const littleEndian = Buffer.from(captions.toString(), "utf16le");
const bigEndian = Buffer.from(littleEndian).swap16();

describe("A file that is broken as a whole", () => {
  it.each([
    { name: "empty", content: "", words: "the document is empty" },
    { name: "cut off", content: captions.subarray(0, 700), words: "ends early, in images/2" },
    { name: "a web page", content: "<!DOCTYPE html><title>404</title>", words: "it begins" },
    { name: "null", content: "null", words: "where an object or a list should be" },
    { name: "without records", content: `{"images":[]}`, words: `no list "images", or an empty` },
    {
      name: "with a comma too many",
      content: captions.toString().replace("}]", "},]"),
      words: `found "]" where a value should be`,
    },
    { name: "UTF-16 (little-endian)", content: littleEndian, words: "is UTF-16" },
    { name: "UTF-16 (big-endian)", content: bigEndian, words: "is UTF-16" },
    {
      name: "UTF-16 (little-endian, with a mark)",
      content: Buffer.concat([Buffer.from([0xff, 0xfe]), littleEndian]),
      words: "is UTF-16",
    },
    {
      name: "UTF-16 (big-endian, with a mark)",
      content: Buffer.concat([Buffer.from([0xfe, 0xff]), bigEndian]),
      words: "is UTF-16",
    },
  ])("$name is refused with its place", async ({ content, words }) => {
    for (const strict of [false, true]) {
      const error = await withContent(CAPTIONS, content, () => account(strict));
      const message: unknown = expect.stringContaining(words);
      expect(error).toMatchObject({ exitCode: 23, file: CAPTIONS, message, remedy: anyText });
    }
  });
});
