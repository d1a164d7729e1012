import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { calibrationText } from "../../../src/audit/calibration/calibration-file.ts";
import { calibratePictures } from "../../../src/cli/calibration/calibrate-pictures.ts";
import { imageKey } from "../../../src/core/keys.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import type { SplitRole } from "../../../src/core/records.ts";
import { storePicture } from "../../../src/ingest/pictures/store-picture.ts";
import { readRecipe } from "../../../src/ingest/recipe.ts";
import { transforms } from "../../../src/pixels/planting/transforms.ts";
import { commitSplit } from "../../loader/shard-set-fixture.ts";
import { SplitWriter } from "../../../src/shards/split-writer.ts";
import { realData, realPhotographs } from "../../real-data.ts";

const launcher = join(import.meta.dirname, "../../../bin/crossweave.mjs");
const context = { progress: silentProgress, signal: new AbortController().signal };
const suite = transforms.filter(({ name }) => /^(?:JPEG 30|random crop 2|mirrored)/.test(name));
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-calibrate-test-"));
  const photographs = (await realPhotographs()).slice(0, 4);
  await mkdir(join(folder, "own/deeper"), { recursive: true });
  for (const [at, name] of photographs.entries()) {
    await cp(realData("images/coco", name), join(folder, "own", `${at}.jpg`));
  }
  const first = await readFile(join(folder, "own/0.jpg"));
  await writeFile(join(folder, "own/deeper/same.jpg"), first);
  await writeFile(
    join(folder, "own/deeper/smaller.png"),
    await sharp(first).resize(300).png().toBuffer(),
  );
  await writeFile(join(folder, "own/broken.jpg"), first.subarray(0, 2000));
  const create = { width: 80, height: 60, channels: 3, background: "#808080" } as const;
  await writeFile(join(folder, "own/flat.png"), await sharp({ create }).png().toBuffer());
  await writeFile(join(folder, "own/notes.txt"), "no picture");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a calibration", () => {
  it("finds the copies, and tells of what is no picture, flat, there twice or a copy itself", async () => {
    const call = { sources: [join(folder, "own")], numPictures: 50, seed: 3, choice: {}, suite };
    const { counts, drawn } = await calibratePictures(call, context);
    expect(counts.transforms).toEqual(
      suite.map(({ name }) => ({ name, tried: 5, found: 5, verified: 5 })),
    );
    expect(counts.pictures).toMatchObject({ offered: 8, drawn: 6, notComparable: 1 });
    expect(drawn.unreadable).toEqual([expect.stringMatching(/^broken\.jpg: /)]);
    expect(drawn.repeated.join()).toMatch(/^(?:0\.jpg is deeper\/same|deeper\/same\.jpg is 0)/);
    expect(counts.toLookAt).toHaveLength(1);
    expect([counts.toLookAt[0]?.one, counts.toLookAt[0]?.other].join()).toMatch(/smaller\.png/);
    expect(counts.different).toEqual({ pairs: 9, candidates: 0, verified: 0 });
    expect(counts.distances.histogram[0]?.[0]).toBeGreaterThan(48);
  });

  it("is the same for the same seed and pictures, wherever they lie, and another for another seed", async () => {
    await cp(join(folder, "own"), join(folder, "elsewhere"), { recursive: true });
    const measure = async (source: string, seed: number): Promise<string> => {
      const sources = [join(folder, source)];
      const call = { sources, numPictures: 3, seed, choice: {}, suite: suite.slice(0, 2) };
      return calibrationText((await calibratePictures(call, context)).counts);
    };
    const first = await measure("own", 1);
    expect(await measure("elsewhere", 1)).toBe(first);
    expect(await measure("own", 2)).not.toBe(first);
  });
});

describe("crossweave calibrate", () => {
  it("writes a file whose figures stand in verdict, proof and page of an audit with its settings alone", async () => {
    await writeSet("trained", "train", [0, 1]);
    await writeSet("tested", "eval", [2, 3]);
    const made = crossweave("calibrate", "own", "--pictures", "3", "--out", "calibration.json");
    expect(made.status).toBe(0);
    expect(made.said).toMatch(
      /within 48 of 256 bits: recall >= 0\.\d{3} \(95 %\), <= [\d,]+ false/,
    );
    const text = await readFile(join(folder, "calibration.json"), "utf8");
    const { counts, digest, figures } = JSON.parse(text);
    expect(counts.transforms).toHaveLength(27);

    const options = ["--calibration", "calibration.json", "--unsigned", "--proof", "proof.json"];
    const audited = audit(...options, "--report", "page.html", "--json");
    expect(audited.status).toBe(0);
    const recall = {
      recall: figures.verified.share,
      lowerBound: figures.verified.lowerBound,
      numPairs: figures.verified.tried,
      falseUpperBound: figures.falseVerified.upperBound,
      digest,
    };
    expect(JSON.parse(audited.stdout).verdict.near.recall).toMatchObject(recall);
    const proof = JSON.parse(await readFile(join(folder, "proof.json"), "utf8"));
    const statement = JSON.parse(Buffer.from(proof.payload, "base64").toString("utf8"));
    expect(statement.predicate.settings.near.recall).toMatchObject(recall);
    expect(await readFile(join(folder, "page.html"), "utf8")).toContain("planted copies, at least");

    const other = audit("--calibration", "calibration.json", "--near-distance", "40");
    expect(other.status).toBe(2);
    expect(other.said).toContain("wholeDistance 48 there, 40 here");
    const changed = text.replace('"drawn":3', '"drawn":4');
    await writeFile(join(folder, "changed.json"), changed);
    expect(audit("--calibration", "changed.json").status).toBe(23);
    expect(audit("--calibration", "calibration.json", "--no-near").status).toBe(2);
  });

  it.each(["0", "-1", "1.5", "all"])("of %s pictures ends with 2", (pictures) => {
    const { said, status } = crossweave("calibrate", "own", "--pictures", pictures);
    expect([status, said]).toEqual([2, expect.stringContaining("a whole number")]);
  });

  it("leaves a file alone that is no calibration, and a folder without pictures", async () => {
    expect(crossweave("calibrate", "own", "--out", "own/notes.txt").status).toBe(25);
    await mkdir(join(folder, "empty"));
    expect(crossweave("calibrate", "empty").status).toBe(23);
    expect(crossweave("calibrate", "nowhere").status).toBe(2);
  });
});

function audit(...more: readonly string[]): ReturnType<typeof crossweave> {
  return crossweave("audit", "trained", "tested", ...more);
}

function crossweave(...args: readonly string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly said: string;
} {
  const env = { ...process.env, NO_COLOR: "1", CROSSWEAVE_CACHE: join(folder, "cache") };
  const run = spawnSync(process.execPath, [launcher, ...args], {
    cwd: folder,
    encoding: "utf8",
    env,
  });
  return { status: run.status, stdout: run.stdout, said: `${run.stdout}${run.stderr}` };
}

/** A set of some of the photographs. */
async function writeSet(name: string, role: SplitRole, numbers: readonly number[]): Promise<void> {
  const out = join(folder, name);
  const { pictures: policy } = await readRecipe("coco");
  await using writer = await SplitWriter.create({ folder: out, split: role, role });
  for (const number of numbers) {
    const key = imageKey("own", number);
    const names = { key, path: `${number}.jpg`, url: null, flickrPhotoId: null };
    const reference = { ...names, license: null, linkedKeys: [] };
    const picture = await storePicture(reference, { sourceFolder: join(folder, "own"), policy });
    await writer.append({ sceneKey: key, pictures: [picture], texts: [], regions: null });
  }
  await commitSplit(out, await writer.finish(), name);
}
