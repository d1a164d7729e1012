import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type PrepareCall,
  type PreparedSet,
  prepareSet,
} from "../../src/cli/preparation/prepare-set.ts";
import { summaryOfSet } from "../../src/cli/preparation/summary.ts";
import { preparedText } from "../../src/cli/preparation/prepare-text.ts";
import { IncompleteError, RefusedError, SourceError, StateError } from "../../src/core/errors.ts";
import { ProcessLock } from "../../src/core/locks.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { listedExclusions, noExclusions } from "../../src/ingest/exclusion/given-rules.ts";
import { type PreparationRecipe, readRecipe } from "../../src/ingest/recipe.ts";
import { readLedger } from "../../src/shards/ledger.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { cocoCaption, cocoImage, cocoName, writeCocoFolder } from "../ingest/coco-folder.ts";
import { layOutRealCoco, realData } from "../real-data.ts";

let folder = "";
let out = "";
let recipe: PreparationRecipe;
/** A small folder of drawn pictures: 40 listed, 36 there, the first three of them faulty. */
let small = "";
let undisturbed: PreparedSet;

const faults: readonly (readonly [string, string])[] = [
  [cocoName(1), "IMG_TRUNCATED"],
  [cocoName(2), "IMG_EMPTY"],
  [cocoName(3), "IMG_NOT_IMAGE"],
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-prepare-"));
  small = await drawSmallSource();
  // Small shards, so that there are many to be interrupted between.
  const shards = { targetBatchBytes: 400_000, maxScenesPerBatch: 3, targetShardBytes: 10_000 };
  recipe = { ...(await readRecipe("coco")), shards };
  undisturbed = await prepare({ outFolder: join(folder, "undisturbed") });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(small, { recursive: true, force: true });
});
beforeEach(async () => {
  out = await mkdtemp(join(folder, "out-"));
});

async function drawSmallSource(): Promise<string> {
  const ids = Array.from({ length: 40 }, (_, index) => index + 1);
  const source = await writeCocoFolder({
    files: {
      train2017: {
        images: ids.map((id) => cocoImage(id)),
        annotations: ids.flatMap((id) => [cocoCaption(id, id), cocoCaption(id + 100, id)]),
      },
    },
    parts: {
      train: ids.slice(0, 20).map((id) => cocoName(id)),
      restval: ids.slice(20, 30).map((id) => cocoName(id)),
      val: ids.slice(30, 36).map((id) => cocoName(id)),
      test: ids.slice(36).map((id) => cocoName(id)),
    },
    pictures: ids.slice(0, 36).map((id) => `train2017/${cocoName(id)}`),
  });
  const pictures = join(source, "coco/train2017");
  const photograph = await readFile(join(pictures, cocoName(1)));
  await writeFile(join(pictures, cocoName(1)), photograph.subarray(0, photograph.length / 2));
  await writeFile(join(pictures, cocoName(2)), "");
  await writeFile(join(pictures, cocoName(3)), "<html>404</html>");
  return source;
}

interface Choice extends Partial<PrepareCall> {
  readonly signal?: AbortSignal;
}

function callOf(choice: Choice = {}): PrepareCall {
  return {
    recipe,
    sourceFolder: small,
    outFolder: out,
    allowMissing: true,
    acceptUnknownRelease: false,
    exclusions: noExclusions,
    strict: false,
    quarantineLimit: recipe.quarantineLimit,
    numWorkers: 2,
    fresh: false,
    ...choice,
  };
}

function prepare({
  signal = new AbortController().signal,
  ...choice
}: Choice = {}): Promise<PreparedSet> {
  return prepareSet(callOf(choice), { progress: silentProgress, signal });
}

/** Stops a preparation once so many pictures are done. */
async function interrupt(numPictures: number): Promise<void> {
  const controller = new AbortController();
  const reason = new Error("stop");
  let numDone = 0;
  const report = (): void => {
    numDone += 1;
    if (numDone === numPictures) controller.abort(reason);
  };
  const context = { progress: { ...silentProgress, report }, signal: controller.signal };
  await expect(prepareSet(callOf(), context)).rejects.toBe(reason);
}

