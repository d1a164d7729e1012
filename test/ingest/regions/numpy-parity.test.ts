import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { openRegions } from "../../../src/ingest/regions/region-source.ts";
import type { RegionPolicy } from "../../../src/ingest/regions/region-policy.ts";
import { storeScenes } from "../../../src/ingest/scenes.ts";
import { writeLedger } from "../../../src/shards/ledger.ts";
import { commitIndex } from "../../../src/shards/shard-set-index.ts";
import { SplitWriter } from "../../../src/shards/split-writer.ts";
import { validateShardSet } from "../../../src/shards/validation/validate-shard-set.ts";
import { pythonEnvironment, type PythonEnvironment } from "../../python-environment.ts";
import {
  inThisProcess,
  npzPolicy,
  optionsFor,
  photographFolder,
  photographScenes,
  tsvPolicy,
} from "./region-fixtures.ts";

let source: Awaited<ReturnType<typeof photographFolder>>;
let python: PythonEnvironment;
const sets = await mkdtemp(join(tmpdir(), "crossweave-region-sets-"));

beforeAll(async () => {
  source = await photographFolder();
  python = await pythonEnvironment();
});

afterAll(async () => {
  await source[Symbol.asyncDispose]();
  await rm(sets, { recursive: true, force: true });
});

/** Prepares the photographs with their regions, reduced to a shorter side of 200 pixels. */
async function prepare(folder: string, policy: RegionPolicy): Promise<void> {
  using regions = await openRegions(optionsFor(policy, source.path));
  const options = { pictures: inThisProcess(source.path), regions };
  await using writer = await SplitWriter.create({ folder, split: "train", role: "train" });
  for await (const { scene } of storeScenes(photographScenes(), options)) {
    if (scene === undefined) throw new Error("a scene was quarantined");
    await writer.append(scene);
  }
  await commitIndex(folder, {
    format: "crossweave-shards",
    version: 1,
    name: "regions",
    recipe: {},
    partial: false,
    splits: [await writer.finish()],
    counts: [],
    sources: regions.files,
    ledger: await writeLedger(folder, []),
  });
}

const sixColumns = "image_id image_w image_h num_boxes boxes features";
const tenColumns =
  "img_id img_h img_w objects_id objects_conf attrs_id attrs_conf num_boxes boxes features";
const headerColumns = "img_id features boxes num_boxes img_w img_h cls_prob objects_conf";
const noClasses = { numClasses: 0 };

describe("regions of a prepared set", () => {
  it.each<[string, string, RegionPolicy, string, readonly number[]]>([
    ["npz files", "npz", npzPolicy(), "", [100, 57, 10, 8]],
    [
      "a file of six columns",
      "six-columns.tsv",
      tsvPolicy("six-columns.tsv", noClasses),
      sixColumns,
      [100, 57, 36, 8],
    ],
    [
      "a file of seven columns",
      "seven-columns.tsv",
      tsvPolicy("seven-columns.tsv"),
      `${sixColumns} cls_prob`,
      [100, 57, 36, 8],
    ],
    [
      "a file of ten columns",
      "ten-columns.tsv",
      tsvPolicy("ten-columns.tsv", noClasses),
      tenColumns,
      [100, 57, 10, 8],
    ],
    [
      "a file with a header",
      "header.tsv",
      tsvPolicy("header.tsv"),
      headerColumns,
      [100, 57, 10, 8],
    ],
  ])(
    "are those that NumPy finds in %s, bit for bit",
    async (...[, features, policy, columns, counts]) => {
      const set = join(sets, features);
      await prepare(set, policy);
      expect(await validateShardSet(set)).toMatchObject({ isValid: true, faults: [] });
      const args = [set, "train", join(source.path, features), "100", columns];
      expect(JSON.parse(await python.run("compare_regions.py", args))).toEqual({
        "coco:790": { count: counts[0], same: true },
        "coco:78499": { count: counts[1], same: true },
        "coco:84284": { count: counts[2], same: true },
        "coco:121647": { count: counts[3], same: true },
      });
    },
  );
});

describe("rounding to 16 bits", () => {
  it("is NumPy's for every kind of float: all halves, what lies between them, and random bits", async () => {
    const halves = new Float16Array(new Uint16Array(2 ** 16).map((_, bits) => bits).buffer);
    const between = Array.from(halves).flatMap((half, index) => {
      const middle = (half + (halves[index + 1] ?? half)) / 2;
      return [half, middle, Math.fround(middle * (1 + 2 ** -23)), middle * (1 - 2 ** -24)];
    });
    const random = new RandomStream(11);
    const bits = Uint32Array.from({ length: 200_000 }, () => random.nextUint32());
    const anyBits = Array.from(new Float32Array(bits.buffer));
    // How a NaN is spelt does not matter: none is ever stored.
    const floats = Float32Array.from(
      [...between, ...anyBits].filter((value) => !Number.isNaN(value)),
    );
    await writeFile(join(sets, "floats"), floats);
    await writeFile(join(sets, "halves"), new Float16Array(floats));
    const args = [join(sets, "floats"), join(sets, "halves")];
    expect((await python.run("round_halves.py", args)).trim()).toBe(`0 ${floats.length}`);
  });
});
