import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Table, tableFromIPC, tableToIPC, Vector } from "apache-arrow";
import { beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../src/core/digest.ts";
import { parseBatch, readFooter } from "../../src/shards/arrow/file-reader.ts";
import { FileStorage } from "../../src/shards/file-storage.ts";
import { sceneRows } from "../../src/shards/scene-columns.ts";
import { writeLedger } from "../../src/shards/ledger.ts";
import { pythonEnvironment } from "../python-environment.ts";
import { otherReaders, type OtherReadings, readElsewhere, rowsOf } from "./elsewhere.ts";
import { withRegions } from "./scenes.ts";
import { ledgerEntries, madeUpScenes, temporaryFolder, writeShardSet } from "./small-set.ts";

const scenes = madeUpScenes(34).map((scene, index) =>
  index % 3 === 1 ? scene : withRegions(scene, index),
);
let readings: OtherReadings;
let rewritten: { readonly sceneKeys: string[]; readonly pictures: Buffer[] };

beforeAll(async () => {
  await using folder = await temporaryFolder();
  await using other = await temporaryFolder();
  await writeShardSet(folder.path, [{ split: "train", scenes }]);
  readings = await readElsewhere(folder.path, "train", join(other.path, "rewritten.arrow"));
  rewritten = await readRewritten(other.path, "rewritten.arrow");
});

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
    const batch = sceneRows(parseBatch(bytes));
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
  it.each(otherReaders)("is the same in %s", (reader) => {
    expect(readings[reader].rows).toEqual(rowsOf(scenes));
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

describe("a ledger without rows", () => {
  it("is a table of no rows in pyarrow, DuckDB, polars and apache-arrow", async () => {
    await using folder = await temporaryFolder();
    await writeLedger(folder.path, []);
    const path = join(folder.path, "ledger.arrow");
    const names = ["file", "kind", "record", "id", "outcome", "reason", "evidence"];
    const table = tableFromIPC(await readFile(path));
    expect([table.numRows, table.schema.names]).toEqual([0, names]);
    const python = await pythonEnvironment();
    const found: unknown = JSON.parse(await python.run("read_ledger.py", [path]));
    expect(found).toEqual({ pyarrow: [0, names], duckdb: [0, names], polars: [0, names] });
  });
});

/** What apache-arrow gives, as plain values. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return sha256(value);
  if (value instanceof Float32Array) return [...value];
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Vector) return Array.from(value, plain);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

function plainRows(table: Table): unknown[] {
  return Array.from(table, (row) => plain(row.toJSON()));
}

describe("a shard in apache-arrow for JavaScript", () => {
  it("has the same rows, and is read by us after it was written again there", async () => {
    await using folder = await temporaryFolder();
    await using other = await temporaryFolder();
    await writeShardSet(folder.path, [{ split: "train", scenes }]);
    const table = tableFromIPC(await readFile(join(folder.path, "train/00000.arrow")));
    const expected = rowsOf(scenes.slice(0, 10));
    const renamed = plainRows(table).map((row) =>
      Object.assign({}, row, { picture_bytes: undefined, bytes: Object(row).picture_bytes }),
    );
    expect(renamed).toEqual(expected);
    await writeFile(join(other.path, "rewritten.arrow"), tableToIPC(table, "file"));
    const again = await readRewritten(other.path, "rewritten.arrow");
    expect(again.sceneKeys).toEqual(scenes.slice(0, 10).map(({ sceneKey }) => sceneKey));
    expect(again.pictures).toEqual(
      scenes.slice(0, 10).map((scene) => Buffer.from(scene.pictures[0]?.bytes ?? [])),
    );
  });
});

describe("a shard that pyarrow wrote again", () => {
  it("is read as well", () => {
    const written = scenes.slice(0, 10);
    expect(rewritten.sceneKeys).toEqual(written.map((scene) => scene.sceneKey));
    const bytes = written.map((scene) => Buffer.from(scene.pictures[0]?.bytes ?? []));
    expect(rewritten.pictures).toEqual(bytes);
  });
});
