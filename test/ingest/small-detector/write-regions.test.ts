import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareSet } from "../../../src/cli/preparation/prepare-set.ts";
import { SourceError } from "../../../src/core/errors.ts";
import { type Progress, silentProgress } from "../../../src/core/progress.ts";
import { noExclusions } from "../../../src/ingest/exclusion/given-rules.ts";
import { readRecipe } from "../../../src/ingest/recipe.ts";
import { NUM_CLASSES, NUM_FEATURES } from "../../../src/ingest/small-detector/detector.ts";
import {
  type RegionFilesSummary,
  writeRegionFiles,
} from "../../../src/ingest/small-detector/write-regions.ts";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import { noAugmentation } from "../../../src/loader/pictures/augment.ts";
import { pythonEnvironment, type PythonEnvironment } from "../../python-environment.ts";
import { DrawnWorld, digestFiles, readTruth } from "../small-world/files.ts";

let world: DrawnWorld;
let summary: RegionFilesSummary;
let python: PythonEnvironment;
let sets = "";
beforeAll(async () => {
  sets = await mkdtemp(join(tmpdir(), "crossweave-small-detector-"));
  python = await pythonEnvironment();
  // What Python needs is kept in the usual place, the loader's tables are not.
  process.env["CROSSWEAVE_CACHE"] = join(sets, "cache");
  world = await DrawnWorld.draw(7, 0.02);
  summary = await write();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await rm(sets, { recursive: true, force: true });
});

function write(
  watch: { progress?: Progress; signal?: AbortSignal; numFeatures?: number } = {},
): Promise<RegionFilesSummary> {
  const { progress = silentProgress, signal = new AbortController().signal, ...sizes } = watch;
  return writeRegionFiles(world.folder, { progress, signal, ...sizes });
}

const regionsFolder = (): string => join(world.folder, "regions");

describe("the region files of a small world", () => {
  it("are one for each picture of COCO and Visual Genome, named as UNITER's", async () => {
    const truth = await readTruth(world.folder);
    const expected = [...truth.values()].flatMap(({ dataset, path }) => {
      const name = path.slice(path.lastIndexOf("/") + 1).replace(".jpg", ".npz");
      if (dataset === "coco") return [`coco/${name.replace("COCO", "coco")}`];
      return dataset === "vg" ? [`vg/vg_${name}`] : [];
    });
    const found = (await readdir(regionsFolder(), { recursive: true })).filter((path) =>
      path.endsWith(".npz"),
    );
    expect(found.toSorted()).toEqual(expected.toSorted());
    expect(summary).toMatchObject({ numPictures: expected.length, numFeatures: NUM_FEATURES });
    expect(found.some((name) => /^coco\/coco_train2014_\d{12}\.npz$/.test(name))).toBe(true);
  });

  it("are left alone once complete, and the same bytes when they are written again", async () => {
    const before = await digestFiles(regionsFolder());
    let numReports = 0;
    const progress = { ...silentProgress, report: () => (numReports += 1) };
    expect(await write({ progress })).toEqual(summary);
    expect(numReports).toBe(0);
    await rm(regionsFolder(), { recursive: true });
    const controller = new AbortController();
    const stopping = { ...silentProgress, report: () => controller.abort() };
    await expect(write({ progress: stopping, signal: controller.signal })).rejects.toThrow(
      /abort/i,
    );
    expect(await write()).toEqual(summary);
    expect(await digestFiles(regionsFolder())).toEqual(before);
  });

  it("are refused of a folder that holds no small world", async () => {
    const { signal } = new AbortController();
    const none = writeRegionFiles(sets, { progress: silentProgress, signal });
    await expect(none).rejects.toThrow(SourceError);
    await expect(none).rejects.toThrow("holds no complete small world");
  });
});

describe("a set prepared with them", () => {
  let set: string;
  beforeAll(async () => {
    set = join(sets, "set");
    const recipe = await readRecipe("coco-regions");
    const call = {
      recipe,
      sourceFolder: world.folder,
      outFolder: set,
      allowMissing: false,
      acceptUnknownRelease: false,
      exclusions: noExclusions,
      strict: true,
      quarantineLimit: recipe.quarantineLimit,
      numWorkers: 2,
      fresh: false,
    };
    await prepareSet(call, {
      progress: silentProgress,
      signal: new AbortController().signal,
    });
  });

  it("U-5: has of each picture the regions that NumPy finds by UNITER's rule, bit for bit", async () => {
    const args = [set, "val", join(regionsFolder(), "coco"), "100", ""];
    const compared: unknown = JSON.parse(await python.run("compare_regions.py", args));
    const pictures = Object.values(compared ?? {});
    expect(pictures.length).toBeGreaterThan(5);
    for (const { count, same } of pictures) {
      expect(same).toBe(true);
      expect(count).toBeGreaterThanOrEqual(10);
      expect(count).toBeLessThanOrEqual(40);
    }
  });

  it("gives UNITER's batches: one task each, masked words or masked regions", async () => {
    const matched = { kind: "bernoulli", probability: 0, replace: "picture" } as const;
    const mlm = { name: "mlm", ratio: 1, pairing: matched, mlmProbability: 0.5 };
    await using loader = await BatchLoader.open({
      sets: [{ folder: set, splits: ["train"] }],
      vocabulary: join(world.folder, "vocab.txt"),
      seed: 1,
      batching: {
        kind: "tokens",
        maxTokens: 4 * 162,
        multipleOf: 4,
        bucketSize: 64,
        tokensPerPicture: "regions",
      },
      grouping: "none",
      pairing: matched,
      text: { maxTokens: 62, longer: "drop" },
      pictures: { kind: "none" },
      regions: { maxRegions: 100, numFeatures: NUM_FEATURES, numClasses: NUM_CLASSES },
      augment: noAugmentation,
      onDamage: "stop",
      mlmProbability: 0,
      tasks: [
        { ...mlm, regionMaskProbability: 0 },
        { ...mlm, name: "mrfr", mlmProbability: 0, regionMaskProbability: 0.15 },
      ],
      rank: 0,
      worldSize: 1,
      numWorkers: 0,
      prefetchBatches: 1,
    });
    const tasks = new Set<string | null>();
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      tasks.add(batch.task);
      const isMasked = batch.maskedRegions.includes(1);
      const hasLabels = batch.mlmLabels.some((label) => label >= 0);
      expect([isMasked, hasLabels]).toEqual([batch.task === "mrfr", batch.task === "mlm"]);
      expect(Math.min(...batch.numRegions)).toBeGreaterThanOrEqual(10);
      if (tasks.size === 2 || batch.epoch > 0) break;
    }
    expect(tasks).toEqual(new Set(["mlm", "mrfr"]));
  });
});
