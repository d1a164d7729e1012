import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ConfigError, IncompleteError, ShardError, SourceError } from "../../../src/core/errors.ts";
import { defaultCache } from "../../../src/shards/remote/cache-plan.ts";
import { readIndex } from "../../../src/shards/shard-set-index.ts";
import { validateShardSet } from "../../../src/shards/validation/validate-shard-set.ts";
import { RunningProgram } from "../../cli/running-program.ts";
import { pythonEnvironment } from "../../python-environment.ts";
import { digestOf, localDigest, RemoteSet } from "./remote-set.ts";
import { SetServer } from "./set-server.ts";

const launcher = join(import.meta.dirname, "../../../bin/crossweave.mjs");

describe("a server without ranges", () => {
  it("is told of, with what to do", async () => {
    await using set = await RemoteSet.create({ behave: () => ({ noRanges: true }) });
    await using reader = await set.open();
    const read = reader.split("train").head(0);
    await expect(read).rejects.toThrow(SourceError);
    await expect(read).rejects.toMatchObject({
      file: `${set.server.url}/train/00000.arrow`,
      message: expect.stringContaining("sends whole files"),
      remedy: expect.stringContaining("ranges"),
    });
    await expect(validateShardSet(set.server.url)).rejects.toThrow(SourceError);
  });

  it("ends in an error when the cache has no room for the file", { timeout: 10_000 }, async () => {
    await using set = await RemoteSet.create({ behave: () => ({ noRanges: true }) });
    const cache = { folder: set.cacheFolder, maxBytes: 1000 };
    await using reader = await set.open({ policy: "download", cache });
    const read = reader.split("train").head(0);
    await expect(read).rejects.toThrow(IncompleteError);
    await expect(read).rejects.toMatchObject({
      file: `${set.server.url}/train/00000.arrow`,
      message: expect.stringMatching(/no room for its \d+ bytes/),
      remedy: expect.stringContaining("CROSSWEAVE_SHARD_CACHE_BYTES"),
    });
  });

  it("gives a file again that was damaged in the cache", async () => {
    await using set = await RemoteSet.create({ behave: () => ({ noRanges: true }) });
    const expected = await localDigest(set);
    await using reader = await set.open({ policy: "download" });
    expect(await digestOf(reader)).toBe(expected);
    const files = join(set.cacheFolder, "files");
    for (const name of await readdir(files)) {
      const bytes = await readFile(join(files, name));
      await writeFile(join(files, name), Buffer.from(bytes.map((byte) => byte ^ 1)));
    }
    expect(await digestOf(reader)).toBe(expected);
    await using later = await set.open({ policy: "download" });
    expect(await digestOf(later)).toBe(expected);
  });
});

describe("a cache smaller than one shard", () => {
  it("stays empty, and everything is read by range", async () => {
    await using set = await RemoteSet.create({ pictureBytes: 20_000 });
    const cache = { folder: set.cacheFolder, maxBytes: 1000 };
    await using reader = await set.open({ policy: "download", cache });
    expect(await digestOf(reader)).toBe(await localDigest(set));
    expect(await readdir(join(set.cacheFolder, "files"))).toEqual([]);
  });
});

describe("a server that compresses what nobody asked it to", () => {
  const headers = { "content-encoding": "gzip" };

  it.each(["index.json", "train/00000.arrow"])("is told of: %s", async (encoded) => {
    await using set = await RemoteSet.create();
    const behave = ({ file }: { file: string }) =>
      file === encoded ? { headers, bytes: (bytes: Buffer) => gzipSync(bytes) } : undefined;
    set.server.behave = behave;
    for (const policy of ["stream", "download"] as const) {
      const read = async (): Promise<unknown> => {
        await using reader = await set.open({ policy });
        return await reader.split("train").head(0);
      };
      await expect(read()).rejects.toThrow(SourceError);
      await expect(read()).rejects.toMatchObject({
        file: `${set.server.url}/${encoded}`,
        message: expect.stringContaining("gzip"),
        remedy: expect.stringContaining("without compressing"),
      });
    }
  });

  it("may say identity, or how a bucket took the file", async () => {
    await using set = await RemoteSet.create();
    for (const encoding of ["identity", "aws-chunked"]) {
      set.server.behave = () => ({ headers: { "content-encoding": encoding } });
      await using reader = await set.open();
      expect(await digestOf(reader)).toBe(await localDigest(set));
    }
  });
});

