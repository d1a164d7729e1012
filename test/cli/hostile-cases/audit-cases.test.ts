import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { type ImageKey, imageKey } from "../../../src/core/keys.ts";
import type { SplitRole, StoredPicture } from "../../../src/core/records.ts";
import { drawPicture } from "../../ingest/coco-folder.ts";
import { plain } from "../../ingest/pictures/made-pictures.ts";
import { realData } from "../../real-data.ts";
import { type MadeScene, type MadeSplit, storedPicture, writeMadeSet } from "./audit-sets.ts";
import { type MeasuredEnd, measuredRun } from "./measured-program.ts";

// What the list of hostile inputs allows each case; of processors, as the machine may be busy.
const MAX_PEAK_MIB = 512;
const MAX_CPU_SECONDS = 5;
const NUM_COPIES = 5000;

const verdictSchema = z.object({
  verdict: z.object({
    outcome: z.string(),
    numPairs: z.number(),
    digest: z.string(),
    leaks: z.array(
      z.object({
        rule: z.string(),
        train: z.object({ picture: z.string() }),
        eval: z.object({ picture: z.string() }),
      }),
    ),
    exclusions: z.object({ count: z.number() }),
    near: z.object({ notComparable: z.object({ train: z.number(), eval: z.number() }) }),
  }),
});
type Verdict = z.infer<typeof verdictSchema>["verdict"];

