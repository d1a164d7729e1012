import { describe, expect, it } from "vitest";
import { ConfigError, SourceError } from "../../src/core/errors.ts";
import {
  type PublishedSplit,
  type PublishedSplitOptions,
  readPublishedSplit,
  wantedSplit,
} from "../../src/ingest/published-split.ts";
import { folderWith } from "./datasets/flickr30k-folder.ts";

const JSON_FILE = "a/dataset_a.json";
const split = {
  name: "Karpathy split",
  json: JSON_FILE,
  offeredAt: "https://example.org/a.zip",
  parts: [
    { name: "train", list: "lists/a_train.txt" },
    { name: "test", list: "lists/a_test.txt" },
  ],
};

function idOfName(name: string): string | undefined {
  return /^(\d+)(?:\.jpg)?$/.exec(name)?.[1];
}

async function read(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: Partial<PublishedSplitOptions> = {},
): Promise<PublishedSplit> {
  await using folder = await folderWith(files);
  return await readPublishedSplit({ sourceFolder: folder.path, split, idOfName, ...options });
}

function idOfLine(line: string): string | undefined {
  return /^x\/(\d+)\.jpg /.exec(line)?.[1];
}

function partsOf({ partOf }: PublishedSplit): Record<string, string> {
  return Object.fromEntries(Array.from(partOf, ([id, { part }]) => [id, part]));
}

async function faultOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  options?: Partial<PublishedSplitOptions>,
): Promise<SourceError> {
  const error: unknown = await read(files, options).catch((reason: unknown) => reason);
  if (!(error instanceof SourceError)) throw new Error(`no SourceError: ${String(error)}`);
  return error;
}

function karpathyJson(...images: readonly (readonly [unknown, unknown])[]): string {
  return JSON.stringify({
    images: images.map(([filename, part]) => ({ filename, split: part, sentences: [] })),
    dataset: "a",
  });
}

const lists = { "lists/a_train.txt": "1.jpg\n2\n", "lists/a_test.txt": "3.jpg" };

