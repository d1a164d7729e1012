import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  array,
  assert,
  asyncProperty,
  boolean,
  integer,
  jsonValue,
  nat,
  pre,
  property,
  string,
  tuple,
} from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../src/core/digest.ts";
import { SourceError } from "../../src/core/errors.ts";
import { AnnotationReader, readLines } from "../../src/ingest/annotations/annotation-file.ts";
import {
  elementPointer,
  type JsonElement,
  readJsonElements,
} from "../../src/ingest/annotations/json-elements.ts";
import { JsonSplitter } from "../../src/ingest/annotations/json-splitter.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-json-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function readerOf(
  content: string | Uint8Array,
  path = "file.json",
): Promise<AnnotationReader> {
  const absolutePath = join(folder, path);
  await writeFile(absolutePath, content);
  return new AnnotationReader({ path, absolutePath });
}

async function elementsOf(content: string | Uint8Array, path?: string): Promise<JsonElement[]> {
  const batches = await Array.fromAsync(readJsonElements(await readerOf(content, path)));
  return batches.flat();
}

async function failureOf(content: string | Uint8Array, path?: string): Promise<SourceError> {
  const error: unknown = await elementsOf(content, path).catch((reason: unknown) => reason);
  if (error instanceof SourceError) return error;
  throw new Error("it did not fail with a SourceError", { cause: error });
}

/** What the splitter gives for a document fed in pieces of the sizes given, in turn. */
function splitInPieces(document: Buffer, pieceSizes: readonly number[]): unknown[] {
  const splitter = new JsonSplitter();
  const values: unknown[] = [];
  let offset = 0;
  for (let piece = 0; offset < document.length; piece += 1) {
    const size = pieceSizes[piece % pieceSizes.length] ?? 1;
    for (const run of splitter.feed(document.subarray(offset, offset + size))) {
      expect(document.subarray(run.byteOffset, run.byteOffset + run.bytes.length)).toEqual(
        run.bytes,
      );
      for (const [index, start] of run.starts.entries()) {
        const value: unknown = JSON.parse(run.bytes.toString("utf8", start, run.ends[index]));
        values.push(run.member.isList ? [run.member.name, run.firstIndex + index, value] : value);
      }
    }
    offset += size;
  }
  splitter.end();
  return values;
}

// JSON has no -0.
function copyOf(values: readonly unknown[]): unknown[] {
  const copy: unknown = JSON.parse(JSON.stringify(values));
  return Array.isArray(copy) ? copy : [];
}

