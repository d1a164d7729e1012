import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import {
  loadSceneTable,
  type TableNeeds,
  type TableSplit,
} from "../../../src/loader/batching/load-scene-table.ts";
import { WordPieceTokenizer } from "../../../src/loader/text/word-piece.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import type { Scene } from "../../../src/core/records.ts";
import { boxedScenes, firstRegions } from "../boxed-scenes.ts";
import { type LoaderFixture, loaderFixture, NUM_SCENES } from "../loader-fixture.ts";
import { drawnScenes, temporaryFolder, writeSet } from "../shard-set-fixture.ts";

let owned: AsyncDisposableStack;
let fixture: LoaderFixture;
let cache: string;
let split: TableSplit;
let needs: TableNeeds;
let numReads = 0;
const formerCache = process.env["CROSSWEAVE_CACHE"];

beforeEach(async () => {
  owned = new AsyncDisposableStack();
  fixture = owned.use(await loaderFixture());
  cache = join(owned.use(await temporaryFolder()).path, "cache");
  process.env["CROSSWEAVE_CACHE"] = cache;
  const reader = owned.use(await ShardSetReader.open(fixture.set));
  needs = {
    portrait: true,
    regions: false,
    tokenizer: await WordPieceTokenizer.fromFile(fixture.vocabulary),
  };
  numReads = 0;
  split = {
    setDigest: reader.index.digest,
    name: "train",
    numScenes: NUM_SCENES,
    numTexts: 5 * NUM_SCENES,
    heads: () => {
      numReads += 1;
      return reader.split("train").heads();
    },
    regionCounts: () => reader.split("train").regionCounts(),
  };
});
afterEach(async () => {
  if (formerCache === undefined) delete process.env["CROSSWEAVE_CACHE"];
  else process.env["CROSSWEAVE_CACHE"] = formerCache;
  await owned.disposeAsync();
});

const tables = (): string => join(cache, "loader-tables");

async function tableFiles(): Promise<string[]> {
  const names = await readdir(tables());
  return names.filter((name) => name.endsWith(".table")).map((name) => join(tables(), name));
}

describe("the table of a split's scenes", () => {
  it("says which pictures are higher than wide, and each text's length", async () => {
    const table = await loadSceneTable([split, split], needs);
    const scenes = await drawnScenes(NUM_SCENES);
    const portrait = scenes.map(({ pictures: [picture] }) =>
      Number((picture?.height ?? 0) > (picture?.width ?? 0)),
    );
    const lengths = scenes.flatMap(({ texts }) =>
      texts.map(({ text }) => 2 + (needs.tokenizer?.encode(text).length ?? 0)),
    );
    expect(portrait).toContain(1);
    expect([...table.portrait]).toEqual([...portrait, ...portrait]);
    expect([...table.textCounts]).toEqual(Array.from({ length: 2 * NUM_SCENES }, () => 5));
    expect([...table.textLengths]).toEqual([...lengths, ...lengths]);
  });

  it("is computed once and read from the cache folder then", async () => {
    const first = await loadSceneTable([split], needs);
    expect(numReads).toBe(2);
    expect(await loadSceneTable([split], needs)).toEqual(first);
    expect(numReads).toBe(2);
    // 32 bytes of digest; a byte a scene, and two bytes for each scene and text.
    const sizes = await Promise.all(
      (await tableFiles()).map(async (file) => (await stat(file)).size),
    );
    expect(sizes.toSorted((a, b) => a - b)).toEqual([32 + NUM_SCENES, 32 + 12 * NUM_SCENES]);
  });

  it.each([
    ["a changed byte", (content: Buffer) => content.fill((content[40] ?? 0) ^ 1, 40, 41)],
    ["a missing tail", (content: Buffer) => content.subarray(0, -1)],
    ["nothing", () => Buffer.alloc(0)],
  ])("is computed again when its file has %s", async (_, damaged) => {
    const first = await loadSceneTable([split], needs);
    for (const file of await tableFiles()) await writeFile(file, damaged(await readFile(file)));
    expect(await loadSceneTable([split], needs)).toEqual(first);
    expect(numReads).toBe(4);
    await loadSceneTable([split], needs);
    expect(numReads).toBe(4);
  });

  it("is another one for other sets, vocabularies and letter cases", async () => {
    await loadSceneTable([split], needs);
    await loadSceneTable([{ ...split, setDigest: "0".repeat(64) }], needs);
    expect(numReads).toBe(4);
    const letterCase = "keep";
    const cased = await WordPieceTokenizer.fromFile(fixture.vocabulary, { letterCase });
    const other = await loadSceneTable([split], {
      portrait: false,
      regions: false,
      tokenizer: cased,
    });
    expect(numReads).toBe(5);
    expect(other.portrait).toHaveLength(0);
  });

  it("is computed at every start where nothing can be written", async () => {
    await mkdir(cache, { recursive: true });
    await writeFile(tables(), "a file in the folder's place");
    const first = await loadSceneTable([split], needs);
    expect(await loadSceneTable([split], needs)).toEqual(first);
    expect(numReads).toBe(4);
  });

  it("says how many regions each picture has, 0 where there are none", async () => {
    const wanted = { portrait: false, regions: true, tokenizer: undefined };
    expect((await loadSceneTable([split], wanted)).regionCounts).toEqual(
      new Uint16Array(NUM_SCENES),
    );
    const boxed = await boxedScenes(8);
    const fewer = boxed.map((scene, index): Scene => {
      const regions = scene.regions?.map((ofPicture) => firstRegions(ofPicture, index % 4)) ?? null;
      return { ...scene, regions: index === 7 ? [null] : regions };
    });
    await writeSet(join(cache, "boxed"), fewer);
    await using reader = await ShardSetReader.open(join(cache, "boxed"));
    const counted = {
      ...split,
      setDigest: reader.index.digest,
      numScenes: 8,
      regionCounts: () => reader.split("train").regionCounts(),
    };
    for (const when of ["computed", "read"]) {
      const { regionCounts } = await loadSceneTable([counted, counted], wanted);
      expect({ when, regionCounts: [...regionCounts] }).toEqual({
        when,
        regionCounts: [0, 1, 2, 3, 0, 1, 2, 0, 0, 1, 2, 3, 0, 1, 2, 0],
      });
    }
  });

  it("is empty where nothing is needed, without a look at the set", async () => {
    const table = await loadSceneTable([split], {
      portrait: false,
      regions: false,
      tokenizer: undefined,
    });
    expect([table.portrait.length, table.textCounts.length, table.textLengths.length]).toEqual([
      0, 0, 0,
    ]);
    expect(numReads).toBe(0);
  });
});