describe("A published split", () => {
  it("comes from the JSON, whatever lists stand beside it", async () => {
    const found = await read({ [JSON_FILE]: karpathyJson(["7.jpg", "test"]), ...lists });
    expect(found).toEqual({
      name: "Karpathy split",
      files: [expect.objectContaining({ file: JSON_FILE })],
      partOf: new Map([["7", { part: "test", evidence: `${JSON_FILE}#/images/0` }]]),
    });
  });

  it("comes from lists of names or bare ids where there is no JSON", async () => {
    const found = await read(lists);
    expect(partsOf(found)).toEqual({ 1: "train", 2: "train", 3: "test" });
    expect(found.partOf.get("2")?.evidence).toBe("lists/a_train.txt line 2");
    expect(found.files.map(({ file, sizeBytes }) => [file, sizeBytes])).toEqual([
      ["lists/a_train.txt", 8],
      ["lists/a_test.txt", 5],
    ]);
  });

  it("may have Windows line ends and a byte order mark", async () => {
    const found = await read({ ...lists, "lists/a_train.txt": "\u{feff}1.jpg\r\n2.jpg\r\n" });
    expect(partsOf(found)).toEqual({ 1: "train", 2: "train", 3: "test" });
  });

  it("may lie in another folder under the same names", async () => {
    const moved = { "lists/a_train.txt": "1", "b/a_test.txt": "3", "c/a_test.txt": "4" };
    const found = await read(moved, { otherFolders: ["b", "c"] });
    expect(found.files.map(({ file }) => file)).toEqual(["lists/a_train.txt", "b/a_test.txt"]);
  });

  it("reads lines that hold more than a name as it is told", async () => {
    const columns = { "lists/a_train.txt": "x/1.jpg 1.xml\n", "lists/a_test.txt": "x/3.jpg 3.xml" };
    expect(partsOf(await read(columns, { idOfLine }))).toEqual({ 1: "train", 3: "test" });
  });

  it("leaves parts without a list to others", async () => {
    const withOwn = { ...split, parts: [...split.parts, { name: "test2015" }] };
    expect(partsOf(await read(lists, { split: withOwn }))).toEqual(partsOf(await read(lists)));
  });

  it("takes a picture that is named twice in one part once", async () => {
    const found = await read({ ...lists, "lists/a_train.txt": "1\n2\n1.jpg\n" });
    expect(found.partOf.get("1")?.evidence).toBe("lists/a_train.txt line 1");
    expect(found.partOf.size).toBe(3);
  });

  it("is refused when a picture is in two parts", async () => {
    const error = await faultOf({ ...lists, "lists/a_test.txt": "3\n2.jpg\n" });
    expect(error.message).toBe(
      "image 2 is in two parts of one split: train (lists/a_train.txt line 2) and test (lists/a_test.txt line 2)",
    );
    const json = await faultOf({
      [JSON_FILE]: karpathyJson(["1.jpg", "test"], ["1.jpg", "train"]),
    });
    expect(json.message).toContain(`test (${JSON_FILE}#/images/0) and train`);
  });

  it("is refused with the line or record that names no picture", async () => {
    const line = await faultOf({ ...lists, "lists/a_test.txt": "3\n\n4.png\n" });
    expect(line).toMatchObject({ file: "lists/a_test.txt", record: "line 2" });
    for (const image of [
      ["1.png", "test"],
      ["1.jpg", "dev"],
      ["1.jpg", 3],
      [null, "test"],
    ] as const) {
      const error = await faultOf({ [JSON_FILE]: karpathyJson(["7.jpg", "test"], image) });
      expect(error).toMatchObject({ file: JSON_FILE, record: "/images/1" });
    }
  });

  it("is refused when its file is damaged, empty or of another encoding", async () => {
    const whole = karpathyJson(["1.jpg", "train"]);
    const faults = [
      [{ [JSON_FILE]: whole.slice(0, 40) }, /byte 40 \(line 1, column 41\)/],
      [{ [JSON_FILE]: '{"images": [], "dataset": "a"}' }, /\/images: is missing or empty/],
      [{ [JSON_FILE]: Buffer.from(whole, "utf16le") }, /UTF-16/],
      [{ ...lists, "lists/a_test.txt": Buffer.from("3\n", "utf16le") }, /UTF-16/],
    ] as const;
    for (const [files, words] of faults) expect((await faultOf(files)).message).toMatch(words);
  });

  it("that is missing is described with all places looked at", async () => {
    const error = await faultOf({ "lists/a_train.txt": "1\n" }, { otherFolders: ["lists", "b"] });
    expect(error.message).toBe(
      `the Karpathy split is missing: looked for ${JSON_FILE}[.gz], and then for lists/a_test.txt, also in b/ (each also with .gz)`,
    );
    expect(error.remedy).toContain("https://example.org/a.zip");
    const without = { name: "Entities split", parts: split.parts };
    expect((await faultOf({}, { split: without })).message).toBe(
      "the Entities split is missing: looked for lists/a_train.txt, lists/a_test.txt (each also with .gz)",
    );
  });
});

describe("The split that a recipe takes parts of", () => {
  const other = { name: "Entities split", parts: [{ name: "val" }] };
  const train = { name: "train", role: "train" } as const;

  it("is the first unless the recipe names one", () => {
    const splits = [{ ...train, parts: ["train"] }];
    expect(wantedSplit([split, other], { splits })).toBe(split);
    const named = { publishedSplit: "Entities split", splits: [{ ...train, parts: ["val"] }] };
    expect(wantedSplit([split, other], named)).toBe(other);
  });

  it("is none when the recipe takes everything", () => {
    expect(wantedSplit([split], { splits: [{ ...train, parts: "everything" }] })).toBeUndefined();
  });

  it("must be known, and its parts too", () => {
    const splits = [{ ...train, parts: ["val"] }];
    expect(() => wantedSplit([split, other], { splits })).toThrow(ConfigError);
    expect(() => wantedSplit([split, other], { splits })).toThrow(
      'there is no part of the Karpathy split "val"; there are "train", "test"',
    );
    expect(() => wantedSplit([split], { splits, publishedSplit: "Entities" })).toThrow(
      'there is no published split "Entities"; there are "Karpathy split"',
    );
  });
});
