import { subscribe, unsubscribe } from "node:diagnostics_channel";
import promises, { type FileHandle, open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { downloadChannel } from "../../../src/shards/remote/cached-source.ts";
import { digestOf, localDigest, RemoteSet } from "./remote-set.ts";

const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
  code: "ENOSPC",
});

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

/** What became of downloads, as it is told. */
function listenToDownloads(): Disposable & { readonly told: unknown[] } {
  const told: unknown[] = [];
  const listen = (message: unknown): void => void told.push(message);
  subscribe(downloadChannel, listen);
  return { told, [Symbol.dispose]: () => unsubscribe(downloadChannel, listen) };
}

/** Reads all of a set over and over until a download has ended. */
async function readUntilTold(set: RemoteSet): Promise<unknown[]> {
  using downloads = listenToDownloads();
  await using reader = await set.open({ policy: "download" });
  const expected = await localDigest(set);
  while (downloads.told.length === 0) expect(await digestOf(reader)).toBe(expected);
  expect(await digestOf(reader)).toBe(expected);
  return downloads.told;
}

describe("a cache on a disk without space", () => {
  it("takes nothing of the space that others may need, and all is read by range", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 20_000 });
    const { statfs } = promises;
    vi.spyOn(promises, "statfs").mockImplementation(async (path) =>
      Object.assign(await statfs(path), { bavail: 1000, bsize: 4096 }),
    );
    syncBuiltinESMExports();
    expect(await readUntilTold(set)).toContainEqual({
      file: "train/00000.arrow",
      outcome: "no room",
    });
  });

  it("gives what it has when not even the list of a reader can be written", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 20_000 });
    await using first = await set.open({ policy: "download" });
    const expected = await digestOf(first);
    await vi.waitUntil(async () => (await set.filesInCache()).length === set.numShards);
    const { appendFile } = promises;
    vi.spyOn(promises, "appendFile").mockImplementation((path, data) =>
      data === "" ? appendFile(path, data) : Promise.reject(full),
    );
    syncBuiltinESMExports();
    await using reader = await set.open({ policy: "download" });
    const numAsked = set.server.asked.length;
    expect(await digestOf(reader)).toBe(expected);
    expect(set.server.asked).toHaveLength(numAsked);
  });

  it("goes on by range when the disk fills up during a download", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 20_000 });
    await using handle = await open(join(set.folder, "index.json"));
    const handles: FileHandle = Object.getPrototypeOf(handle);
    vi.spyOn(handles, "appendFile").mockRejectedValue(full);
    expect(await readUntilTold(set)).toContainEqual({
      file: "train/00000.arrow",
      fault: expect.objectContaining({
        exitCode: 24,
        message: expect.stringContaining("no space"),
      }),
    });
  });
});
