import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { sha256, sha256OfFile } from "../../../src/core/digest.ts";
import { RefusedError, ShardError } from "../../../src/core/errors.ts";
import { downloadChannel } from "../../../src/shards/remote/cached-source.ts";
import type { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { digestOf, localDigest, RemoteSet } from "./remote-set.ts";
import { atFirst, flipped } from "./set-server.ts";

/**
 * Reads all of a split, waits for the downloads that this began, all of its files but `numThere`, and gives what
 * became of them.
 */
async function readAndCache(
  reader: ShardSetReader,
  numThere = 0,
): Promise<{ digest: string; outcomes: unknown[] }> {
  const outcomes: unknown[] = [];
  const numShards = (reader.index.splits[0]?.shards.length ?? 0) - numThere;
  const { promise, resolve } = Promise.withResolvers<void>();
  const listen = (message: unknown): void => {
    outcomes.push(message);
    if (outcomes.length === numShards) resolve();
  };
  subscribe(downloadChannel, listen);
  try {
    const digest = await digestOf(reader);
    await promise;
    return { digest, outcomes };
  } finally {
    unsubscribe(downloadChannel, listen);
  }
}

async function filesIn(set: RemoteSet): Promise<string[]> {
  return (await readdir(join(set.cacheFolder, "files"))).toSorted();
}

function digestsOf(set: RemoteSet): string[] {
  return (set.index.splits[0]?.shards ?? []).map((shard) => shard.sha256).toSorted();
}

/** How much of an unfinished file is there. */
async function sizeOfPart(set: RemoteSet): Promise<number> {
  const part = (await filesIn(set)).find((name) => name.endsWith(".part"));
  return part === undefined ? 0 : (await stat(join(set.cacheFolder, "files", part))).size;
}

describe("a remote shard set that comes into the cache", () => {
  it("is read by range at first, then from verified files without any request", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 20_000 });
    {
      await using reader = await set.open({ policy: "download" });
      const { digest } = await readAndCache(reader);
      expect(digest).toBe(await localDigest(set));
      const numAsked = set.server.asked.length;
      expect(await digestOf(reader)).toBe(digest);
      expect(set.server.asked).toHaveLength(numAsked);
    }
    expect(await filesIn(set)).toEqual(digestsOf(set));
    for (const name of await filesIn(set))
      expect(await sha256OfFile(join(set.cacheFolder, "files", name))).toBe(name);
    expect(await readdir(join(set.cacheFolder, "readers"))).toEqual([]);
    expect(set.server.downloads).toHaveLength(digestsOf(set).length);
  });

  it("asks a later reader for nothing but its index", async () => {
    await using set = await RemoteSet.create();
    {
      await using reader = await set.open({ policy: "download" });
      await readAndCache(reader);
    }
    const numAsked = set.server.asked.length;
    await using reader = await set.open({ policy: "download" });
    expect(await digestOf(reader)).toBe(await localDigest(set));
    expect(set.server.asked.slice(numAsked).map(({ file }) => file)).toEqual(["index.json"]);
  });

  it("goes on where connections dropped, in the same version of a file", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 250_000, numScenes: 10 });
    // What undici has but nobody has read yet is lost when a connection drops: up to 128 KB.
    const dropping = { dropAfter: 500_000 };
    set.server.behave = ({ file, range }) =>
      file.endsWith(".arrow") && (range ?? "-").endsWith("-") ? dropping : undefined;
    await using reader = await set.open({ policy: "download" });
    const { digest } = await readAndCache(reader);
    expect(digest).toBe(await localDigest(set));
    expect(await filesIn(set)).toEqual(digestsOf(set));
    const resumed = set.server.downloads.filter(({ range }) => range !== undefined);
    expect(resumed.length).toBeGreaterThan(3);
    for (const { request } of resumed) expect(request.headers["if-range"]).toMatch(/^"\w+"$/);
  });

  it("begins a file anew when the server has another version by then", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 250_000, numScenes: 10 });
    set.server.behave = ({ file, range, visit }) => {
      if (!file.endsWith(".arrow") || !(range ?? "-").endsWith("-")) return undefined;
      const isFirst = range === undefined && visit < 10;
      return { etag: `"${visit}"`, ...(isFirst ? { dropAfter: 500_000 } : {}) };
    };
    await using reader = await set.open({ policy: "download" });
    await readAndCache(reader);
    expect(await filesIn(set)).toEqual(digestsOf(set));
  });

  it("takes a file of the wrong digest once more, then has it", async () => {
    await using set = await RemoteSet.create();
    const wrong = new Set<string>();
    set.server.behave = ({ file, range }) => {
      if (!file.endsWith(".arrow") || range !== undefined || wrong.has(file)) return undefined;
      wrong.add(file);
      return { bytes: flipped };
    };
    await using reader = await set.open({ policy: "download" });
    const { digest } = await readAndCache(reader);
    expect(digest).toBe(await localDigest(set));
    expect(await filesIn(set)).toEqual(digestsOf(set));
    expect(set.server.downloads).toHaveLength(2 * digestsOf(set).length);
  });

  it("refuses a file whose digest stays wrong, names it, and keeps nothing of it", async () => {
    await using set = await RemoteSet.create();
    set.server.behave = ({ file, range }) =>
      file === "train/00001.arrow" && range === undefined ? { bytes: flipped } : undefined;
    await using reader = await set.open({ policy: "download" });
    const { digest, outcomes } = await readAndCache(reader);
    // What comes by range has its own digests.
    expect(digest).toBe(await localDigest(set));
    const refused = outcomes.find((outcome) => JSON.stringify(outcome).includes("00001"));
    expect(refused).toMatchObject({ fault: expect.any(ShardError) });
    expect(refused).toMatchObject({
      fault: {
        message: expect.stringContaining(`${set.server.url}/train/00001.arrow: fetched twice`),
      },
    });
    expect(await filesIn(set)).toHaveLength(digestsOf(set).length - 1);
    expect(set.server.downloads.filter(({ file }) => file === "train/00001.arrow")).toHaveLength(2);
    await digestOf(reader);
    expect(set.server.downloads.filter(({ file }) => file === "train/00001.arrow")).toHaveLength(2);
  });

  it("waits for the files of a server that serves no ranges", async () => {
    await using set = await RemoteSet.create({ behave: () => ({ noRanges: true }) });
    await using reader = await set.open({ policy: "download" });
    expect(await digestOf(reader)).toBe(await localDigest(set));
    expect(await filesIn(set)).toEqual(digestsOf(set));
  });

  it("is invalid where such a server has another file than the index says", async () => {
    await using set = await RemoteSet.create();
    set.server.behave = ({ file }) => ({
      noRanges: true,
      ...(file.endsWith(".arrow") ? { bytes: flipped } : {}),
    });
    await using reader = await set.open({ policy: "download" });
    await expect(digestOf(reader)).rejects.toThrow(ShardError);
    expect(await filesIn(set)).toEqual([]);
  });

  it("comes from the server again where a cached file is damaged, cut or gone", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 20_000 });
    {
      await using reader = await set.open({ policy: "download" });
      await readAndCache(reader);
    }
    const [first = "", second = "", third = ""] = digestsOf(set);
    const at = (name: string): string => join(set.cacheFolder, "files", name);
    const bytes = await readFile(at(first));
    await writeFile(at(first), Buffer.from(bytes.map((byte) => byte ^ 1)));
    await writeFile(at(second), (await readFile(at(second))).subarray(0, 50_000));
    await rm(at(third));
    {
      await using reader = await set.open({ policy: "download" });
      expect(await digestOf(reader)).toBe(await localDigest(set));
    }
    expect(await filesIn(set)).not.toContain(first);
  });

  it("never passes its bound; what does not fit is read by range", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 20_000 });
    const largest = Math.max(
      ...(set.index.splits[0]?.shards ?? []).map(({ sizeBytes }) => sizeBytes),
    );
    const cache = { folder: set.cacheFolder, maxBytes: Math.floor(2.5 * largest) };
    await using reader = await set.open({ policy: "download", cache });
    const { digest, outcomes } = await readAndCache(reader);
    expect(digest).toBe(await localDigest(set));
    expect(await digestOf(reader)).toBe(digest);
    expect(await filesIn(set)).toHaveLength(2);
    expect(outcomes).toContainEqual({ file: expect.any(String), outcome: "no room" });
  });

  it("removes what was used longest ago, but nothing that a reader has open", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 20_000, numScenes: 20 });
    await using other = await RemoteSet.create({ pictureBytes: 20_001, numScenes: 20 });
    const cache = { folder: set.cacheFolder, maxBytes: 1.2 * set.shardBytes };
    const { clock } = set;
    const reader = await set.open({ policy: "download", cache });
    await readAndCache(reader);
    {
      await using second = await other.open({ policy: "download", cache, clock });
      const { outcomes } = await readAndCache(second);
      expect(outcomes).toContainEqual({ file: expect.any(String), outcome: "no room" });
      for (const name of digestsOf(set)) expect(await filesIn(set)).toContain(name);
    }
    await reader[Symbol.asyncDispose]();
    clock.advance(3_600_000);
    const numThere = (await filesIn(set)).length - digestsOf(set).length;
    await using second = await other.open({ policy: "download", cache, clock });
    expect((await readAndCache(second, numThere)).digest).toBe(await localDigest(other));
    for (const name of digestsOf(other)) expect(await filesIn(set)).toContain(name);
  });

  it("clears away after readers that were killed", async () => {
    await using set = await RemoteSet.create();
    const readers = join(set.cacheFolder, "readers");
    await mkdir(readers, { recursive: true });
    await mkdir(join(set.cacheFolder, "files"), { recursive: true });
    // A dead reader's list of a file that nobody reads any more.
    const old = Buffer.alloc(100_000);
    await writeFile(join(set.cacheFolder, "files", sha256(old)), old);
    await writeFile(join(readers, "dead.files"), `${sha256(old)}\n`);
    const cache = { folder: set.cacheFolder, maxBytes: set.shardBytes };
    await using reader = await set.open({ policy: "download", cache });
    await readAndCache(reader);
    expect(await filesIn(set)).not.toContain(sha256(old));
    expect(await readdir(readers)).not.toContain("dead.files");
  });

  it("is refused where the cache's folder cannot be made", async () => {
    await using set = await RemoteSet.create();
    await writeFile(set.cacheFolder, "a file in the way");
    const opened = set.open({ policy: "download" });
    await expect(opened).rejects.toThrow(RefusedError);
    await expect(opened).rejects.toMatchObject({ file: set.cacheFolder });
  });

  it("keeps what came of a file when it is closed, for the next time", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 250_000, numScenes: 5 });
    const half = Promise.withResolvers<void>();
    set.server.behave = ({ file, range }) =>
      file.endsWith(".arrow") && range === undefined
        ? {
            pieceBytes: 100_000,
            beforePiece: (sentBytes) => {
              if (sentBytes < 1_000_000) return Promise.resolve();
              half.resolve();
              return new Promise(() => {});
            },
          }
        : undefined;
    {
      await using reader = await set.open({ policy: "download" });
      await reader.split("train").head(0);
      await half.promise;
      await vi.waitUntil(() => sizeOfPart(set));
    }
    expect(await sizeOfPart(set)).toBeGreaterThan(0);
    set.server.behave = atFirst(0, {});
    await using reader = await set.open({ policy: "download" });
    await readAndCache(reader);
    expect(await filesIn(set)).toEqual(digestsOf(set));
    const ranges = set.server.downloads.map(({ range }) => range);
    expect(ranges).toContainEqual(expect.stringMatching(/^bytes=[1-9]\d*-$/));
  });
});
