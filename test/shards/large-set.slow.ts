import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { expect, it } from "vitest";
import { writeMadeUpSet } from "../../bench/shard-reading/made-up-set.ts";
import { sha256 } from "../../src/core/digest.ts";
import { RandomStream } from "../../src/core/random.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { validateShardSet } from "../../src/shards/validation/validate-shard-set.ts";
import { pythonEnvironment } from "../python-environment.ts";
import { madeUpScene } from "./scenes.ts";
import { temporaryFolder } from "./small-set.ts";

const PICTURE_BYTES = 1_000_000;
const NUM_SCENES = 4400;
const GIGABYTE = 1e9;
const layout = {
  targetBatchBytes: 60_000_000,
  maxScenesPerBatch: 64,
  targetShardBytes: GIGABYTE,
};

it("a split of more than 4 GiB comes in files below 1 GB, which every reader reads (G28)", async () => {
  await using folder = await temporaryFolder();
  const content = { numScenes: NUM_SCENES, pictureBytes: PICTURE_BYTES, layout };
  const { index, maxRss } = await writeMadeUpSet(folder.path, content);
  const shards = index.splits[0]?.shards ?? [];
  const sizes = shards.map(({ sizeBytes }) => sizeBytes);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(4 * 2 ** 30);
  expect(Math.max(...sizes)).toBeLessThan(GIGABYTE);
  // Sixty-four pictures are kept to be written over and over, and one batch is in memory.
  expect(maxRss).toBeLessThan(600 * 2 ** 20);
  process.stdout.write(
    `${shards.length} shards, RSS at most ${Math.round(maxRss / 2 ** 20)} MiB\n`,
  );

  await using reader = await ShardSetReader.open(folder.path);
  const split = reader.split("train");
  const random = new RandomStream(3);
  for (const scene of [
    0,
    NUM_SCENES - 1,
    ...Array.from({ length: 100 }, () => random.nextInt(NUM_SCENES)),
  ]) {
    const expected = madeUpScene(scene % 64, PICTURE_BYTES).pictures[0]?.sha256;
    expect(sha256(await split.pictureBytes(scene, 0))).toBe(expected);
  }
  expect(await validateShardSet(folder.path, { digests: "files" })).toMatchObject({
    isValid: true,
  });

  const python = await pythonEnvironment();
  const found: unknown = JSON.parse(await python.run("read_large_set.py", [folder.path, "train"]));
  const numPictures = index.splits[0]?.numPictures;
  expect(found).toMatchObject({ numPictures, wrong: [] });

  const last = shards.at(-1);
  const table = tableFromIPC(await readFile(join(folder.path, last?.file ?? "")));
  const bytes: unknown = table
    .getChild("picture_bytes")
    ?.get((last?.numScenes ?? 0) - 1)
    ?.get(0);
  const expected = madeUpScene((NUM_SCENES - 1) % 64, PICTURE_BYTES).pictures[0]?.sha256;
  expect(bytes instanceof Uint8Array && sha256(bytes)).toBe(expected);
});
