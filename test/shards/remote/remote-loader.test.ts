import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import type { LoaderSet } from "../../../src/loader/options.ts";
import { validateShardSet } from "../../../src/shards/validation/validate-shard-set.ts";
import { digest, type LoaderFixture, loaderFixture, take } from "../../loader/loader-fixture.ts";
import { temporaryFolder } from "../small-set.ts";
import { flipped, SetServer } from "./set-server.ts";

let fixture: LoaderFixture;
beforeAll(async () => {
  fixture = await loaderFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

async function digests(set: LoaderSet, numWorkers: number): Promise<string[]> {
  await using loader = await BatchLoader.open(fixture.options({ sets: [set], numWorkers }));
  const contents = await take(loader, { epoch: 0, step: 0 }, 8);
  return contents.map((content) => digest([content]));
}

describe("a remote set in the loader", () => {
  it.each([0, 2])("gives the batches of its folder with %i workers", async (numWorkers) => {
    await using server = await SetServer.serve(fixture.set);
    await using cacheFolder = await temporaryFolder();
    const cache = { folder: cacheFolder.path, maxBytes: 1e9 };
    const remote = { folder: server.url, splits: ["train"], cache };
    const expected = await digests({ folder: fixture.set, splits: ["train"] }, numWorkers);
    expect(await digests(remote, numWorkers)).toEqual(expected);
    const numAsked = server.asked.length;
    expect(await digests(remote, numWorkers)).toEqual(expected);
    const files = server.asked.slice(numAsked).map(({ file }) => file);
    expect(new Set(files)).toEqual(new Set(["index.json"]));
  });
});

describe("validating a remote set", () => {
  it("finds what validating its folder finds, on the server and not in the cache", async () => {
    await using folder = await temporaryFolder();
    const set = join(folder.path, "set");
    await cp(fixture.set, set, { recursive: true });
    await using server = await SetServer.serve(set);
    expect(await validateShardSet(server.url)).toEqual({
      ...(await validateShardSet(set)),
      folder: server.url,
    });
    const shard = join(set, "train/00000.arrow");
    await writeFile(shard, flipped(await readFile(shard)));
    const { faults, isValid } = await validateShardSet(server.url);
    expect(isValid).toBe(false);
    expect(faults).toEqual((await validateShardSet(set)).faults);
  });
});
