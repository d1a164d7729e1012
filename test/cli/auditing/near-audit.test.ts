import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { canonicalJson } from "../../../src/core/digest.ts";
import { verdictJson } from "../../../src/audit/verdict-json.ts";
import { auditShardSets } from "../../../src/cli/auditing/shard-set-audit.ts";
import { prepareSet } from "../../../src/cli/preparation/prepare-set.ts";
import { ShardError } from "../../../src/core/errors.ts";
import { type Progress, silentProgress } from "../../../src/core/progress.ts";
import { noExclusions } from "../../../src/ingest/exclusion/given-rules.ts";
import { readRecipe } from "../../../src/ingest/recipe.ts";
import { writeSmallWorld } from "../../../src/ingest/small-world/small-world.ts";
import { readIndex } from "../../../src/shards/shard-set-index.ts";

const { signal } = new AbortController();
let folder = "";
let cache = "";
let numCaches = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-near-audit-"));
  const world = join(folder, "world");
  await writeSmallWorld(world, { seed: 3, scale: 0.05, progress: silentProgress, signal });
  await prepare("coco", "coco");
  await prepare("flickr30k", "finetune/flickr30k");
  await prepare("one-sided", "coco-fit");
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  numCaches += 1;
  cache = join(folder, `cache-${numCaches}`);
  vi.stubEnv("CROSSWEAVE_CACHE", cache);
});

async function prepare(out: string, name: string): Promise<void> {
  const recipe = await readRecipe(name);
  // Small shards, so that there are some to be interrupted between.
  const shards = { targetBatchBytes: 200_000, maxScenesPerBatch: 8, targetShardBytes: 100_000 };
  await prepareSet(
    {
      recipe: { ...recipe, shards },
      sourceFolder: join(folder, "world"),
      outFolder: join(folder, out),
      allowMissing: false,
      acceptUnknownRelease: false,
      exclusions: noExclusions,
      strict: false,
      quarantineLimit: recipe.quarantineLimit,
      numWorkers: 1,
      fresh: false,
    },
    { progress: silentProgress, signal },
  );
}

/** How many scenes were hashed and pairs compared, and what the audit found. */
interface Audited {
  readonly numHashed: number;
  readonly verdict: string;
  readonly numVerified: number;
}

async function audit(
  names: readonly string[],
  options: { readonly signal?: AbortSignal; readonly onHashed?: () => void } = {},
): Promise<Audited> {
  let numHashed = 0;
  const progress: Progress = {
    say: () => undefined,
    report: ({ activity, done }) => {
      if (activity !== "hash pictures") return;
      numHashed = done;
      options.onHashed?.();
    },
  };
  const folders = names.map((name) => join(folder, name));
  const context = { progress, signal: options.signal ?? signal, near: {} };
  const { verdict } = await auditShardSets(folders, context);
  return {
    numHashed,
    verdict: canonicalJson(verdictJson(verdict)),
    numVerified: verdict.near?.verified ?? 0,
  };
}

async function numScenes(name: string): Promise<number> {
  const { splits } = await readIndex(join(folder, name));
  return splits.reduce((sum, split) => sum + split.numScenes, 0);
}

async function recordFiles(): Promise<string[]> {
  const names = await readdir(cache, { recursive: true });
  return names.filter((name) => /\.(?:bank|passing|whole)$/.test(name)).toSorted();
}

describe("the look for near-duplicates between shard sets", () => {
  it("hashes each picture once, and gives the same verdict from what it has kept", async () => {
    const first = await audit(["coco"]);
    expect(first.numHashed).toBe(await numScenes("coco"));
    expect(first.numVerified).toBeGreaterThan(0);
    expect(await audit(["coco"])).toEqual({ ...first, numHashed: 0 });
  });

  it("hashes nothing where there is nothing to compare with", async () => {
    const alone = await audit(["one-sided"]);
    expect(alone.numHashed).toBe(0);
    expect(JSON.parse(alone.verdict)).toMatchObject({ outcome: "unchecked", near: null });
  });

  it("hashes of a larger audit only what is new, and gives the verdict of an audit from nothing", async () => {
    await audit(["coco"]);
    const added = await audit(["coco", "flickr30k"]);
    expect(added.numHashed).toBe(await numScenes("flickr30k"));
    await rm(cache, { recursive: true });
    const whole = await audit(["flickr30k", "coco"]);
    expect(whole).toEqual({ ...added, numHashed: (await numScenes("coco")) + added.numHashed });
  });

  it("goes on after an interruption with the shards that are left", async () => {
    const whole = await audit(["coco"]);
    const all = await recordFiles();
    await rm(cache, { recursive: true });
    const stopping = new AbortController();
    const reason = new Error("stopped by hand");
    let numReports = 0;
    const onHashed = (): void => {
      numReports += 1;
      if (numReports === 6) stopping.abort(reason);
    };
    await expect(audit(["coco"], { signal: stopping.signal, onHashed })).rejects.toBe(reason);
    const kept = await recordFiles();
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(all.length);
    const rest = await audit(["coco"]);
    expect(rest.numHashed).toBeLessThan(whole.numHashed);
    expect(rest).toEqual({ ...whole, numHashed: rest.numHashed });
  });

  it("makes again what was damaged in the cache", async () => {
    const whole = await audit(["coco"]);
    const names = await readdir(cache, { recursive: true });
    const kept = names.filter((name) => /\.(?:bank|passing|json)$/.test(name));
    expect(kept.some((name) => name.endsWith(".json"))).toBe(true);
    for (const [at, name] of kept.entries()) {
      const bytes = await readFile(join(cache, name));
      if (at % 2 === 0) bytes[40] = (bytes[40] ?? 0) ^ 1;
      await writeFile(join(cache, name), at % 2 === 0 ? bytes : bytes.subarray(0, -7));
    }
    expect(await audit(["coco"])).toEqual(whole);
  });

  it("stops at a picture whose bytes are not those of its row", async () => {
    await cp(join(folder, "coco"), join(folder, "damaged"), { recursive: true });
    const [split] = (await readIndex(join(folder, "damaged"))).splits;
    const [shard] = split?.shards ?? [];
    const [batch] = shard?.batches ?? [];
    const path = join(folder, "damaged", shard?.file ?? "");
    const bytes = await readFile(path);
    const at = (batch?.offset ?? 0) + (batch?.sizeBytes ?? 0) - 500;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(audit(["damaged"])).rejects.toThrow(ShardError);
    await expect(audit(["damaged"])).rejects.toMatchObject({
      exitCode: 21,
      message: expect.stringMatching(/00000\.arrow.*the bytes of coco:\d+ have the digest/),
    });
  });
});
