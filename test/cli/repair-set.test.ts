import {
  appendFile,
  cp,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { prepareSet } from "../../src/cli/preparation/prepare-set.ts";
import { repairSet } from "../../src/cli/validation/repair-command.ts";
import { ConfigError, RefusedError, ShardError } from "../../src/core/errors.ts";
import { type Progress, silentProgress } from "../../src/core/progress.ts";
import { noExclusions } from "../../src/ingest/exclusion/given-rules.ts";
import { readRecipe } from "../../src/ingest/recipe.ts";
import { validateShardSet } from "../../src/shards/validation/validate-shard-set.ts";
import { cocoCaption, cocoImage, cocoName, writeCocoFolder } from "../ingest/coco-folder.ts";
import { filesOf } from "../shards/small-set.ts";
import { RunningProgram } from "./running-program.ts";

const NUM_PICTURES = 24;
let folder = "";
let source = "";
/** A finished set that no test changes, and its files. */
let finished = "";
let files: Map<string, Buffer>;
let set = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-repair-"));
  source = await drawSource();
  finished = join(folder, "finished");
  const shards = { targetBatchBytes: 400_000, maxScenesPerBatch: 2, targetShardBytes: 8_000 };
  const recipe = { ...(await readRecipe("coco")), shards };
  const context = { progress: silentProgress, signal: new AbortController().signal };
  await prepareSet(
    {
      recipe,
      sourceFolder: source,
      outFolder: finished,
      allowMissing: true,
      acceptUnknownRelease: false,
      exclusions: noExclusions,
      strict: false,
      quarantineLimit: { share: 1, records: 0 },
      numWorkers: 2,
      fresh: false,
    },
    context,
  );
  files = await filesOf(finished);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(source, { recursive: true, force: true });
});
beforeEach(async () => {
  set = await mkdtemp(join(folder, "set-"));
  await cp(finished, set, { recursive: true });
});

/** Pictures 1, 5 and 6 are faulty, so that the scenes of the set are not those of the plan. */
async function drawSource(): Promise<string> {
  const ids = Array.from({ length: NUM_PICTURES }, (_, index) => index + 1);
  const made = await writeCocoFolder({
    files: {
      train2017: {
        images: ids.map((id) => cocoImage(id)),
        annotations: ids.map((id) => cocoCaption(id, id)),
      },
    },
    parts: {
      train: ids.slice(0, 16).map((id) => cocoName(id)),
      restval: [],
      val: ids.slice(16, 20).map((id) => cocoName(id)),
      test: ids.slice(20).map((id) => cocoName(id)),
    },
    pictures: ids.map((id) => `train2017/${cocoName(id)}`),
  });
  for (const id of [1, 5, 6]) {
    await writeFile(join(made, "coco/train2017", cocoName(id)), "<html>404</html>");
  }
  return made;
}