let folder = "";
let copy: StoredPicture;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-hostile-audit-"));
  copy = await storedPicture("coco:0", await drawPicture(1));
  await writeMadeSet(folder, "copies", {
    train: ["train", copies("coco", NUM_COPIES)],
    test: ["eval", copies("vcr", NUM_COPIES)],
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function* copies(source: "coco" | "vcr", count: number): Generator<MadeScene> {
  for (let id = 0; id < count; id += 1) yield { picture: { ...copy, key: imageKey(source, id) } };
}

async function sceneOf(key: ImageKey, bytes: Buffer): Promise<MadeScene> {
  return { picture: await storedPicture(key, bytes) };
}

/** Eight pictures of one colour each, of sizes and colours that no others have. */
async function flatSplit(role: SplitRole, from: number): Promise<MadeSplit> {
  const pictures = Array.from({ length: 8 }, async (_, index) => {
    const colour = `#${(from + index * 17).toString(16).padStart(6, "0")}`;
    const bytes = await plain(40 + index, 30 + from, colour)
      .jpeg()
      .toBuffer();
    return sceneOf(imageKey("coco", from * 100 + index), bytes);
  });
  return [role, await Promise.all(pictures)];
}

async function crossweave(...args: readonly string[]): Promise<MeasuredEnd> {
  const ended = await measuredRun(args, { CROSSWEAVE_CACHE: join(folder, "cache") });
  expect(ended.peakMiB ?? 0).toBeLessThan(MAX_PEAK_MIB);
  expect(ended.cpuSeconds ?? 0).toBeLessThan(MAX_CPU_SECONDS);
  return ended;
}

async function audit(
  set: string,
  ...more: readonly string[]
): Promise<{ exitCode: number | null; verdict: Verdict }> {
  const { exitCode, stdout } = await crossweave("audit", join(folder, set), "--json", ...more);
  return { exitCode, verdict: verdictSchema.parse(JSON.parse(stdout)).verdict };
}

it("case 56: equal pictures are counted in groups, some of their pairs listed, and end with 20", async () => {
  const { exitCode, verdict } = await audit("copies");
  expect(exitCode).toBe(20);
  expect(verdict.numPairs).toBe(NUM_COPIES ** 2);
  expect(verdict.exclusions.count).toBe(NUM_COPIES);
  expect(verdict.leaks.length).toBeLessThan(1000);
});

it("cases 12 and 56: pictures whose hashes are all zero are no copies of one another", async () => {
  await writeMadeSet(folder, "flat", {
    train: await flatSplit("train", 1),
    test: await flatSplit("eval", 2),
  });
  const { exitCode, verdict } = await audit("flat");
  expect([exitCode, verdict.numPairs]).toEqual([0, 0]);
  expect(verdict.near.notComparable).toEqual({ train: 8, eval: 8 });
});

it("case 57: A is a part of B and B the mirror of C, but A does not leak into C", async () => {
  const photograph = sharp(realData("images/coco/train2017/000000000790.jpg")); // 640 x 422
  const b = await photograph.clone().jpeg().toBuffer();
  const inner = { left: 85, top: 20, width: 539, height: 362 };
  const a = await photograph.clone().extract(inner).jpeg().toBuffer();
  const c = await photograph.clone().flop().jpeg().toBuffer();
  await writeMadeSet(folder, "chain", {
    train: ["train", [await sceneOf("coco:1", a), await sceneOf("coco:2", b)]],
    test: ["eval", [await sceneOf("vcr:2", b), await sceneOf("vcr:3", c)]],
  });
  const { exitCode, verdict } = await audit("chain");
  expect(exitCode).toBe(20);
  const pairs = verdict.leaks.map((leak) => `${leak.train.picture} ${leak.eval.picture}`);
  expect(pairs.toSorted()).toEqual(["coco:1 vcr:2", "coco:2 vcr:2", "coco:2 vcr:3"]);
});

it("case 58: HTML in names and texts is text in every result", async () => {
  const script = "<script>alert(1)</script>";
  const text = { id: "1", kind: "caption", text: script } as const;
  const rest = { label: null, answers: [], choices: [], box: null, context: null } as const;
  const texts = [{ ...text, ...rest }];
  const named = { ...copy, path: `made/${script}<img src=x onerror=alert(1)>.jpg` };
  await writeMadeSet(folder, "html", {
    train: ["train", [{ picture: { ...named, key: `vcr:a${script}` }, texts }]],
    test: ["eval", [{ picture: { ...named, key: `vcr:b${script}` }, texts }]],
  });
  const [page, sarif, junit] = ["page.html", "a.sarif", "a.xml"].map((name) => join(folder, name));
  const files = ["--report", page, "--sarif", sarif, "--junit", junit].flatMap(
    (word) => word ?? [],
  );
  const { exitCode } = await audit("html", ...files);
  expect(exitCode).toBe(20);
  const html = await readFile(page ?? "", "utf8");
  expect(html).toContain("default-src 'none'");
  expect(html).not.toMatch(/<script>alert|<img src=x/);
  expect(await readFile(junit ?? "", "utf8")).not.toMatch(/<script/);
  expect(JSON.parse(await readFile(sarif ?? "", "utf8"))).toMatchObject({ version: "2.1.0" });
});

it("case 59: a report on 25 million pairs is small and its totals are exact", async () => {
  const [page, sarif, list] = ["many.html", "many.sarif", "many.json"].map((name) =>
    join(folder, name),
  );
  const files = ["--report", page, "--sarif", sarif, "--exclusions", list];
  const { exitCode } = await audit("copies", ...files.flatMap((word) => word ?? []));
  expect(exitCode).toBe(20);
  expect(await readFile(page ?? "", "utf8")).toContain("25,000,000");
  expect((await stat(page ?? "")).size).toBeLessThan(2 ** 20);
  expect((await stat(sarif ?? "")).size).toBeLessThan(2 ** 22);
  const manifest = z.object({ exclusions: z.array(z.unknown()) });
  expect(manifest.parse(JSON.parse(await readFile(list ?? "", "utf8"))).exclusions).toHaveLength(
    NUM_COPIES,
  );
});

it("case 60: another threshold and another evaluation list are explained, under another digest", async () => {
  const [old = "", threshold = "", evaluation = ""] = [
    "old.json",
    "threshold.json",
    "list.json",
  ].map((name) => join(folder, name));
  const first = await audit("chain", "--exclusions", old);
  const second = await audit("chain", "--near-distance", "40", "--exclusions", threshold);
  const more = [join(folder, "flat"), "--exclusions", evaluation];
  const third = await audit("chain", ...more);
  expect(new Set([first, second, third].map(({ verdict }) => verdict.digest)).size).toBe(3);
  const changed = await crossweave("manifest", "diff", old, threshold);
  expect([changed.exitCode, changed.stdout]).toEqual([
    0,
    expect.stringContaining("near.settings.wholeDistance"),
  ]);
  const other = await crossweave("manifest", "diff", old, evaluation);
  expect([other.exitCode, other.stdout]).toEqual([
    0,
    expect.stringContaining("evaluation flat/test"),
  ]);
});
