import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SceneHead } from "../../src/core/records.ts";
import { readLedger } from "../../src/shards/ledger.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { layOutRealCoco } from "../real-data.ts";
import { otherReaders, type OtherReadings, readElsewhere, rowsOf } from "../shards/elsewhere.ts";
import { temporaryFolder } from "../shards/small-set.ts";
import { type EndedProgram, RunningProgram } from "./running-program.ts";

const launcher = join(import.meta.dirname, "../../bin/crossweave.mjs");
const split = "restval";
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let set = "";
let prepared: EndedProgram;
let heads: SceneHead[];
let readings: OtherReadings;

beforeAll(async () => {
  folder = await temporaryFolder();
  const source = join(folder.path, "source");
  await layOutRealCoco(source);
  set = join(folder.path, "coco");
  const command = ["prepare", "coco", "--source", source, "--out", set, "--allow-missing"];
  prepared = await new RunningProgram(launcher, command).ended;
  await using reader = await ShardSetReader.open(set);
  heads = await Array.fromAsync(reader.split(split).heads());
  readings = await readElsewhere(set, split, join(folder.path, "rewritten.arrow"));
});

afterAll(() => folder[Symbol.asyncDispose]());

describe("the real COCO photographs, prepared from the command line", () => {
  it("are 51 with five captions each, all of them valid", async () => {
    expect(prepared.exitCode).toBe(0);
    const { exitCode, stdout } = await new RunningProgram(launcher, ["validate", set]).ended;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/51 scenes, 51 pictures \(all decoded\), 255 texts, 648 ledger rows/);
  });

  it.each(otherReaders)("are the same in %s", (reader) => {
    expect(heads.length).toBeGreaterThan(20);
    expect(readings[reader].rows).toEqual(rowsOf(heads));
  });

  it("leave a ledger that pyarrow reads", async () => {
    expect(readings.ledger).toEqual(await Array.fromAsync(readLedger(set)));
    expect(readings.ledger).toHaveLength(648);
  });

  it("lie in a folder with nothing but the set", async () => {
    expect((await readdir(set)).toSorted()).toEqual(
      [
        "croissant.json",
        "index.json",
        "ledger.arrow",
        "restval",
        "test",
        "train",
        "val",
      ].toSorted(),
    );
  });
});