interface Choice {
  readonly from?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

async function repair({ from = source, progress = silentProgress, signal }: Choice = {}): Promise<
  readonly string[]
> {
  const { faultyFiles } = await validateShardSet(set);
  const context = { progress, signal: signal ?? new AbortController().signal };
  return repairSet({ folder: set, faultyFiles, source: [from], workers: 2 }, context);
}

async function flipByte(file: string, position: number): Promise<void> {
  await using handle = await open(join(set, file), "r+");
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
  await handle.write(Buffer.of((buffer[0] ?? 0) ^ 0x10), 0, 1, position);
}

async function damageMany(): Promise<void> {
  await rm(join(set, "train/00000.arrow"));
  await flipByte("train/00002.arrow", 5000);
  await truncate(join(set, "train/00003.arrow"), 100);
  await rename(join(set, "val/00000.arrow"), join(set, "swap"));
  await rename(join(set, "test/00000.arrow"), join(set, "val/00000.arrow"));
  await rename(join(set, "swap"), join(set, "test/00000.arrow"));
}

const damaged = [
  "train/00000.arrow",
  "train/00002.arrow",
  "train/00003.arrow",
  "val/00000.arrow",
  "test/00000.arrow",
];

describe("a repair", () => {
  it("makes the damaged shards again, byte for byte, and touches no other file", async () => {
    await damageMany();
    expect(await repair()).toEqual(damaged);
    expect(await filesOf(set)).toEqual(files);
    expect(await validateShardSet(set)).toMatchObject({ isValid: true });
  });

  it("makes the ledger again with its faulty pictures, and what follows from the index", async () => {
    await appendFile(join(set, "ledger.arrow"), "x");
    await rm(join(set, "croissant.json"));
    expect(await repair()).toEqual(["croissant.json", "ledger.arrow"]);
    expect(await filesOf(set)).toEqual(files);
  });

  it("needs no source for what follows from the index, and says when it needs one", async () => {
    await writeFile(join(set, "index.json"), ` ${await readFile(join(set, "index.json"), "utf8")}`);
    const context = { progress: silentProgress, signal: new AbortController().signal };
    const request = { folder: set, faultyFiles: ["index.json"] };
    expect(await repairSet(request, context)).toEqual(["index.json"]);
    expect(await filesOf(set)).toEqual(files);
    const needing = { folder: set, faultyFiles: damaged };
    await expect(repairSet(needing, context)).rejects.toThrow(ConfigError);
  });

  it("goes on after an interruption with what is still damaged", async () => {
    await damageMany();
    const controller = new AbortController();
    const report = ({ activity }: { readonly activity: string }): void => {
      if (activity.includes("train/00003")) controller.abort(new Error("stop"));
    };
    const progress = { ...silentProgress, report };
    await expect(repair({ progress, signal: controller.signal })).rejects.toThrow("stop");
    expect(await repair()).toEqual(damaged.slice(2));
    expect(await filesOf(set)).toEqual(files);
  });

  it("refuses when an annotation file has changed, and names it", async () => {
    await damageMany();
    const before = await filesOf(set);
    const other = join(folder, "other-annotations");
    await cp(source, other, { recursive: true });
    await appendFile(join(other, "coco/annotations/captions_train2017.json"), "\n");
    const refused = repair({ from: other });
    await expect(refused).rejects.toThrow(RefusedError);
    await expect(refused).rejects.toThrow(/captions_train2017\.json has the sha256/);
    expect(await filesOf(set)).toEqual(before);
  });

  it("refuses when a picture has changed, names the batch, and leaves the shard as it is", async () => {
    await damageMany();
    const other = join(folder, "other-pictures");
    await cp(source, other, { recursive: true });
    const pictures = join(other, "coco/train2017");
    const changed = await readFile(join(pictures, cocoName(9)));
    await cp(join(pictures, cocoName(10)), join(pictures, cocoName(8)));
    expect(changed.length).toBeGreaterThan(0);
    const before = (await filesOf(set)).get("train/00002.arrow");
    await expect(repair({ from: other })).rejects.toThrow(/batch \d made from the source is not/);
    await expect(repair({ from: other })).rejects.toThrow(ShardError);
    const after = await filesOf(set);
    expect(after.get("train/00002.arrow")).toEqual(before);
    expect([...after.keys()].filter((name) => name.includes(".part"))).toEqual([]);
  });

  it("refuses to remove a folder that is in a shard's place", async () => {
    await rm(join(set, "train/00001.arrow"));
    await mkdir(join(set, "train/00001.arrow"));
    await expect(repair()).rejects.toThrow(RefusedError);
    await expect(repair()).rejects.toThrow(/00001\.arrow is a folder where a shard belongs/);
    expect([...(await filesOf(set)).keys()].filter((name) => name.includes(".part"))).toEqual([]);
  });

  it("does not guess at an index that is damaged itself", async () => {
    await flipByte("index.json", 300);
    await expect(repair()).rejects.toThrow(ShardError);
  });

  it("is a command that ends with 0 once all is right", async () => {
    await damageMany();
    const launcher = join(import.meta.dirname, "../../bin/crossweave.mjs");
    const args = ["validate", set, "--repair", "--source", source, "--quick"];
    const { exitCode, stdout, stderr } = await new RunningProgram(launcher, args).ended;
    expect(stderr).toMatch(/rebuilding|checking/);
    expect(stdout).toMatch(/valid\n/);
    expect(stdout).toContain(`made again: ${damaged.join(", ")}`);
    expect(exitCode).toBe(0);
    expect(await filesOf(set)).toEqual(files);
  });
});
