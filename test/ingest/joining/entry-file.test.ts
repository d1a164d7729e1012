import { appendFile, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import type { FileReading } from "../../../src/ingest/joining/dataset-reading.ts";
import { EntryFile, type FileEntry } from "../../../src/ingest/joining/entry-file.ts";
import { zipOf } from "../../tensor/zip-fixture.ts";
import { pickled } from "../datasets/refcoco-folder.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-entry-file-"));
});
afterAll(() => rm(folder, { recursive: true }));

type Format = FileReading["format"];

async function opened(
  content: string | Uint8Array,
  format: Format,
  name = "file.txt",
): Promise<EntryFile> {
  const absolutePath = join(await mkdtemp(join(folder, "of-")), name);
  await writeFile(absolutePath, content);
  return new EntryFile({ path: name, absolutePath }, format);
}

const MARK = "\uFEFF";
const values = [{ id: 1, text: "öäü 字" }, { id: 2, text: 'a "quoted", [text]' }, [3], "4", 5];
const lines = values.map((value) => JSON.stringify(value));
const texts = ["one", " two ", "öäü 字\ttab", "", "last"];
const rows = [
  ["a", "b"],
  ["of\ntwo lines", 'with "quotes", commas'],
  ["ö", ""],
];
const csv = rows.map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(","));

const contents: readonly {
  readonly name: string;
  readonly format: Format;
  readonly content: string | Buffer;
  readonly expected: readonly unknown[];
}[] = [
  { name: "a JSON list", format: "json", content: JSON.stringify(values), expected: values },
  {
    name: "a JSON list with a mark and white space",
    format: "json",
    content: `${MARK} [\r\n${lines.join(" ,\r\n ")}\r\n]\r\n`,
    expected: values,
  },
  {
    name: "JSON lines",
    format: "json-lines",
    content: `${lines.join("\n")}\n`,
    expected: values,
  },
  {
    name: "JSON lines with a mark, CRLF, an empty line and no last end",
    format: "json-lines",
    content: `${MARK}${lines.slice(0, 3).join("\r\n")}\r\n\r\n${lines.slice(3).join("\r\n")}`,
    expected: [...values.slice(0, 3), undefined, ...values.slice(3)],
  },
  { name: "lines of text", format: "lines", content: `${texts.join("\n")}\n`, expected: texts },
  {
    name: "lines of text with a mark and CRLF",
    format: "lines",
    content: `${MARK}${texts.join("\r\n")}`,
    expected: texts,
  },
  { name: "CSV", format: "csv", content: csv.join("\n"), expected: rows },
  {
    name: "CSV with a mark and CRLF",
    format: "csv",
    content: `${MARK}${csv.join("\r\n")}\r\n`,
    expected: rows,
  },
  { name: "a pickle", format: "pickle", content: pickled(values), expected: values },
];

const packings = {
  plain: (bytes: Buffer): Buffer => bytes,
  ".gz": (bytes: Buffer): Buffer => gzipSync(bytes),
  ".zip": (bytes: Buffer): Buffer => zipOf({ "folder/file.txt": bytes }),
} as const;

describe("The entries of a file", () => {
  const packed = Object.entries(packings).flatMap(([packing, pack]) =>
    contents.map((given) => ({ ...given, packing, pack })),
  );

  it.each(packed)("are read again where they were: $name, $packing", async (given) => {
    const { format, content, expected, packing, pack } = given;
    const ending = packing === "plain" ? "" : packing;
    using file = await opened(pack(Buffer.from(content)), format, `file.txt${ending}`);
    const entries = (await Array.fromAsync(file.entries())).flat();
    expect(entries.map(({ value }) => value)).toEqual(expected);
    expect(entries.map(({ index }) => index)).toEqual([...expected.keys()]);
    for (const { value, byteOffset, sizeBytes } of entries.toReversed()) {
      if (value === undefined) continue;
      expect(file.read(byteOffset, sizeBytes)).toEqual({ value, fault: null });
      expect(file.readFaulty(byteOffset, sizeBytes)).toEqual({ value, fault: null });
    }
    expect(file.digest.sizeBytes).toBe(pack(Buffer.from(content)).length);
  });

  it("have the fault again that they had at first", async () => {
    const faulty = Buffer.from('{"id":1}\n{"id":NaN}\n{"id":1,"id":2}\n"#"\n');
    faulty[faulty.indexOf("#")] = 0xff;
    using file = await opened(faulty, "json-lines");
    const entries = (await Array.fromAsync(file.entries())).flat();
    expect(entries.map(({ fault }) => fault)).toEqual([
      null,
      expect.stringContaining("is not JSON"),
      expect.stringContaining("ANN_DUP_KEY"),
      expect.stringContaining("is not UTF-8"),
    ]);
    for (const { value, fault, byteOffset, sizeBytes } of entries) {
      expect(file.readFaulty(byteOffset, sizeBytes)).toEqual({ value, fault });
    }
  });

  it("have the places by which people find them", async () => {
    using json = await opened("[1]", "json");
    using text = await opened("one", "lines");
    using table = await opened("a,b", "csv");
    expect(json.placeOf("/images/3", 3)).toBe("/images/3");
    expect(text.placeOf("/3", 3)).toBe("line 4");
    expect(table.placeOf("/3", 3)).toBe("row 4");
  });
});

describe("A file that changes while it is used", () => {
  let absolutePath = "";
  let file: EntryFile;
  let last: FileEntry | undefined;
  beforeEach(async () => {
    absolutePath = join(await mkdtemp(join(folder, "of-")), "file.json");
    await writeFile(absolutePath, `[1, 22, "${"3".repeat(1000)}"]`);
    file = new EntryFile({ path: "file.json", absolutePath }, "json");
    last = (await Array.fromAsync(file.entries())).flat().at(-1);
    file.requireUnchanged();
  });
  afterEach(() => file[Symbol.dispose]());

  it("is found out when it has become longer", async () => {
    await appendFile(absolutePath, " ");
    expect(() => file.requireUnchanged()).toThrow(SourceError);
    expect(() => file.requireUnchanged()).toThrow(
      /file\.json: has changed while it was being read/,
    );
  });

  it("is found out where it has been cut off", async () => {
    await truncate(absolutePath, 20);
    expect(() => file.requireUnchanged()).toThrow(SourceError);
    expect(() => file.read(last?.byteOffset ?? 0, last?.sizeBytes ?? 0)).toThrow(/has changed/);
  });
});
