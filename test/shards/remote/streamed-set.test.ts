import { describe, expect, it } from "vitest";
import { IncompleteError, ShardError, SourceError } from "../../../src/core/errors.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { readIndex } from "../../../src/shards/shard-set-index.ts";
import { digestOf, localDigest, RemoteSet } from "./remote-set.ts";
import { atFirst, flipped } from "./set-server.ts";

describe("a shard set on a web server", () => {
  it("gives what the folder gives", async () => {
    await using set = await RemoteSet.create();
    await using reader = await set.open();
    expect(reader.index).toEqual(set.index);
    expect(await digestOf(reader)).toBe(await localDigest(set));
  });

  it("opens a shard with one request, and merges reads that lie near one another", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 40_000 });
    await using reader = await set.open();
    const split = reader.split("train");
    await split.head(0);
    const before = set.server.asked.length;
    await Promise.all([0, 1, 2, 3].map((sceneIndex) => split.pictureBytes(sceneIndex, 0)));
    expect(before).toBe(3); // the index, the shard's end, the batch's head
    expect(set.server.asked.length - before).toBe(1);
  });

  it.each([
    ["drops the connection", { dropAfter: 100 }],
    ["answers 503", { status: 503 }],
    ["answers 500", { status: 500 }],
    ["is asked too often", { status: 429 }],
    ["sends another range", { headers: { "content-range": "bytes 7-9/10" } }],
  ])("comes whole from a server that at first %s", async (_, wrong) => {
    await using set = await RemoteSet.create({ behave: atFirst(2, wrong) });
    await using reader = await set.open();
    expect(await digestOf(reader)).toBe(await localDigest(set));
    expect(set.clock.sleepsMs.length).toBeGreaterThanOrEqual(2);
  });

  it("goes on where a dropped connection was", async () => {
    const behave = atFirst(4, { dropAfter: 10_000 });
    await using set = await RemoteSet.create({ behave, pictureBytes: 100_000 });
    await using reader = await set.open();
    expect(await digestOf(reader)).toBe(await localDigest(set));
  });

  it("waits as long as the server asks", async () => {
    const behave = atFirst(1, { status: 503, headers: { "retry-after": "17" } });
    await using set = await RemoteSet.create({ behave });
    await using reader = await set.open();
    await reader.split("train").head(0);
    expect(set.clock.sleepsMs).toEqual([17_000]);
  });

  it("is incomplete when the server stays out of order, and tells where", async () => {
    await using set = await RemoteSet.create();
    await using reader = await set.open();
    set.server.behave = () => ({ status: 503 });
    const read = reader.split("train").head(0);
    await expect(read).rejects.toThrow(IncompleteError);
    await expect(read).rejects.toMatchObject({ file: `${set.server.url}/train/00000.arrow` });
    set.server.behave = () => undefined;
    expect(await digestOf(reader)).toBe(await localDigest(set));
  });

  it("is given up when the server stands still", async () => {
    await using set = await RemoteSet.create();
    await using reader = await set.open();
    set.server.behave = () => ({
      beforePiece: () => {
        set.clock.advance(31_000);
        return new Promise(() => {});
      },
    });
    await expect(reader.split("train").head(0)).rejects.toThrow(
      /no(?:thing more came for| answer after) 30 s/,
    );
  });

  it("reads a picture once more when its bytes are wrong, then takes them", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 100_000 });
    await using reader = await set.open();
    const split = reader.split("train");
    await split.head(0);
    let numWrong = 1;
    set.server.behave = () => (numWrong-- > 0 ? { bytes: flippedEverywhere } : undefined);
    const bytes = await split.pictureBytes(0, 0);
    await using local = await ShardSetReader.open(set.folder);
    expect(bytes).toEqual(await local.split("train").pictureBytes(0, 0));
  });

  it("refuses a picture whose bytes stay wrong, and names shard, batch and row", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 100_000 });
    await using reader = await set.open();
    const split = reader.split("train");
    await split.head(0);
    set.server.behave = () => ({ bytes: flippedEverywhere });
    const read = split.pictureBytes(2, 0);
    await expect(read).rejects.toThrow(ShardError);
    await expect(read).rejects.toMatchObject({
      file: `${set.server.url}/train/00000.arrow`,
      record: "batch 0, row 2",
    });
  });

  it("is invalid when a shard is missing, cut, or of another make", async () => {
    await using set = await RemoteSet.create();
    for (const wrong of [
      { status: 404 },
      { bytes: (bytes: Buffer) => bytes.subarray(0, -100) },
      { bytes: (bytes: Buffer) => Buffer.concat([bytes, bytes]) },
      { bytes: flipped },
    ]) {
      set.server.behave = ({ file }) => (file === "train/00001.arrow" ? wrong : undefined);
      await using reader = await set.open();
      await expect(digestOf(reader)).rejects.toThrow(ShardError);
      await expect(digestOf(reader)).rejects.toThrow(`${set.server.url}/train/00001.arrow`);
    }
  });

  it("is no set without an index, and invalid with a changed one", async () => {
    await using set = await RemoteSet.create();
    set.server.behave = ({ file }) => (file === "index.json" ? { status: 404 } : undefined);
    await expect(set.open()).rejects.toThrow(SourceError);
    set.server.behave = () => ({ bytes: renamed });
    await expect(set.open()).rejects.toThrow(ShardError);
    await expect(set.open()).rejects.toThrow(/the index was changed/);
  });

  it("follows redirects, keeps credentials to itself, and ends in circles", async () => {
    await using set = await RemoteSet.create();
    await using other = await RemoteSet.create();
    other.server.behave = ({ file }) => ({
      status: 302,
      headers: { location: `${set.server.url}/${file}` },
    });
    const withCredentials = other.server.url.replace("//", "//user:secret@");
    await using reader = await ShardSetReader.open(withCredentials, { remote: set.options() });
    expect(await digestOf(reader)).toBe(await localDigest(set));
    const { authorization } = other.server.asked[0]?.request.headers ?? {};
    expect(authorization).toBe(`Basic ${Buffer.from("user:secret").toString("base64")}`);
    expect(set.server.asked.map(({ request }) => request.headers.authorization)).not.toContain(
      authorization,
    );
    other.server.behave = () => ({ status: 302, headers: { location: "index.json" } });
    await expect(readIndex(other.server.url)).rejects.toThrow(/more than 5 redirects/);
  });

  it("never shows credentials or a signature", async () => {
    await using set = await RemoteSet.create();
    set.server.behave = () => ({ status: 403 });
    const location = `${set.server.url.replace("//", "//user:secret@")}?signature=secret`;
    const opened = readIndex(location, set.options());
    await expect(opened).rejects.toThrow(SourceError);
    await expect(opened).rejects.not.toThrow(/secret/);
    await expect(opened).rejects.toMatchObject({ file: `${set.server.url}/index.json` });
    expect(set.server.asked[0]?.request.url).toContain("?signature=secret");
  });

  it("cannot be streamed from a server without ranges", async () => {
    await using set = await RemoteSet.create({ behave: () => ({ noRanges: true }) });
    await using reader = await set.open();
    await expect(reader.split("train").head(0)).rejects.toThrow(/does not serve ranges/);
  });
});

function flippedEverywhere(bytes: Buffer): Buffer {
  return Buffer.from(bytes.map((byte) => byte ^ 1));
}

function renamed(index: Buffer): Buffer {
  return Buffer.from(index.toString().replace('"made-up"', '"made-up-"'));
}