describe("A preparation of the real photographs", () => {
  it("writes every record of the plan, and a ledger of all others", async () => {
    const source = join(out, "source");
    await layOutRealCoco(source);
    const outFolder = join(out, "set");
    const prepared = await prepare({ sourceFolder: source, outFolder });
    const { index } = prepared;
    expect(prepared.wasComplete).toBe(false);
    expect(index).toMatchObject({
      name: "coco",
      partial: true,
      recipe: { release: "release unknown, Karpathy split" },
      ledger: { numRows: 648 },
    });
    expect(index.splits.map(({ name, role, numScenes }) => [name, role, numScenes])).toEqual([
      ["train", "train", 19],
      ["restval", "train", 22],
      ["val", "eval", 6],
      ["test", "eval", 4],
    ]);
    await using reader = await ShardSetReader.open(outFolder);
    const head = await reader.split("train").head(0);
    const bytes = await reader.split("train").pictureBytes(0, 0);
    expect(head.sceneKey).toBe("coco:107438");
    expect(head.texts).toHaveLength(5);
    const photograph = await readFile(realData("images/coco/train2017/000000107438.jpg"));
    expect(Buffer.from(bytes).equals(photograph)).toBe(true);
    const names = [
      "croissant.json",
      "index.json",
      "ledger.arrow",
      "restval",
      "test",
      "train",
      "val",
    ];
    expect((await readdir(outFolder)).toSorted()).toEqual(names);
    const text = preparedText(await summaryOfSet(callOf({ outFolder }), prepared));
    expect(text).toMatch(/captions_train2017\.json\n +image .*\n +caption +400 +130 +0 +0 +270/);
    expect(text).toMatch(/restval +train +22 +22 +110/);
    expect(text).toMatch(/caption +missing +no-picture +540/);
    expect(text).toContain(`digest: ${index.digest}`);
    expect(text).toContain("partial:");
    expect(text).toContain("next: crossweave validate");
  });
});

describe("A preparation", () => {
  it("gives the same bytes with any number of workers", async () => {
    for (const numWorkers of [1, 5]) {
      const outFolder = join(out, String(numWorkers));
      const { index } = await prepare({ numWorkers, outFolder });
      expect(index.digest).toBe(undisturbed.index.digest);
    }
  });

  it("goes on after each interruption and ends with the same set", async () => {
    for (const numPictures of [8, 8, 14, 16]) await interrupt(numPictures);
    expect(await readdir(out)).not.toContain("index.json");
    const { index } = await prepare();
    expect(index).toEqual(undisturbed.index);
    expect((await prepare()).wasComplete).toBe(true);
  });

  it("leaves out the pictures of an exclusion list, with rule and evidence", async () => {
    const exclusions = listedExclusions(
      new Map([["coco:9", { rule: "same-bytes", evidence: "seen" }] as const]),
    );
    const { index } = await prepare({ exclusions });
    expect(index.splits[0]?.numScenes).toBe(16);
    const entries = await Array.fromAsync(readLedger(out));
    expect(entries.filter(({ outcome }) => outcome === "excluded")).toMatchObject([
      { kind: "image", id: "9", reason: "same-bytes", evidence: "seen" },
      { kind: "caption", id: "9", reason: "same-bytes" },
      { kind: "caption", id: "109", reason: "same-bytes" },
    ]);
    expect(index.recipe).toMatchObject({ exclusions: { sha256: exclusions.digest } });
  });

  it("puts faulty pictures and their captions into quarantine", async () => {
    const entries = await Array.fromAsync(readLedger(join(folder, "undisturbed")));
    const quarantined = entries.filter(({ outcome }) => outcome === "quarantined");
    expect(quarantined).toHaveLength(9);
    for (const [name, code] of faults) {
      const path = `coco/train2017/${name}: `;
      const ofPicture = quarantined.filter(({ evidence }) => evidence.startsWith(path));
      expect(ofPicture.map(({ kind, reason }) => [kind, reason])).toEqual([
        ["image", code],
        ["caption", code],
        ["caption", code],
      ]);
    }
    expect(undisturbed.index.counts).toMatchObject([
      { kind: "image", read: 40, written: 33, excluded: 0, quarantined: 3, missing: 4 },
      { kind: "caption", read: 80, written: 66, excluded: 0, quarantined: 6, missing: 8 },
    ]);
  });

  it("is refused when more records are faulty than allowed", async () => {
    const error: unknown = await prepare({ quarantineLimit: { share: 0, records: 5 } }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SourceError);
    expect(String(error)).toMatch(/6 of 120 records are faulty, 5 are allowed/);
    expect(String(error)).toContain("image quarantined: IMG_TRUNCATED; first coco/annotations/");
    expect((await prepare()).index.digest).toBe(undisturbed.index.digest);
  });

  it("is refused when pictures are missing and nothing allows it", async () => {
    await expect(prepare({ allowMissing: false })).rejects.toThrow(
      /^4 of 40 pictures are missing:\n {2}coco\/train2017\/000000000037\.jpg\n/,
    );
    expect(await readdir(out)).toEqual([]);
  });
});

