import { spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import type { PictureInfo } from "../../src/core/records.ts";
import { readIndex } from "../../src/shards/shard-set-index.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { jsonLines } from "../ingest/datasets/flickr30k-folder.ts";
import { layOutRealCoco } from "../real-data.ts";

const launcher = join(import.meta.dirname, "../../bin/crossweave.mjs");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-captions-"));
  await layOutRealCoco(join(folder, "source"));
  await mkdir(join(folder, "source/shop"));
  const { status, stderr } = prepare("coco", "coco", "--allow-missing");
  if (status !== 0) throw new Error(stderr);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function crossweave(...args: readonly string[]): Ended {
  const env = { ...process.env, NO_COLOR: "1", CROSSWEAVE_CACHE: join(folder, "cache") };
  return spawnSync(process.execPath, [launcher, ...args], { cwd: folder, encoding: "utf8", env });
}

function prepare(recipe: string, out: string, ...more: readonly string[]): Ended {
  return crossweave("prepare", recipe, "--source", "source", "--out", out, ...more);
}

/** The photographs of COCO's set that are evaluated on, in the order of the set. */
async function evaluationPhotographs(): Promise<PictureInfo[]> {
  await using set = await ShardSetReader.open(join(folder, "coco"));
  const heads = [];
  for (const split of ["val", "test"])
    heads.push(...(await Array.fromAsync(set.split(split).heads())));
  return heads.flatMap(({ pictures }) => pictures);
}

/** A picture that is no photograph of anybody's: noise of a seed. */
function noise(seed: number): Promise<Buffer> {
  const pixels = Buffer.alloc(64 * 48 * 3);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = (at * at * seed + at * 31) % 251;
  return sharp(pixels, { raw: { width: 64, height: 48, channels: 3 } })
    .png()
    .toBuffer();
}

/** Lines about copies of evaluation photographs, and one about a picture that is none. */
async function layOutShop(photographs: readonly PictureInfo[]): Promise<void> {
  const shop = join(folder, "source/shop");
  const [copied, edited, addressed, numbered] = photographs.map(({ path, url, key }) => {
    return { file: join(folder, "source", path), url, number: key.slice("coco:".length) };
  });
  await copyFile(copied?.file ?? "", join(shop, "copied.jpg"));
  await sharp(edited?.file).resize(400).jpeg({ quality: 70 }).toFile(join(shop, "edited.jpg"));
  for (const [seed, name] of ["addressed", "numbered", "innocent"].entries()) {
    await writeFile(join(shop, `${name}.png`), await noise(seed + 3));
  }
  const lines = jsonLines(
    { picture: "copied.jpg", text: "a copy" },
    { picture: "edited.jpg", text: "a smaller copy" },
    { picture: "addressed.png", text: "an address", url: addressed?.url },
    { picture: "numbered.png", text: "a number", coco_id: Number(numbered?.number) },
    { picture: "innocent.png", text: "a picture of one's own" },
  );
  await writeFile(join(shop, "captions.jsonl"), lines);
}

const auditSchema = z.object({
  verdict: z.object({
    leaks: z.array(
      z.object({
        rule: z.string(),
        alsoBy: z.array(z.string()),
        train: z.object({ picture: z.string() }),
        eval: z.object({ picture: z.string() }),
      }),
    ),
  }),
});

it("prepares a user's pictures, and the audit sees which are evaluation pictures of COCO", async () => {
  const photographs = await evaluationPhotographs();
  await layOutShop(photographs);
  expect(prepare("captions", "shop").status).toBe(0);

  const audit = crossweave(
    "audit",
    "shop",
    "coco",
    "--no-texts",
    "--exclusions",
    "out.json",
    "--json",
  );
  expect(audit.status).toBe(20);
  const { leaks } = auditSchema.parse(JSON.parse(audit.stdout)).verdict;
  const found = leaks.map(({ alsoBy, eval: evaluated, rule, train }) => {
    return `${train.picture} ${evaluated.picture} ${[rule, ...alsoBy].toSorted().join(" ")}`;
  });
  const [copied, edited, addressed, numbered] = photographs.map(({ key }) => key);
  expect(found.toSorted()).toEqual([
    `own:shop/addressed.png ${addressed} linked-key same-url`,
    expect.stringMatching(`^own:shop/copied.jpg ${copied} .*same-bytes same-pixels`),
    `own:shop/edited.jpg ${edited} near-duplicate`,
    `own:shop/numbered.png ${numbered} linked-key`,
  ]);

  expect(prepare("captions", "clean", "--exclude", "out.json").status).toBe(0);
  const { splits } = await readIndex(join(folder, "clean"));
  expect(splits.map(({ numPictures }) => numPictures)).toEqual([1, 0, 0]);
  expect(crossweave("audit", "clean", "coco", "--no-texts").status).toBe(0);
});

it("gives the same set of the folder itself as of the folder above it", async () => {
  const args = ["captions", "--source", "source/shop", "--out", "alone"];
  expect(crossweave("prepare", ...args).status).toBe(0);
  const [alone, above] = ["alone", "shop"].map((name) => readIndex(join(folder, name)));
  expect((await alone)?.digest).toBe((await above)?.digest);
});

it("names the faulty lines of a user's file with their numbers", async () => {
  const lines = jsonLines({ picture: "x.png", text: "a" }, { picture: "../x.png", text: "a" });
  await writeFile(join(folder, "source/shop/captions.jsonl"), lines);
  const ended = prepare("captions", "refused");
  expect(ended.status).toBe(23);
  expect(ended.stderr).toContain(
    '1 line quarantined: ANN_PATH; first shop/captions.jsonl#line 2: /picture: "../x.png" leaves the folder of captions.jsonl',
  );
});
