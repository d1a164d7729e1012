import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { EndedProgram } from "../running-program.ts";
import { layOutRealCoco, realData } from "../../real-data.ts";
import { run } from "./tiny-world.ts";

const document = z.object({
  sets: z.tuple([
    z.object({
      reasons: z.array(
        z.object({
          kind: z.string(),
          outcome: z.string(),
          reason: z.string(),
          records: z.int(),
          first: z.object({ file: z.string(), record: z.string(), evidence: z.string() }),
        }),
      ),
    }),
  ]),
});

let folder = "";
let source = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-bad-input-"));
  source = join(folder, "source");
  await layOutRealCoco(source);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const CAPTIONS = "coco/annotations/captions_train2017.json";
const PHOTOGRAPH = "coco/train2017/000000000790.jpg";

function prepare(out: string, ...more: readonly string[]): Promise<EndedProgram> {
  const flags = ["--source", source, "--out", join(folder, out), "--allow-missing"];
  return run(["prepare", "coco-fit", ...flags, ...more]);
}

/** Changes a file of the source while `use` runs. */
async function changed<T>(
  file: string,
  change: (bytes: Buffer) => Buffer | string,
  use: () => Promise<T>,
): Promise<T> {
  const path = join(source, file);
  const bytes = await readFile(path);
  await writeFile(path, change(bytes));
  try {
    return await use();
  } finally {
    await writeFile(path, bytes);
  }
}

/** The captions file with some of its annotations replaced. */
function withAnnotations(
  change: (annotation: Record<string, unknown>, index: number) => object,
): (bytes: Buffer) => string {
  const schema = z.looseObject({ annotations: z.array(z.record(z.string(), z.unknown())) });
  return (bytes) => {
    const parsed = schema.parse(JSON.parse(bytes.toString()));
    return JSON.stringify({ ...parsed, annotations: parsed.annotations.map(change) });
  };
}

describe("prepare, on the real photographs", () => {
  it.each([
    {
      name: "a truncated photograph",
      file: PHOTOGRAPH,
      change: (bytes: Buffer) => bytes.subarray(0, 20_000),
      reasons: ["image IMG_TRUNCATED 1", "caption IMG_TRUNCATED 5"],
      words: `${PHOTOGRAPH}: it ends at byte 20000`,
    },
    {
      name: "a photograph without bytes",
      file: PHOTOGRAPH,
      change: () => "",
      reasons: ["image IMG_EMPTY 1", "caption IMG_EMPTY 5"],
      words: `${PHOTOGRAPH}: the file has no bytes`,
    },
    {
      name: "captions of wrong types",
      file: CAPTIONS,
      change: withAnnotations((annotation, index) => {
        if (index === 3) return { ...annotation, image_id: "x" };
        return index === 5 ? { ...annotation, caption: 17 } : annotation;
      }),
      reasons: ["caption ANN_SHAPE 2"],
      words: `${CAPTIONS}#/annotations/3`,
    },
    {
      name: "a caption for an image that is not listed",
      file: CAPTIONS,
      change: withAnnotations((annotation, index) =>
        index === 3 ? { ...annotation, image_id: 999_999_999 } : annotation,
      ),
      reasons: ["caption dangling-image-id 1"],
      words: "image 999999999 is not listed",
    },
  ])("puts $name into quarantine and names it", async ({ name, file, change, reasons, words }) => {
    const ended = await changed(file, change, () => prepare(name, "--json"));
    expect(ended.exitCode).toBe(0);
    const { reasons: found } = document.parse(JSON.parse(ended.stdout)).sets[0];
    const quarantined = found.filter(({ outcome }) => outcome === "quarantined");
    expect(quarantined.map(({ kind, reason, records }) => `${kind} ${reason} ${records}`)).toEqual(
      reasons,
    );
    const [first] = quarantined.map(({ first: place }) => Object.values(place).join("#"));
    expect(first).toContain(words);
  });

  it("refuses a file that is cut in half, with its place, and goes on once it is whole", async () => {
    const { exitCode, stdout, stderr } = await changed(
      CAPTIONS,
      (bytes) => bytes.subarray(0, 30_000),
      () => prepare("half"),
    );
    expect([exitCode, stdout]).toEqual([23, ""]);
    expect(stderr).toContain(`error: ${CAPTIONS}: the document ends early, in annotations/`);
    expect(stderr).toMatch(/record {2}byte 30000 .*\n {2}remedy {2}.*download it again/);
    expect(existsSync(join(folder, "half"))).toBe(false);
    expect((await prepare("half")).exitCode).toBe(0);
  });

  it("refuses a published cut in which no caption has its image", async () => {
    const cut = join(folder, "first100");
    await mkdir(join(cut, "coco", "annotations"), { recursive: true });
    await writeFile(
      join(cut, "coco", "annotations", "captions_train2014.json"),
      await readFile(realData("coco/first100/captions_train2014.first100.json")),
    );
    const out = join(folder, "first100-set");
    const call = ["prepare", "coco-fit", "--source", cut, "--out", out, "--allow-missing"];
    const [few, any] = await Promise.all([run(call), run([...call, "--max-bad", "1"])]);
    expect([few?.exitCode, any?.exitCode]).toEqual([23, 23]);
    expect(few?.stderr).toContain("100 of 200 records are faulty, 50 are allowed");
    expect(few?.stderr).toContain("#/annotations/0: image 318556 is not listed in");
    expect(any?.stderr).toContain("nothing is left to write");
  });
});
