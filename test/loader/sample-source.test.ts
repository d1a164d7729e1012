import { rename } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { nameOfKey, pictureNames } from "../../src/core/keys.ts";
import { LeakError, ShardError } from "../../src/core/errors.ts";
import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { LoaderOptions } from "../../src/loader/options.ts";
import { SampleSource } from "../../src/loader/sample-source.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { type LoaderFixture, loaderFixture, NUM_SCENES, take } from "./loader-fixture.ts";
import { drawnScenes, temporaryFolder, writeSet } from "./shard-set-fixture.ts";

let fixture: LoaderFixture;
beforeAll(async () => {
  fixture = await loaderFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** What an epoch of three batches ends with. */
async function outcome(options: LoaderOptions): Promise<unknown> {
  await using loader = await BatchLoader.open(options);
  return await take(loader, { epoch: 0, step: 0 }, 6).then(
    () => "two epochs",
    (error: unknown) => error,
  );
}

describe("A picture that must not be trained on", () => {
  it.each([0, 1])("stops a loader of %i workers, which names its scene", async (numWorkers) => {
    const excluded = [nameOfKey("coco:17"), "Flickr photo 12"];
    const error = await outcome(fixture.options({ numWorkers, excluded, onDamage: "skip" }));
    expect(error).toBeInstanceOf(LeakError);
    expect(error).toMatchObject({
      code: "LEAK",
      exitCode: 20,
      record: "coco:17",
      message: "scene coco:17 (17 of its split) is of an excluded picture: key coco:17",
    });
  });

  it("is told by each of its names", async () => {
    await using reader = await ShardSetReader.open(fixture.set);
    const { pictures } = await reader.split("train").head(9);
    const names = pictures.flatMap((picture) => pictureNames(picture));
    expect(names.map((name) => name.split(" ")[0])).toEqual(["key", "bytes", "pixels"]);
    for (const name of names) {
      await using opened = await SampleSource.open(fixture.options().sets);
      await using source = await SampleSource.ofListed(opened.listed, { excluded: [name] });
      await expect(Promise.try(() => source.head(9))).rejects.toThrow(
        `is of an excluded picture: ${name}`,
      );
      expect((await source.head(8)).sceneKey).toBe("coco:8");
    }
  });

  it("is not looked for among others", async () => {
    const excluded = ["key coco:1000", "Flickr photo 1", "bytes 17"];
    expect(await outcome(fixture.options({ excluded }))).toBe("two epochs");
  });
});

describe("A set that is replaced while a loader is open", () => {
  it.each([0, 1])("is never mixed with the one it was, by %i workers", async (numWorkers) => {
    await using folder = await temporaryFolder();
    const [set, other] = [join(folder.path, "set"), join(folder.path, "other")];
    const scenes = await drawnScenes(NUM_SCENES);
    await writeSet(set, scenes);
    await writeSet(other, scenes.toReversed());
    const sets = [{ folder: set, splits: ["train"] }];
    await using loader = await BatchLoader.open(fixture.options({ sets, numWorkers }));
    await rename(set, join(folder.path, "former"));
    await rename(other, set);
    await expect(take(loader, { epoch: 0, step: 0 }, 1)).rejects.toThrow(ShardError);
  });
});