describe("JSON elements", () => {
  it("are the same as JSON.parse gives, however the bytes arrive", () => {
    const list = array(jsonValue({ maxDepth: 3 }), { maxLength: 8 });
    const pieceSizes = array(integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
    const key = string({ unit: "grapheme" });
    assert(
      property(tuple(key, key), tuple(list, list), pieceSizes, (keys, lists, sizes) => {
        const [one, other] = keys;
        const [first, second] = lists;
        pre(one !== other);
        const document = JSON.stringify({ [one]: first, [other]: second }, null, sizes[0] ?? 0);
        const expected = Object.entries<unknown>(JSON.parse(document)).flatMap(([name, values]) =>
          Array.isArray(values) ? values.map((value: unknown, at) => [name, at, value]) : [],
        );
        expect(splitInPieces(Buffer.from(document), sizes)).toEqual(expected);
        expect(splitInPieces(Buffer.from(JSON.stringify(first)), sizes)).toEqual(
          copyOf(first).map((value, at) => ["", at, value]),
        );
      }),
      { numRuns: 300 },
    );
  });

  it("include the members that are no lists", async () => {
    const elements = await elementsOf('{"info": {"year": 2014}, "type": "captions", "images": []}');
    expect(elements.map(({ member, index, value }) => [member, index, value])).toEqual([
      ["info", -1, { year: 2014 }],
      ["type", -1, "captions"],
    ]);
  });

  it("have JSON pointers", () => {
    expect(elementPointer("annotations", 17)).toBe("/annotations/17");
    expect(elementPointer("", 3)).toBe("/3");
    expect(elementPointer("a/b~c", -1)).toBe("/a~1b~0c");
  });

  it("are read past a byte order mark, from gzip, and digested as the file lies there", async () => {
    const text = '[{"id": 1}, {"id": 2}]';
    expect(await elementsOf(`\uFEFF${text}`)).toHaveLength(2);
    const packed = gzipSync(text);
    const reader = await readerOf(packed, "file.json.gz");
    const elements = await Array.fromAsync(readJsonElements(reader));
    expect(elements.flat()).toHaveLength(2);
    expect(reader.digest).toEqual({
      file: "file.json.gz",
      sizeBytes: packed.length,
      sha256: sha256(packed),
    });
  });

  it("that are wrong inside have a fault, and the others are read all the same", async () => {
    const invalid = Buffer.concat([
      Buffer.from('[1, {"id": NaN}, {"id": 1, "id": 2}, "'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('", {"a" 1}, 7]'),
    ]);
    const elements = await elementsOf(invalid);
    expect(elements.map(({ index, value, fault }) => [index, fault ?? value])).toEqual([
      [0, 1],
      [1, expect.stringMatching(/^is not JSON: .*NaN/)],
      [2, expect.stringContaining("ANN_DUP_KEY")],
      [3, "is not UTF-8"],
      [4, expect.stringMatching(/^is not JSON/)],
      [5, 7],
    ]);
  });

  it("cannot change what other objects inherit", async () => {
    const [element] = await elementsOf('[{"__proto__": {"polluted": true}, "id": 5}]');
    expect(Object.hasOwn(Object(element?.value), "__proto__")).toBe(true);
    expect("polluted" in {}).toBe(false);
  });
});

describe("A JSON file that is broken as a whole", () => {
  it.each([
    { name: "cut in a record", content: '{"images": [\n{"id": 1},\n{"id": 2', byte: 32, line: 3 },
    { name: "cut in a string", content: '[{"a": "b', byte: 9 },
    { name: "cut after a record", content: '{"images": [{"id": 1},', byte: 22 },
    { name: "with a comma too many", content: '{"images": [1, 2,]}', byte: 17 },
    { name: "with a comma too few", content: '{"a": [1] "b": [2]}', byte: 10 },
    { name: "with brackets that differ", content: '{"a": [{"b": 1]}', byte: 14 },
    { name: "with more after its end", content: "[1] [2]", byte: 4 },
    { name: "with a list twice", content: '{"a": [1], "a": [2]}', byte: 11 },
    { name: "that is a page", content: "<!DOCTYPE html>", byte: 0 },
    { name: "that is empty", content: "", byte: 0 },
    { name: "nested too deep", content: `[${"[".repeat(100)}`, byte: 65 },
  ])("and is $name names byte, line and remedy", async ({ content, byte, line = 1 }) => {
    const error = await failureOf(content);
    expect(error.file).toBe("file.json");
    expect(error.record).toMatch(new RegExp(`^byte ${byte} \\(line ${line}, column \\d+\\)$`));
    expect(error.remedy).toContain("download it again");
  });

  it.each([
    [
      '{"images": [{"id": 1}, {"id',
      "the document ends early, in images/1, at byte 27 (line 1, column 28)",
    ],
    [
      '{"a": [1], "a": [2]}',
      'the outermost object has "a" twice (ANN_DUP_KEY), at byte 11 (line 1, column 12)',
    ],
    [
      "<!DOCTYPE html>",
      'found "<" where an object or a list should be, before its first value, at byte 0 (line 1, column 1); it begins "<!DOCTYPE html>"',
    ],
  ])("such as %s is explained in words", async (content, message) => {
    expect((await failureOf(content)).message).toBe(`file.json: ${message}`);
  });

  it("is told from UTF-16", async () => {
    const text = '[{"id": 1}]';
    for (const bytes of [Buffer.from(`\uFEFF${text}`, "utf16le"), Buffer.from(text, "utf16le")]) {
      expect((await failureOf(bytes)).message).toContain("is UTF-16, expected UTF-8");
    }
  });

  it("is told from a gzip file that is cut or damaged", async () => {
    const packed = gzipSync(JSON.stringify(Array.from({ length: 5000 }, (_, id) => ({ id }))));
    const cut = await failureOf(packed.subarray(0, packed.length / 2), "cut.json.gz");
    expect(cut.message).toMatch(/cut\.json\.gz: is a damaged or cut gzip file/);
    const damaged = Buffer.from(packed);
    damaged.fill(0, packed.length / 2, packed.length / 2 + 20);
    expect((await failureOf(damaged, "damaged.json.gz")).message).toMatch(
      /gzip|not match|should be/,
    );
  });

  it("never gives anything but elements or a SourceError, whatever byte is wrong", async () => {
    const text = JSON.stringify({ images: [{ id: 1, n: 'ä"\\' }, [2]], annotations: [{ id: 3 }] });
    const bytes = Buffer.from(text);
    await assert(
      asyncProperty(nat(bytes.length - 1), nat(255), boolean(), async (position, byte, isCut) => {
        const damaged = Buffer.from(isCut ? bytes.subarray(0, position) : bytes);
        if (!isCut) damaged[position] = byte;
        const outcome = await elementsOf(damaged).catch((error: unknown) => error);
        expect(Array.isArray(outcome) || outcome instanceof SourceError).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

it("Text lists are read with either line end", async () => {
  expect(await readLines(await readerOf("a.jpg\r\nb.jpg\n"))).toEqual(["a.jpg", "b.jpg"]);
  expect(await readLines(await readerOf("a.jpg"))).toEqual(["a.jpg"]);
});
