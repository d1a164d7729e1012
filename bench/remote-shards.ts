// How fast pictures of a set are read at random: from a folder, by range from a web server on loopback, and through
// the cache before and after it holds the set. Usage: node bench/remote-shards.ts [numScenes] [pictureBytes]
import { type ChildProcess, fork } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { RandomStream } from "../src/core/random.ts";
import { downloadChannel } from "../src/shards/remote/cached-source.ts";
import { ShardSetReader } from "../src/shards/shard-set-reader.ts";
import { madeUpScene } from "../test/shards/scenes.ts";
import { writeShardSet } from "../test/shards/small-set.ts";
import { median } from "./shard-reading/measures.ts";

const NUM_ROUNDS = 9;
const AT_ONCE = 64;
const layout = { targetBatchBytes: 32e6, maxScenesPerBatch: 1024, targetShardBytes: 64e6 };

if (process.argv[2] === "--serve") await serve(process.argv[3] ?? "");
else await measure();

async function measure(): Promise<void> {
  const [numScenes = 3000, pictureBytes = 150_000] = process.argv.slice(2).map(Number);
  const folder = await mkdtemp(join(tmpdir(), "crossweave-bench-"));
  const set = join(folder, "set");
  const server = fork(import.meta.filename, ["--serve", set]);
  try {
    const scenes = Array.from({ length: numScenes }, (_, id) => madeUpScene(id, pictureBytes));
    await writeShardSet(set, [{ split: "train", scenes }], layout);
    const [port]: unknown[] = await once(server, "message");
    console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
    console.log(
      `${numScenes} scenes with pictures of ${pictureBytes} bytes, ${AT_ONCE} reads at once`,
    );
    await compare({ set, url: `http://127.0.0.1:${String(port)}`, cache: join(folder, "cache") });
  } finally {
    await ended(server);
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(given: { set: string; url: string; cache: string }): Promise<void> {
  const cache = { folder: given.cache, maxBytes: 100e9 };
  const { seconds } = await fill(given.url, cache);
  console.log(`whole set into the cache, while it is read   ${seconds.toFixed(1)} s`);
  await using local = await ShardSetReader.open(given.set);
  await using cached = await ShardSetReader.open(given.url, {
    remote: { policy: "download", cache },
  });
  await using streamed = await ShardSetReader.open(given.url);
  const rates: Record<string, number[]> = { folder: [], cached: [], streamed: [] };
  for (let round = 0; round <= NUM_ROUNDS; round += 1) {
    for (const [name, reader] of [
      ["folder", local],
      ["cached", cached],
      ["streamed", streamed],
    ] as const) {
      const rate = await picturesPerSecond(reader, round);
      if (round > 0) rates[name]?.push(rate); // the first round warms up
    }
  }
  for (const [name, found] of Object.entries(rates)) {
    const range = `${Math.min(...found).toFixed(0)} to ${Math.max(...found).toFixed(0)}`;
    const ratio = median(found.map((rate, round) => rate / (rates["folder"]?.[round] ?? rate)));
    const rate = `${median(found).toFixed(0)} pictures per CPU second (${range})`;
    console.log(`${name.padEnd(10)} ${rate}, ${ratio.toFixed(2)} of the folder's`);
  }
}

/** Reads all pictures once while they come into an empty cache, and waits until all are there. */
async function fill(
  url: string,
  cache: { folder: string; maxBytes: number },
): Promise<{ seconds: number }> {
  const start = performance.now();
  await using reader = await ShardSetReader.open(url, { remote: { policy: "download", cache } });
  const numShards = reader.index.splits[0]?.shards.length ?? 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  let numThere = 0;
  const count = (): void => void ((numThere += 1) === numShards && resolve());
  subscribe(downloadChannel, count);
  await picturesPerSecond(reader, 0);
  await promise;
  unsubscribe(downloadChannel, count);
  return { seconds: (performance.now() - start) / 1000 };
}

/** Of this process's own processor time, so that other work on the machine does not count. */
async function picturesPerSecond(reader: ShardSetReader, seed: number): Promise<number> {
  const split = reader.split("train");
  const order = new RandomStream(seed).sampleDistinct(split.numScenes, split.numScenes);
  const start = process.cpuUsage();
  for (let first = 0; first < order.length; first += AT_ONCE)
    await Promise.all(
      order.slice(first, first + AT_ONCE).map((scene) => split.pictureBytes(scene, 0)),
    );
  const { user, system } = process.cpuUsage(start);
  return (order.length * 1e6) / (user + system);
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  server.kill();
  await once(server, "exit");
}

/** Serves a folder by range on a port that the parent is told. */
async function serve(folder: string): Promise<void> {
  const server = createServer((request, response) => {
    answer(folder, request, response).catch(() => response.writeHead(404).end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
}

async function answer(
  folder: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = join(folder, new URL(request.url ?? "", "http://localhost").pathname);
  const { size } = await stat(path);
  const [, first = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(size - 1, Number(last));
  response.writeHead(request.headers.range === undefined ? 200 : 206, {
    etag: `"${size}"`,
    "content-length": end - start + 1,
    "content-range": `bytes ${start}-${end}/${size}`,
  });
  createReadStream(path, { start, end, highWaterMark: 2 ** 20 }).pipe(response);
}