describe("An output folder", () => {
  it("with another preparation is refused, finished or not, unless it is to be fresh", async () => {
    const fit = await readRecipe("coco-fit");
    await interrupt(8);
    await expect(prepare({ recipe: fit })).rejects.toThrow(/holds a preparation of recipe "coco"/);
    await prepare();
    await expect(prepare({ recipe: fit })).rejects.toThrow(RefusedError);
    const { index } = await prepare({ recipe: fit, fresh: true });
    expect(index.splits.map(({ name, numScenes }) => [name, numScenes])).toEqual([["train", 33]]);
    const names = ["croissant.json", "index.json", "ledger.arrow", "train"];
    expect((await readdir(out)).toSorted()).toEqual(names);
  });

  it("with anything else in it is refused and left alone", async () => {
    await writeFile(join(out, "thesis.tex"), "years of work");
    for (const fresh of [false, true]) {
      await expect(prepare({ fresh })).rejects.toThrow(/is not empty: it holds thesis\.tex/);
    }
    expect(await readFile(join(out, "thesis.tex"), "utf8")).toBe("years of work");
  });

  it("that a file stands in the way of is refused", async () => {
    await writeFile(join(out, "file"), "");
    await expect(prepare({ outFolder: join(out, "file") })).rejects.toThrow(/a file is in its way/);
  });

  it("case 55: that another process prepares is refused with its number", async () => {
    await interrupt(8);
    const holder = JSON.stringify({ pid: 4711, host: "node7", since: "2026-01-01T00:00:00Z" });
    await writeFile(join(out, ".unfinished/holder.json"), holder);
    {
      using held = new DisposableStack();
      held.use(await ProcessLock.acquire(join(out, ".unfinished/lock")));
      await expect(prepare()).rejects.toThrow(/in use: process 4711 on node7 \(since 2026/);
      await expect(prepare({ fresh: true })).rejects.toThrow(RefusedError);
    }
    expect((await prepare()).index.digest).toBe(undisturbed.index.digest);
  });

  it("on a full disk loses nothing", async () => {
    await interrupt(30);
    await symlink("/dev/full", join(out, "ledger.arrow.part"));
    await expect(prepare()).rejects.toThrow(IncompleteError);
    expect((await prepare()).index.digest).toBe(undisturbed.index.digest);
  });

  it("that has lost a part of an interrupted preparation is found out", async () => {
    await interrupt(30);
    await rm(join(out, ".unfinished/train.faults.jsonl"));
    await expect(prepare()).rejects.toThrow(StateError);
    expect((await prepare({ fresh: true })).index.digest).toBe(undisturbed.index.digest);
  });
});
