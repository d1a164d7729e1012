import { rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareSet } from "../../src/cli/preparation/prepare-set.ts";
import { repairSet } from "../../src/cli/validation/repair-command.ts";
import type { SceneHead } from "../../src/core/records.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { noExclusions } from "../../src/ingest/exclusion/given-rules.ts";
import { readRecipe } from "../../src/ingest/recipe.ts";
import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { LoaderOptions } from "../../src/loader/options.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { layOutRealCoco, realData } from "../real-data.ts";
import { filesOf, temporaryFolder } from "../shards/small-set.ts";
import { RunningProgram } from "./running-program.ts";

const launcher = join(import.meta.dirname, "../../bin/crossweave.mjs");
const context = { progress: silentProgress, signal: new AbortController().signal };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let source = "";

beforeAll(async () => {
  folder = await temporaryFolder();
  source = join(folder.path, "source");
  await layOutRealCoco(source);
  await prepare("plain", {});
  await prepare("seekable", { seekTable: "strips" });
});

afterAll(() => folder[Symbol.asyncDispose]());

/** The 51 photographs in a set of this name, by the recipe coco-fit with other rules for pictures. */
async function prepare(
  name: string,
  rules: { readonly seekTable?: "strips" },
  numWorkers = 2,
): Promise<string> {
  const { pictures, ...recipe } = await readRecipe("coco-fit");
  const shards = { targetBatchBytes: 2_000_000, maxScenesPerBatch: 8, targetShardBytes: 3_000_000 };
  const outFolder = join(folder.path, name);
  const changed = { ...recipe, pictures: { ...pictures, ...rules }, shards };
  const written = await prepareSet(
    {
      recipe: changed,
      sourceFolder: source,
      outFolder,
      allowMissing: true,
      acceptUnknownRelease: false,
      exclusions: noExclusions,
      strict: false,
      quarantineLimit: changed.quarantineLimit,
      numWorkers,
      fresh: false,
    },
    context,
  );
  return JSON.stringify(written);
}

async function headsOf(name: string): Promise<SceneHead[]> {
  await using reader = await ShardSetReader.open(join(folder.path, name));
  return await Array.fromAsync(reader.split("train").heads());
}

function namesOf(heads: readonly SceneHead[]): object[] {
  return heads.flatMap(({ pictures }) =>
    pictures.map(({ pixelSha256, sourceSha256 }) => ({ pixelSha256, sourceSha256 })),
  );
}

/** The pixels of an epoch's first pictures, cropped at random. */
async function croppedPixels(name: string): Promise<Buffer[]> {
  const options: LoaderOptions = {
    sets: [{ folder: join(folder.path, name), splits: ["train"] }],
    vocabulary: realData("bert/vocab.txt"),
    seed: 1,
    batching: { kind: "pictures", picturesPerBatch: 17 },
    grouping: "none",
    pairing: { kind: "matched-unmatched", matched: 1, unmatched: 0 },
    text: { maxTokens: 40, longer: "cut" },
    pictures: { kind: "square", size: 96 },
    augment: {
      crop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
      flip: "if-text-has-no-side-words",
      randAugment: null,
    },
    onDamage: "stop",
    mlmProbability: 0.15,
    rank: 0,
    worldSize: 1,
    numWorkers: 0,
    prefetchBatches: 1,
  };
  await using loader = await BatchLoader.open(options);
  const found: Buffer[] = [];
  for await (const { pixels } of loader.batches({ epoch: 0, step: 0 })) {
    found.push(Buffer.from(pixels));
    if (found.length === 3) break;
  }
  return found;
}

describe("A set whose pictures have seek tables", () => {
  it("says so in its index, and holds the same pictures as one without", async () => {
    await using reader = await ShardSetReader.open(join(folder.path, "seekable"));
    expect(reader.index.recipe).toMatchObject({ pictures: { seekTable: "strips" } });
    const [plain, seekable] = [await headsOf("plain"), await headsOf("seekable")];
    expect(plain).toHaveLength(51);
    expect(namesOf(seekable)).toEqual(namesOf(plain));
    for (const [index, { pictures }] of plain.entries()) {
      expect(seekable[index]?.pictures[0]?.sha256).not.toBe(pictures[0]?.sha256);
    }
  });

  it("is the same set for any number of workers", async () => {
    await prepare("by-one", { seekTable: "strips" }, 1);
    const [one, two] = [
      await filesOf(join(folder.path, "by-one")),
      await filesOf(join(folder.path, "seekable")),
    ];
    expect(one).toEqual(two);
    await rm(join(folder.path, "by-one"), { recursive: true });
  });

  it("gives the loader the same random crops, pixel by pixel", async () => {
    expect(await croppedPixels("seekable")).toEqual(await croppedPixels("plain"));
  });

  it("is found sound by validate, and what is broken of it is made again as it was", async () => {
    const set = join(folder.path, "seekable");
    const validate = (): Promise<{ exitCode: number | null; stdout: string }> =>
      new RunningProgram(launcher, ["validate", set]).ended;
    const sound = await validate();
    expect(sound.stdout).toMatch(/51 pictures \(all decoded\)/);
    expect(sound.exitCode).toBe(0);
    const files = await filesOf(set);
    await truncate(join(set, "train/00001.arrow"), 1000);
    expect((await validate()).exitCode).toBe(21);
    const request = {
      folder: set,
      faultyFiles: ["train/00001.arrow"],
      source: [source],
      workers: 2,
    };
    expect(await repairSet(request, context)).toEqual(["train/00001.arrow"]);
    expect(await filesOf(set)).toEqual(files);
  });
});

describe("A recipe", () => {
  it("names the seek tables of its pictures, or none", async () => {
    const recipe = await readRecipe("coco-fit");
    expect(Object.keys(recipe.pictures)).not.toContain("seekTable");
    const path = join(folder.path, "mine.json");
    const write = (seekTable: string): Promise<void> =>
      writeFile(path, JSON.stringify({ ...recipe, pictures: { ...recipe.pictures, seekTable } }));
    for (const seekTable of ["strips", "none"]) {
      await write(seekTable);
      expect((await readRecipe(path)).pictures).toMatchObject({ seekTable });
    }
    await write("rows");
    await expect(readRecipe(path)).rejects.toThrow(/pictures\.seekTable/);
  });
});