describe("a file that is replaced on the server while it is read", () => {
  it.each(["stream", "download"] as const)("gives no byte of the other one: %s", async (policy) => {
    await using set = await RemoteSet.create({ pictureBytes: 100_000 });
    await using other = await RemoteSet.create({ pictureBytes: 100_000, numScenes: 41 });
    await using reader = await set.open({ policy });
    const split = reader.split("train");
    await split.head(0);
    await using local = await other.open();
    expect(local.index.digest).not.toBe(set.index.digest);
    const replaced = await readFile(join(other.folder, "train/00001.arrow"));
    set.server.behave = ({ file }) =>
      file === "train/00000.arrow" ? { bytes: () => replaced, etag: '"other"' } : undefined;
    await expect(split.pictureBytes(0, 0)).rejects.toThrow(ShardError);
    await expect(split.pictureBytes(0, 0)).rejects.toMatchObject({ record: "batch 0, row 0" });
  });
});

describe("a set that no folder holds", () => {
  it("is not repaired in place", async () => {
    await using set = await RemoteSet.create();
    set.server.behave = ({ file }) => (file === "croissant.json" ? { status: 404 } : undefined);
    const args = ["validate", set.server.url, "--repair", "--source", "downloads", "--quick"];
    const { exitCode, stderr } = await new RunningProgram(launcher, args).ended;
    expect(stderr).toMatch(/error: .* is on a server; only the files of a folder are made again/);
    expect(exitCode).toBe(2);
  });

  it("is not looked for behind a file: URL", async () => {
    await using set = await RemoteSet.create();
    const opened = readIndex(`file://${set.folder}`);
    await expect(opened).rejects.toThrow(ConfigError);
    await expect(opened).rejects.toMatchObject({ remedy: expect.stringContaining("folder") });
  });
});

describe("a server with a certificate of a private authority", () => {
  it("is read from where its authority is named, and else says what to name", async () => {
    await using set = await RemoteSet.create();
    const python = await pythonEnvironment("requirements-s3.txt");
    await python.run("make_certificates.py", [set.root]);
    const [key, cert] = await Promise.all(
      ["key.pem", "certificate.pem"].map((name) => readFile(join(set.root, name), "utf8")),
    );
    const identity = { key: key ?? "", cert: cert ?? "" };
    await using server = await SetServer.serve(set.folder, () => undefined, identity);
    const args = ["validate", server.url, "--quick"];
    const authority = join(set.root, "authority.pem");
    const known = new RunningProgram(launcher, args, { NODE_EXTRA_CA_CERTS: authority });
    expect(await known.ended).toMatchObject({ exitCode: 0 });
    const { exitCode, stderr } = await new RunningProgram(launcher, args).ended;
    expect(exitCode).toBe(23);
    expect(stderr).toMatch(/remedy .*NODE_EXTRA_CA_CERTS/);
  });
});

describe("the bound of the cache", () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each(["5GB", "-1", "0", "lots"])("is refused when it is %s", (text) => {
    vi.stubEnv("CROSSWEAVE_SHARD_CACHE_BYTES", text);
    expect(() => defaultCache()).toThrow(ConfigError);
    expect(() => defaultCache()).toThrow(`CROSSWEAVE_SHARD_CACHE_BYTES is "${text}"`);
  });

  it("comes from the environment", () => {
    vi.stubEnv("CROSSWEAVE_SHARD_CACHE_BYTES", "5e9");
    expect(defaultCache().maxBytes).toBe(5e9);
    vi.stubEnv("CROSSWEAVE_SHARD_CACHE_BYTES", "");
    expect(defaultCache().maxBytes).toBe(100e9);
  });
});
