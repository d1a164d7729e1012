import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { RandomStream } from "../../../src/core/random.ts";
import { sha256 } from "../../../src/core/digest.ts";
import type { Detections } from "../../../src/ingest/regions/detections.ts";
import { RegionFault } from "../../../src/ingest/regions/region-fault.ts";
import type { TsvRegionPolicy } from "../../../src/ingest/regions/region-policy.ts";
import { openTsvFiles } from "../../../src/ingest/regions/tsv-files.ts";
import { fixtures, optionsFor, tsvPolicy } from "./region-fixtures.ts";

const folder = await mkdtemp(join(tmpdir(), "crossweave-tsv-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const policy = tsvPolicy("coco.tsv", { numFeatures: 2, numClasses: 0 });

function base64Of(...values: readonly number[]): string {
  return Buffer.from(Float32Array.from(values).buffer).toString("base64");
}

interface Row {
  readonly id?: string;
  readonly width?: string;
  readonly numBoxes?: string;
  readonly boxes?: string;
  readonly features?: string;
}

/** A row of one box; any field may be another. */
function row({ id = "9", width = "640", numBoxes = "1", ...arrays }: Row = {}): string {
  const { boxes = base64Of(0, 0, 10, 10), features = base64Of(1, 2) } = arrays;
  return [id, width, "480", numBoxes, boxes, features].join("\t");
}

async function readPicture(
  text: string,
  key: `coco:${string}` = "coco:9",
  of: TsvRegionPolicy = policy,
): Promise<Detections | undefined> {
  await writeFile(join(folder, "coco.tsv"), text);
  using entries = await openTsvFiles(optionsFor(of, folder));
  return await entries.read(key);
}

async function readDamaged(key: `coco:${string}`): Promise<unknown> {
  using entries = await openTsvFiles(optionsFor(policy, folder));
  return await entries.read(key);
}

describe("bottom-up attention's files", () => {
  it("give each picture by one read of its line", async () => {
    using entries = await openTsvFiles(optionsFor(tsvPolicy("six-columns.tsv"), fixtures));
    const text = await readFile(join(fixtures, "six-columns.tsv"));
    const [digest] = entries.files;
    expect(digest).toEqual({
      file: "six-columns.tsv",
      sizeBytes: text.length,
      sha256: sha256(text),
    });
    expect(entries.has("coco:84284")).toBe(true);
    expect(entries.has("coco:84285")).toBe(false);
    expect(entries.has("vg:84284")).toBe(false);
    expect(await entries.read("coco:84285")).toBeUndefined();
  });

  it.each([
    ["line ends of Windows", `${row()}\r\n${row({ id: "7" })}\r\n`],
    ["a byte order mark", `\uFEFF${row()}\n${row({ id: "7" })}\n`],
    ["no last line end", `${row({ id: "7" })}\n${row()}`],
    ["empty lines", `${row()}\n\n\n${row({ id: "7" })}\n`],
    ["padded ids", `${row({ id: "000000000009" })}\n`],
    ["ids of LXMERT", `${row({ id: "COCO_val2014_000000000009" })}\n`],
    ["sizes that went through a table program", `${row({ width: "640.0" })}\n`],
    ["the same line twice", `${row()}\n${row({ id: "7" })}\n${row()}\n`],
  ])("are read with %s", async (_, text) => {
    const found = await readPicture(text);
    expect(found).toMatchObject({
      frame: { width: 640, height: 480 },
      corners: Float32Array.of(0, 0, 10, 10),
      confidences: null,
      features: Float32Array.of(1, 2),
      classProbabilities: null,
    });
  });

  it("say which line a picture is in", async () => {
    const found = await readPicture(`${row({ id: "1" })}\n${row({ id: "2" })}\n${row()}\n`);
    expect(found?.place).toBe("coco.tsv line 3");
  });

  it.each<[string, Row, RegExp]>([
    ["more boxes than it holds", { numBoxes: "2" }, /boxes has 24 characters.*expected 44 for 8/],
    [
      "fewer boxes than it holds",
      { numBoxes: "1", boxes: base64Of(0, 0, 1, 1, 0, 0, 1, 1) },
      /boxes/,
    ],
    ["a billion boxes", { numBoxes: "1000000000" }, /num_boxes is "1000000000"/],
    ["no box", { numBoxes: "0" }, /num_boxes is "0"; expected 1 to 4096/],
    ["boxes below nothing", { numBoxes: "-1" }, /num_boxes is "-1"/],
    ["half a box", { numBoxes: "1.5" }, /num_boxes is "1.5"/],
    ["no width", { width: "" }, /image_w is ""/],
    ["features of another size", { features: base64Of(1, 2, 3) }, /features has 16 characters.*12/],
    ["features cut short", { features: base64Of(1, 2).slice(0, -4) }, /features has 8 characters/],
    ["features that are not base64", { features: "!!!!!!!!!!!=" }, /features has 12 characters/],
    [
      "one character that is not base64",
      { features: `${base64Of(1, 2).slice(0, 5)}?${base64Of(1, 2).slice(6)}` },
      /features/,
    ],
    ["Python's bytes as text", { features: `b'${base64Of(1, 2)}'` }, /features has 15 characters/],
    ["a column too many", { features: `${base64Of(1, 2)}\t1` }, /it has 7 columns, expected 6/],
    ["a column too few", { boxes: "x", features: "" }, /boxes/],
  ])("are a fault with %s, and their other lines are not", async (_, change, message) => {
    const text = `${row({ id: "7" })}\n${row(change)}\n`;
    const damaged = readPicture(text);
    await expect(damaged).rejects.toThrow(RegionFault);
    await expect(damaged).rejects.toThrow(message);
    await expect(damaged).rejects.toThrow(/^coco.tsv line 2: /);
    expect(await readPicture(text, "coco:7")).toMatchObject({ place: "coco.tsv line 1" });
  });

  it("are a fault where a download was cut, for the picture of the last line alone", async () => {
    const text = `${row({ id: "7" })}\n${row()}`;
    for (const numCut of [1, 8, 13, 20, 40]) {
      await expect(readPicture(text.slice(0, -numCut))).rejects.toThrow(RegionFault);
      expect(await readPicture(text.slice(0, -numCut), "coco:7")).toBeDefined();
    }
  });

  it("end in a fault, in nothing or in values, never in another error, when bytes change", async () => {
    const text = Buffer.from(`${row({ id: "7" })}\n${row()}\n`);
    const outcomes = new Set<string>();
    for (let run = 0; run < 400; run += 1) {
      const random = new RandomStream(5, run);
      const damaged = Buffer.from(text);
      damaged.writeUInt8(random.nextInt(256), random.nextInt(damaged.length));
      await writeFile(join(folder, "coco.tsv"), damaged);
      const outcome = await readDamaged("coco:9").then(
        (found) => (found === undefined ? "nothing" : "values"),
        (error: Error) => error.name,
      );
      outcomes.add(outcome);
    }
    expect([...outcomes].toSorted()).toEqual(["RegionFault", "SourceError", "nothing", "values"]);
  });

  it("do not say two things about one picture, in one file or in two", async () => {
    const other = row({ features: base64Of(1, 3) });
    await expect(readPicture(`${row()}\n${other}\n`)).rejects.toMatchObject({
      code: "REG_TWICE",
      message: "coco.tsv line 1 and coco.tsv line 2 say different things about coco:9",
    });
    await writeFile(join(folder, "more.tsv"), `${row({ id: "1" })}\n${other}\n`);
    const files = ["coco.tsv", "more.tsv"].map((path) => ({ path, pictures: "coco" }) as const);
    await expect(readPicture(`${row()}\n`, "coco:9", { ...policy, files })).rejects.toThrow(
      "coco.tsv line 1 and more.tsv line 2 say different things",
    );
  });

  it("need the probabilities that the recipe asks for", async () => {
    const wanting = { ...policy, numClasses: 3 };
    await expect(readPicture(`${row()}\n`, "coco:9", wanting)).rejects.toThrow(
      "coco.tsv line 1: the file has no column cls_prob, which the recipe asks for",
    );
  });

  it("tell of lines that name no picture, and are read nevertheless", async () => {
    await writeFile(
      join(folder, "coco.tsv"),
      `${row()}\n${row({ id: "cat" })}\n${row({ id: "" })}\n`,
    );
    const said: string[] = [];
    const progress = { report: () => {}, say: (message: string) => said.push(message) };
    using entries = await openTsvFiles({ ...optionsFor(policy, folder), progress });
    expect(entries.has("coco:9")).toBe(true);
    expect(said).toEqual(["coco.tsv: 2 lines name no picture of coco, the first is line 2"]);
  });

  it.each<[string, string, RegExp]>([
    ["empty", "", /it is empty/],
    ["of other columns", "9\t640\t480\n", /neither 6, 7 or 10 columns nor their names/],
    ["JSON", '{"9": []}\n', /neither 6, 7 or 10 columns/],
    ["without a needed column", "image_id\tfeatures\tboxes\n9\tx\ty\n", /neither 6, 7 or 10/],
  ])("are refused when %s", async (_, text, message) => {
    await expect(readPicture(text)).rejects.toThrow(SourceError);
    await expect(readPicture(text)).rejects.toThrow(message);
  });

  it("must be unpacked and there", async () => {
    await writeFile(join(folder, "packed.tsv.gz"), gzipSync(`${row()}\n`));
    const packed = openTsvFiles(optionsFor(tsvPolicy("packed.tsv"), folder));
    await expect(packed).rejects.toThrow("packed.tsv is there only as packed.tsv.gz");
    const absent = openTsvFiles(optionsFor(tsvPolicy("absent.tsv"), folder));
    await expect(absent).rejects.toThrow(SourceError);
    await expect(absent).rejects.toThrow("absent.tsv is not there");
  });

  it("stop the run when they change under it", async () => {
    const path = join(folder, "coco.tsv");
    await writeFile(path, `${row({ id: "7" })}\n${row()}\n`);
    using entries = await openTsvFiles(optionsFor(policy, folder));
    await writeFile(path, `${row()}\n`);
    await appendFile(path, `${row({ id: "5" })}\n`);
    await expect(entries.read("coco:9")).rejects.toThrow(SourceError);
    await expect(entries.read("coco:9")).rejects.toThrow(/changed after it was indexed/);
  });

  it("stop being indexed when they are told to", async () => {
    await writeFile(join(folder, "coco.tsv"), `${row()}\n`);
    const signal = AbortSignal.abort(new Error("enough"));
    const opened = openTsvFiles({ ...optionsFor(policy, folder), signal });
    await expect(opened).rejects.toThrow("enough");
  });
});
