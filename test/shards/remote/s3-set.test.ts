import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { ConfigError, IncompleteError, SourceError } from "../../../src/core/errors.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { pythonEnvironment } from "../../python-environment.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../small-set.ts";
import { digestOf, patient } from "./remote-set.ts";

const started = z.object({
  port: z.int(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
});

const owned = new AsyncDisposableStack();
const location = "s3://shard-sets/coco karpathy/v1+2";
let folder: string;
let server: z.infer<typeof started>;

beforeAll(async () => {
  const python = await pythonEnvironment("requirements-s3.txt");
  const temporary = owned.use(await temporaryFolder());
  folder = join(temporary.path, "set");
  await writeShardSet(folder, [{ split: "train", scenes: madeUpScenes(40) }]);
  const process = python.start("s3_server.py", [folder, "shard-sets", "coco karpathy/v1+2"]);
  owned.defer(async () => {
    process.stdin.end();
    if (process.exitCode === null) await once(process, "exit");
  });
  const [line]: unknown[] = await once(createInterface(process.stdout), "line");
  server = started.parse(JSON.parse(String(line)));
});

afterAll(() => owned.disposeAsync());

function useCredentials(given: Readonly<Record<string, string>> = {}): void {
  vi.unstubAllEnvs();
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${server.port}`);
  vi.stubEnv("AWS_ACCESS_KEY_ID", server.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", server.secretAccessKey);
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  for (const [name, value] of Object.entries(given)) vi.stubEnv(name, value);
}

describe("a shard set in a bucket", () => {
  it("gives what the folder gives, with signed requests", async () => {
    useCredentials();
    await using local = await ShardSetReader.open(folder);
    await using reader = await ShardSetReader.open(location);
    expect(reader.index).toEqual(local.index);
    expect(await digestOf(reader)).toBe(await digestOf(local));
  });

  it("comes into the cache as from any server", async () => {
    useCredentials();
    await using temporary = await temporaryFolder();
    const cache = { folder: temporary.path, maxBytes: 1e9 };
    await using local = await ShardSetReader.open(folder);
    await using reader = await ShardSetReader.open(location, {
      remote: { policy: "download", cache },
    });
    expect(await digestOf(reader)).toBe(await digestOf(local));
  });

  it.each([
    ["a wrong secret", { AWS_SECRET_ACCESS_KEY: "no-secret" }],
    ["an unknown key", { AWS_ACCESS_KEY_ID: "AKIAUNKNOWN" }],
    ["no credentials", { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", HOME: "/nowhere" }],
  ])("is refused with %s, and says what to give", async (_, given) => {
    useCredentials(given);
    const opened = ShardSetReader.open(location);
    await expect(opened).rejects.toThrow(SourceError);
    await expect(opened).rejects.toMatchObject({
      message: `${location}/index.json: the server answered 403`,
      remedy: expect.stringContaining("AWS_ACCESS_KEY_ID"),
    });
  });

  it("is missing where the prefix has no index", async () => {
    useCredentials();
    const opened = ShardSetReader.open("s3://shard-sets/elsewhere");
    await expect(opened).rejects.toThrow(/s3:\/\/shard-sets\/elsewhere is no finished shard set/);
  });

  it("is incomplete while the server of AWS_ENDPOINT_URL cannot be reached", async () => {
    useCredentials({ AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9" });
    const retries = { ...patient, maxAttempts: 1 };
    const opened = ShardSetReader.open(location, { remote: { retries } });
    await expect(opened).rejects.toThrow(IncompleteError);
  });

  it("is not looked for in what is no bucket or no server", async () => {
    useCredentials({ AWS_ENDPOINT_URL: "minio.lab:9000" });
    await expect(ShardSetReader.open(location)).rejects.toThrow(ConfigError);
    await expect(ShardSetReader.open("s3://")).rejects.toThrow(ConfigError);
  });
});
