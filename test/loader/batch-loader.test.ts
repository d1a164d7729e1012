import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ConfigError, ShardError, SourceError } from "../../src/core/errors.ts";
import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { StreamPosition } from "../../src/loader/batching/epoch-cursor.ts";
import type { LoaderOptions } from "../../src/loader/options.ts";
import { digest, type LoaderFixture, loaderFixture, NUM_SCENES, take } from "./loader-fixture.ts";
import { drawnScenes, temporaryFolder, writeSet } from "./shard-set-fixture.ts";

let fixture: LoaderFixture;
beforeAll(async () => {
  fixture = await loaderFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

async function digests(
  changes: Partial<LoaderOptions>,
  from: StreamPosition,
  count: number,
): Promise<string[]> {
  await using loader = await BatchLoader.open(fixture.options(changes));
  return (await take(loader, from, count)).map((content) => digest([content]));
}

describe("the stream of batches", () => {
  let reference: string[];
  beforeAll(async () => {
    reference = await digests({}, { epoch: 0, step: 0 }, 8);
  });

  it("differs from batch to batch and from epoch to epoch, and by the seed", async () => {
    expect(new Set(reference).size).toBe(8);
    expect(reference.map((text) => text.split(" ")[0])).toEqual([
      "0/0",
      "0/1",
      "0/2",
      "1/0",
      "1/1",
      "1/2",
      "2/0",
      "2/1",
    ]);
    expect((await digests({ seed: 2 }, { epoch: 0, step: 0 }, 1))[0]).not.toBe(reference[0]);
  });

  it.each([
    [1, 1],
    [1, 4],
    [2, 1],
    [2, 4],
  ])(
    "is the same with %i workers and %i batches of prefetch, from any place",
    async (numWorkers, prefetchBatches) => {
      await using loader = await BatchLoader.open(fixture.options({ numWorkers, prefetchBatches }));
      for (const start of [0, 1, 5, 2]) {
        const from = { epoch: Math.floor(start / 3), step: start % 3 };
        const contents = await take(loader, from, 3);
        expect(contents.map((content) => digest([content]))).toEqual(
          reference.slice(start, start + 3),
        );
      }
    },
  );

  it.each([2, 3, 5, 8])(
    "makes the same global batches from the shares of %i ranks",
    async (worldSize) => {
      const ranks = Array.from({ length: worldSize }, (_, rank) => rank);
      const shares = await Promise.all(
        ranks.map(async (rank) => {
          await using loader = await BatchLoader.open(fixture.options({ rank, worldSize }));
          return await take(loader, { epoch: 0, step: 1 }, 3);
        }),
      );
      const joined = [0, 1, 2].map((step) => digest(shares.flatMap((share) => share[step] ?? [])));
      expect(joined).toEqual(reference.slice(1, 4));
    },
  );

  it("counts a step past the epoch's end on into later epochs", async () => {
    expect(await digests({}, { epoch: 0, step: 5 }, 1)).toEqual([reference[5]]);
    expect(await digests({}, { epoch: 1, step: 2 }, 1)).toEqual([reference[5]]);
  });

  it("starts as soon at a far epoch as at the first", async () => {
    await using loader = await BatchLoader.open(fixture.options());
    const [content] = await take(loader, { epoch: 10 ** 9, step: 0 }, 1);
    expect(content?.place).toBe("1000000000/0");
  });

  it("shows each picture at most once an epoch and drops the last, incomplete batch", async () => {
    await using loader = await BatchLoader.open(fixture.options());
    expect(loader.batchesPerEpoch).toBe(3);
    expect(loader.plan.numDroppedPerEpoch).toBe(6);
    const keys = (await take(loader, { epoch: 4, step: 0 }, 3)).flatMap(({ keys: text }) =>
      text.split(","),
    );
    expect(new Set(keys).size).toBe(24);
  });
});

describe("faults and endings", () => {
  it("names every option that is out of range", async () => {
    const wrong = fixture.options({
      batching: { kind: "pictures", picturesPerBatch: 0 },
      text: { maxTokens: 2, longer: "cut" },
      rank: 1,
      mlmProbability: 1.5,
    });
    const error = await BatchLoader.open(wrong).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(
      /rank is 1.*mlmProbability is 1.5.*batching.picturesPerBatch is 0.*text.maxTokens is 2/s,
    );
  });

  it("refuses fewer scenes than a batch takes, and unknown splits", async () => {
    await expect(
      BatchLoader.open(fixture.options({ batching: { kind: "pictures", picturesPerBatch: 31 } })),
    ).rejects.toThrow("the splits hold 30 scenes, a batch takes 31 pictures");
    const sets = [{ folder: fixture.set, splits: ["val"] }];
    await expect(BatchLoader.open(fixture.options({ sets }))).rejects.toThrow(/no split "val"/);
  });

  it("refuses scenes of two pictures before anything is read", async () => {
    await using twoPictures = await temporaryFolder();
    const [first, second, ...others] = await drawnScenes(9);
    const pictures = [...(first?.pictures ?? []), ...(second?.pictures ?? [])];
    const texts = first?.texts ?? [];
    const pair = { sceneKey: "nlvr2:dev-1-0", pictures, texts, regions: null };
    await writeSet(twoPictures.path, [pair, ...others]);
    const sets = [{ folder: twoPictures.path, splits: ["train"] }];
    await expect(BatchLoader.open(fixture.options({ sets }))).rejects.toThrow(
      /split "train" of fixture has 9 pictures in 8 scenes/,
    );
  });

  it("throws a worker's error with its class and fields, in the place of the batch", async () => {
    await using damaged = await temporaryFolder();
    await writeSet(join(damaged.path, "set"), await drawnScenes(NUM_SCENES));
    await overwrite(join(damaged.path, "set/train/00000.arrow"));
    const sets = [{ folder: join(damaged.path, "set"), splits: ["train"] }];
    await using loader = await BatchLoader.open(fixture.options({ sets, numWorkers: 1 }));
    const error = await take(loader, { epoch: 0, step: 0 }, 9).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ShardError);
    const file = join(damaged.path, "set/train/00000.arrow");
    expect(error).toMatchObject({ code: "SHARD", exitCode: 21, file });
  });

  it("says that the vocabulary is missing, from a worker as well", async () => {
    const missing = fixture.options({ vocabulary: `${fixture.vocabulary}.none`, numWorkers: 1 });
    await using loader = await BatchLoader.open(missing);
    await expect(take(loader, { epoch: 0, step: 0 }, 1)).rejects.toThrow(SourceError);
    await expect(take(loader, { epoch: 0, step: 0 }, 1)).rejects.toThrow(/no vocabulary/);
  });

  it.each([0, 1])(
    "throws the signal's reason and can start again, with %i workers",
    async (numWorkers) => {
      await using loader = await BatchLoader.open(fixture.options({ numWorkers }));
      const controller = new AbortController();
      const reason = new Error("stop here");
      let numBatches = 0;
      const consume = async (): Promise<void> => {
        for await (const _ of loader.batches({ epoch: 0, step: 0 }, controller.signal)) {
          numBatches += 1;
          if (numBatches === 2) controller.abort(reason);
        }
      };
      await expect(consume()).rejects.toBe(reason);
      expect(numBatches).toBe(2);
      const again = await take(loader, { epoch: 0, step: 0 }, 2);
      expect(again.map(({ place }) => place)).toEqual(["0/0", "0/1"]);
    },
  );

  it("feeds one stream at a time", async () => {
    await using loader = await BatchLoader.open(fixture.options());
    for await (const _ of loader.batches({ epoch: 0, step: 0 })) {
      await expect(take(loader, { epoch: 0, step: 0 }, 1)).rejects.toThrow(/one stream at a time/);
      break;
    }
  });

  it("keeps no process alive that forgot to close it", async () => {
    const script = `
      import { BatchLoader } from "./src/loader/batch-loader.ts";
      const loader = await BatchLoader.open(${JSON.stringify(fixture.options({ numWorkers: 2 }))});
      for await (const batch of loader.batches({ epoch: 0, step: 0 })) { console.log(batch.numPairs); break; }
    `;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", script],
      { cwd: join(import.meta.dirname, "../.."), timeout: 30_000 },
    );
    expect(stdout).toBe("32\n");
  });
});

/** Damages the middle of a file, where the pictures are. */
async function overwrite(path: string): Promise<void> {
  await using file = await open(path, "r+");
  const { size } = await file.stat();
  await file.write(Buffer.alloc(2000, 0x55), 0, 2000, Math.floor(size / 2));
}
