import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  checkCache,
  killAmongReaders,
  killReaders,
  startReader,
  usedBytes,
} from "./killed-readers.ts";
import { localDigest, RemoteSet } from "./remote-set.ts";

describe("a cache that processes share", () => {
  it("gets every shard once, whoever downloads it", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 60_000, numScenes: 60 });
    const digest = await localDigest(set);
    const output = `${digest} ${digest}\n`;
    const readers = [1, 2, 3].map(() => startReader(set, 1e9).ended);
    expect(await Promise.all(readers)).toEqual(readers.map(() => ({ exitCode: 0, output })));
    const numShards = set.index.splits[0]?.shards.length ?? 0;
    expect(set.server.downloads).toHaveLength(numShards);
    expect(await readdir(join(set.cacheFolder, "readers"))).toEqual([]);
  });

  it("keeps its bound while several fill it", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 60_000, numScenes: 60 });
    const digest = await localDigest(set);
    const output = `${digest} ${digest}\n`;
    const maxBytes = 3.5 * (set.index.splits[0]?.shards[0]?.sizeBytes ?? 0);
    const readers = [1, 2].map(() => startReader(set, maxBytes).ended);
    let largest = 0;
    set.server.behave = () => ({
      pieceBytes: 100_000,
      beforePiece: async () => {
        largest = Math.max(largest, await usedBytes(set));
      },
    });
    expect(await Promise.all(readers)).toEqual(readers.map(() => ({ exitCode: 0, output })));
    await checkCache(set, maxBytes);
    expect(largest).toBeLessThanOrEqual(maxBytes);
    expect(largest).toBeGreaterThan(maxBytes / 3);
  });

  it("keeps its bound and serves the others when one of three is killed", async () => {
    const { maxBytes, largest } = await killAmongReaders(1, 5);
    expect(largest).toBeLessThanOrEqual(maxBytes);
    expect(largest).toBeGreaterThan(maxBytes / 3);
  });

  it("never shows a wrong file when readers are killed", async () => {
    const { found, expected } = await killReaders(3);
    expect(found).toBe(expected);
  });
});
