import { cp, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareSet } from "../../src/cli/preparation/prepare-set.ts";
import { SourceError } from "../../src/core/errors.ts";
import type { Progress } from "../../src/core/progress.ts";
import { noExclusions } from "../../src/ingest/exclusion/given-rules.ts";
import { type PreparationRecipe, readRecipe } from "../../src/ingest/recipe.ts";
import type { RegionPolicy } from "../../src/ingest/regions/region-policy.ts";
import { readLedger } from "../../src/shards/ledger.ts";
import type { ShardSetIndex } from "../../src/shards/shard-set-index.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { validateShardSet } from "../../src/shards/validation/validate-shard-set.ts";
import { fixtures, npzPolicy, tsvPolicy } from "../ingest/regions/region-fixtures.ts";
import { layOutRealCoco } from "../real-data.ts";

/** 51 real photographs; there are features of four of them. */
const source = await mkdtemp(join(tmpdir(), "crossweave-regions-source-"));
const sets = await mkdtemp(join(tmpdir(), "crossweave-regions-sets-"));
let coco: PreparationRecipe;

beforeAll(async () => {
  await layOutRealCoco(source);
  await cp(fixtures, source, { recursive: true });
  coco = await readRecipe("coco");
});

afterAll(async () => {
  for (const folder of [source, sets]) await rm(folder, { recursive: true, force: true });
});

interface Choice {
  readonly name: string;
  readonly regions: RegionPolicy;
  readonly allowMissing?: boolean;
  readonly numWorkers?: number;
  readonly sourceFolder?: string;
  /** Stop once so many scenes are settled. */
  readonly stopAfter?: number;
}

async function prepare(choice: Choice): Promise<ShardSetIndex> {
  const { name, regions, allowMissing = true, numWorkers = 2, sourceFolder = source } = choice;
  const shards = { targetBatchBytes: 400_000, maxScenesPerBatch: 2, targetShardBytes: 10_000 };
  const recipe = { ...coco, regions, shards };
  const controller = new AbortController();
  const progress: Progress = {
    say: () => {},
    report: ({ activity, done }) => {
      if (activity.startsWith("pictures") && done === choice.stopAfter) {
        controller.abort(new Error("stopped"));
      }
    },
  };
  const { index } = await prepareSet(
    {
      recipe,
      sourceFolder,
      outFolder: join(sets, name),
      allowMissing,
      acceptUnknownRelease: false,
      exclusions: noExclusions,
      strict: false,
      quarantineLimit: { share: 1, records: 0 },
      numWorkers,
      fresh: false,
    },
    { progress, signal: controller.signal },
  );
  return index;
}

function numScenes({ splits }: ShardSetIndex): number {
  return splits.reduce((sum, split) => sum + split.numScenes, 0);
}

/** How many regions each picture of a set has, by its key. */
async function regionsOf(name: string): Promise<Map<string, number | null>> {
  await using reader = await ShardSetReader.open(join(sets, name));
  const counts = new Map<string, number | null>();
  for (const { name: split } of reader.index.splits) {
    const scenes = reader.split(split);
    for (let scene = 0; scene < scenes.numScenes; scene += 1) {
      const { sceneKey } = await scenes.head(scene);
      counts.set(sceneKey, (await scenes.regions(scene, 0))?.boxes.length ?? null);
    }
  }
  return counts;
}

async function reasonsOf(name: string): Promise<Map<string, number>> {
  const reasons = new Map<string, number>();
  for await (const { outcome, reason } of readLedger(join(sets, name))) {
    const told = `${outcome} ${reason}`;
    reasons.set(told, (reasons.get(told) ?? 0) + 1);
  }
  return reasons;
}

const found = { "coco:790": 100, "coco:78499": 57, "coco:84284": 10, "coco:121647": 8 };

describe("a recipe that requires region features", () => {
  it("prepares the pictures that have some and accounts for all others", async () => {
    const index = await prepare({ name: "required", regions: npzPolicy() });
    expect(Object.fromEntries(await regionsOf("required"))).toEqual(found);
    expect(index.partial).toBe(true);
    expect(await validateShardSet(join(sets, "required"))).toMatchObject({ isValid: true });
    // 47 photographs with five captions each.
    expect((await reasonsOf("required")).get("missing no-regions")).toBe(47 * 6);
  });

  it("refuses to leave pictures out unless it is allowed to", async () => {
    const refused = prepare({ name: "refused", regions: npzPolicy(), allowMissing: false });
    await expect(refused).rejects.toThrow(SourceError);
  });

  it("says where features should be when there are none", async () => {
    const regions = tsvPolicy("features/trainval.tsv");
    const refused = prepare({ name: "refused", regions });
    await expect(refused).rejects.toThrow(/features\/trainval.tsv is not there/);
  });

  it("makes the same set with one worker and with two, from an npz and from a TSV of the same", async () => {
    const one = await prepare({ name: "one", regions: npzPolicy(), numWorkers: 1 });
    const two = await prepare({ name: "two", regions: npzPolicy(), numWorkers: 2 });
    expect(one.digest).toBe(two.digest);
    const table = await prepare({ name: "table", regions: tsvPolicy("header.tsv") });
    expect(table.digest).not.toBe(one.digest);
    expect(Object.fromEntries(await regionsOf("table"))).toEqual(found);
    expect(table.sources.map(({ file }) => file)).toContain("header.tsv");
  });

  it("puts a picture with a damaged entry into quarantine, texts and all", async () => {
    const damaged = await mkdtemp(join(tmpdir(), "crossweave-regions-damaged-"));
    try {
      await cp(source, damaged, { recursive: true });
      await truncate(join(damaged, "npz/coco_train2014_000000000790.npz"), 900);
      await writeFile(join(damaged, "npz/coco_train2014_000000084284.npz"), "<html>404</html>");
      const choice = { name: "damaged", regions: npzPolicy({ required: false }) };
      const index = await prepare({ ...choice, sourceFolder: damaged });
      expect(numScenes(index)).toBe(49);
      const reasons = await reasonsOf("damaged");
      expect(reasons.get("quarantined REG_UNREADABLE")).toBe(12);
      expect(await validateShardSet(join(sets, "damaged"))).toMatchObject({ isValid: true });
    } finally {
      await rm(damaged, { recursive: true, force: true });
    }
  });
});

describe("a recipe that takes region features where there are some", () => {
  it("prepares the same set however often it was stopped", async () => {
    const regions = npzPolicy({ required: false });
    for (const stopAfter of [3, 9, 14]) {
      await expect(prepare({ name: "stopped", regions, stopAfter })).rejects.toThrow("stopped");
    }
    const [stopped, undisturbed] = [
      await prepare({ name: "stopped", regions }),
      await prepare({ name: "undisturbed", regions }),
    ];
    expect(stopped.digest).toBe(undisturbed.digest);
  });

  it("prepares every picture", async () => {
    const regions = npzPolicy({ required: false });
    const index = await prepare({ name: "optional", regions });
    expect(numScenes(index)).toBe(51);
    const counts = await regionsOf("optional");
    for (const [key, count] of Object.entries(found)) expect(counts.get(key)).toBe(count);
    expect([...counts.values()].filter((count) => count === null)).toHaveLength(47);
  });
});
