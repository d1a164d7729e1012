import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Box, PictureInfo, Scene } from "../../src/core/records.ts";
import { parseBatch, readFooter } from "../../src/shards/arrow/file-reader.ts";
import { FileStorage } from "../../src/shards/file-storage.ts";
import { type SceneRows, sceneRows } from "../../src/shards/scene-columns.ts";
import { pythonEnvironment } from "../python-environment.ts";
import { ledgerEntries, madeUpScenes, temporaryFolder, writeShardSet } from "./small-set.ts";

const scenes = madeUpScenes(34);
const rows = z.array(z.record(z.string(), z.unknown()));
const found = z.object({
  pyarrow: z.object({ rows, metadata: z.record(z.string(), z.string()) }),
  datasets: z.object({ rows }),
  duckdb: z.object({ rows, num_texts: z.int() }),
  polars: z.object({ rows }),
  ledger: rows,
});

let readings: z.infer<typeof found>;
let rewritten: { readonly sceneKeys: string[]; readonly pictures: Buffer[] };

beforeAll(async () => {
  const python = await pythonEnvironment();
  await using folder = await temporaryFolder();
  await using other = await temporaryFolder();
  await writeShardSet(folder.path, [{ split: "train", scenes }]);
  const path = join(other.path, "rewritten.arrow");
  const output = await python.run("read_shard_set.py", [folder.path, "train", path]);
  readings = found.parse(JSON.parse(output));
  rewritten = await readRewritten(other.path, "rewritten.arrow");
});

const expectedRows = scenes.map((scene) => ({
  scene_key: scene.sceneKey,
  texts: scene.texts.map(({ box, ...text }) => Object.assign(text, { box: box && numbersOf(box) })),
  pictures: scene.pictures.map((picture) => snakeCased(picture)),
  regions: null,
  bytes: scene.pictures.map((picture) => picture.sha256),
}));

function numbersOf({ x, y, width, height }: Box): number[] {
  return [x, y, width, height];
}

function snakeCased(picture: PictureInfo): Record<string, unknown> {
  const entries = Object.entries(picture).filter(([name]) => name !== "bytes");
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

/** Reads a file that is in no set, batch by batch, with the footer as its only index. */
async function readRewritten(folder: string, file: string): Promise<typeof rewritten> {
  await using storage = new FileStorage(folder);
  const source = await storage.open(file);
  const sceneKeys: string[] = [];
  const pictures: Buffer[] = [];
  for (const block of (await readFooter(source)).batches) {
    const sizeBytes = block.metadataSizeBytes + block.bodySizeBytes;
    const bytes = await source.read({ offset: block.offset, sizeBytes });
    const body = Buffer.from(bytes).subarray(block.metadataSizeBytes);
    const batch: SceneRows = sceneRows(parseBatch(bytes));
    for (let row = 0; row < batch.numRows; row += 1) {
      sceneKeys.push(batch.head(row).sceneKey);
      const range = batch.pictureRange(row, 0);
      if (range !== undefined)
        pictures.push(body.subarray(range.offset, range.offset + range.sizeBytes));
    }
  }
  return { sceneKeys, pictures };
}

describe("a shard set opened without our code", () => {
  it.each(["pyarrow", "datasets", "duckdb", "polars"] as const)("is the same in %s", (reader) => {
    expect(readings[reader].rows).toEqual(expectedRows);
  });

  it("tells its split and format in the schema's metadata", () => {
    expect(readings.pyarrow.metadata).toEqual({
      "crossweave.format": "crossweave-shards",
      "crossweave.version": "1",
      "crossweave.split": "train",
      "crossweave.role": "train",
    });
  });

  it("answers a query of DuckDB", () => {
    expect(readings.duckdb.num_texts).toBe(scenes.flatMap((scene) => scene.texts).length);
  });

  it("has a ledger that pyarrow reads", () => {
    expect(readings.ledger).toEqual(ledgerEntries);
  });
});

describe("a shard that pyarrow wrote again", () => {
  it("is read as well", () => {
    const written: Scene[] = scenes.slice(0, 10);
    expect(rewritten.sceneKeys).toEqual(written.map((scene) => scene.sceneKey));
    const bytes = written.map((scene) => Buffer.from(scene.pictures[0]?.bytes ?? []));
    expect(rewritten.pictures).toEqual(bytes);
  });
});
