// How fast shard sets are written, opened, read and validated beside openssl, apache-arrow and pyarrow in the same
// run, with made-up pictures of one size. Each figure is the median of its runs. For pyarrow, name a Python that has
// it in PYTHON. Usage: node bench/shards.ts [numScenes] [pictureBytes]
import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { RandomStream } from "../src/core/random.ts";
import { FileStorage } from "../src/shards/file-storage.ts";
import { inFile } from "../src/shards/reading/plan-rows.ts";
import { loadHead, openShard } from "../src/shards/shard-file.ts";
import type { ShardEntry, ShardSetIndex } from "../src/shards/shard-set-index.ts";
import { ShardSetReader, type SplitReader } from "../src/shards/shard-set-reader.ts";
import { type CheckedDigests } from "../src/shards/validation/shard-check.ts";
import { validateShardSet } from "../src/shards/validation/validate-shard-set.ts";
import { CountingStorage } from "./shard-reading/counting-storage.ts";
import { writeMadeUpSet } from "./shard-reading/made-up-set.ts";
import { cpuSecondsOf, demand, median, quantile, report, timed } from "./shard-reading/measures.ts";

const [numScenes = 3000, pictureBytes = 150_000] = process.argv.slice(2).map(Number);
const NUM_READS = 3000;
const NUM_RUNS = 5;
const MEGABYTE = 1e6;

/** What pyarrow takes for one picture of a map that is open, in microseconds. */
let pyarrowRead: number | undefined;

const folder = await mkdtemp(join(tmpdir(), "crossweave-bench-"));
const set = join(folder, "set");
try {
  const { openssl } = process.versions;
  report(
    "machine",
    `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, OpenSSL ${openssl}`,
  );
  report("set", `${numScenes} scenes with pictures of ${pictureBytes} bytes`);
  const index = await write();
  await openMany();
  await openAndFetch(index);
  await readPictures();
  await readInOrders();
  await validate(index);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function write(): Promise<ShardSetIndex> {
  const small = await writeMadeUpSet(join(folder, "small"), {
    numScenes: numScenes / 4,
    pictureBytes,
  });
  await rm(join(folder, "small"), { recursive: true });
  const whole = await writeMadeUpSet(set, { numScenes, pictureBytes });
  const rate = (numScenes * pictureBytes) / MEGABYTE / whole.seconds;
  report("writing, two digests", `${rate.toFixed(0)} MB/s`);
  const growth = (whole.maxRss / small.maxRss - 1) * 100;
  const rss = `RSS at most ${(whole.maxRss / MEGABYTE).toFixed(0)} MB`;
  report(
    "writing, memory (G15)",
    `${rss}, ${growth.toFixed(0)} % more than for a quarter of the set`,
  );
  return whole.index;
}

/** The small shards of a set of 1,000 of them, opened and one picture of each fetched. */
async function openMany(): Promise<void> {
  const many = join(folder, "many");
  const layout = { targetBatchBytes: 1, maxScenesPerBatch: 1, targetShardBytes: 1 };
  await mkdir(many);
  await writeMadeUpSet(many, { numScenes: 1000, pictureBytes: 2000, layout });
  const opens: number[] = [];
  const touches: number[] = [];
  for (let run = 0; run < NUM_RUNS; run += 1) {
    const start = performance.now();
    await using reader = await ShardSetReader.open(many);
    opens.push(performance.now() - start);
    const split = reader.split("train");
    for (let scene = 0; scene < 1000; scene += 1) await split.pictureBytes(scene, 0);
    touches.push(performance.now() - start);
  }
  demand("opening a set of 1,000 shards (G12b)", median(opens), { atMost: 150, unit: "ms" });
  report("  and a picture of each: footers, heads", `${median(touches).toFixed(1)} ms`);
  await rm(many, { recursive: true });
}

async function openAndFetch(index: ShardSetIndex): Promise<void> {
  const [shard] = index.splits[0]?.shards ?? [];
  if (shard === undefined) throw new TypeError("there is no shard");
  const path = join(set, shard.file);
  const numRows = Math.min(...shard.batches.map((batch) => batch.numScenes));
  const random = new RandomStream(5);
  const [ours, alone, theirs]: [number[], number[], number[]] = [[], [], []];
  for (let run = 0; run < NUM_RUNS; run += 1) {
    const scene = random.nextInt(shard.numScenes);
    theirs.push(
      await timed(async () => {
        const table = tableFromIPC(readFileSync(path));
        return table.getChild("picture_bytes")?.get(scene)?.get(0);
      }),
    );
    for (let time = 0; time < 20; time += 1) {
      ours.push(
        await timed(async () => {
          await using reader = await ShardSetReader.open(set);
          return await reader.split("train").pictureBytes(random.nextInt(shard.numScenes), 0);
        }),
      );
    }
  }
  for (let run = 0; run < 100; run += 1) {
    alone.push(await timed(() => fetchOne(shard, random.nextInt(numRows))));
  }
  report("open set and shard, fetch one picture", `${median(ours).toFixed(0)} µs`);
  const name = `  apache-arrow tableFromIPC, ${(shard.sizeBytes / MEGABYTE).toFixed(0)} MB`;
  report(name, `${median(theirs).toFixed(0)} µs`);
  demand("    of our time (G12c)", median(theirs) / median(ours), { atLeast: 20, unit: "times" });
  report("  of a set that is open", `${median(alone).toFixed(0)} µs`);
  peer(path, { numBatches: shard.batches.length, numRows, ours: median(alone) });
}

/** Opens a shard by its index entry and fetches a picture of its first batch, everything verified. */
async function fetchOne(shard: ShardEntry, row: number): Promise<void> {
  await using storage = new FileStorage(set);
  const source = await openShard(storage, shard, set);
  const [entry] = shard.batches;
  if (entry === undefined) throw new TypeError("the shard has no batch");
  const head = await loadHead(source, entry, { file: shard.file });
  const range = head.rows.pictureRange(row, 0);
  const picture = head.rows.picture(row, 0);
  if (range === undefined || picture === undefined)
    throw new TypeError(`row ${row} has no picture`);
  const bytes = await source.read(inFile(head, range));
  if (hash("sha256", bytes) !== picture.sha256) throw new TypeError(`row ${row} is damaged`);
}

function peer(
  path: string,
  { numBatches, numRows, ours }: { numBatches: number; numRows: number; ours: number },
): void {
  const [command = "python3", ...args] = (process.env["PYTHON"] ?? "python3").split(" ");
  const script = join(import.meta.dirname, "shards_peer.py");
  try {
    const output = execFileSync(
      command,
      [...args, script, path, String(numBatches), String(numRows)],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const found: { version: string; open: number; read: number } = JSON.parse(output);
    pyarrowRead = found.read;
    report(`  pyarrow ${found.version} mmap, no digest`, `${found.open.toFixed(0)} µs`);
    demand("    ours of its time (G12c)", ours / found.open, { atMost: 2, unit: "times" });
  } catch {
    report("  pyarrow mmap", "not measured: name a Python that has pyarrow in PYTHON");
  }
}

async function readPictures(): Promise<void> {
  await using reader = await ShardSetReader.open(set);
  const split = reader.split("train");
  const random = new RandomStream(1);
  const anyScene = (): number => random.nextInt(split.numScenes);
  await quantiles("random head and picture, nothing known", async () => {
    const scene = anyScene();
    await split.head(scene);
    await split.pictureBytes(scene, 0);
  });
  for (let scene = 0; scene < split.numScenes; scene += 1) await split.pictureBytes(scene, 0);
  const p50 = await quantiles("random picture, verified", () => split.pictureBytes(anyScene(), 0));
  demand("  p50 of it (G13a)", p50, { atMost: 60, unit: "µs" });
  const memory = new Uint8Array(pictureBytes);
  await quantiles("  into memory that is there", () => split.pictureBytes(anyScene(), 0, memory));
  if (pyarrowRead !== undefined)
    report("  pyarrow, open map, copied, no digest", `p50 ${pyarrowRead.toFixed(0)} µs`);
  const bytes = await split.pictureBytes(0, 0);
  await quantiles("  sha256 of it alone", async () => hash("sha256", bytes));
  await quantiles("random head", () => split.head(anyScene()));
  const start = performance.now();
  let numHeads = 0;
  for await (const head of split.heads()) numHeads += Math.sign(head.pictures.length);
  report("heads in order", `${((numHeads / (performance.now() - start)) * 1000).toFixed(0)} /s`);
}

/** The same pictures in order and at random, warm, in turns; `bench/cold-reads.ts` has them cold. */
async function readInOrders(): Promise<void> {
  const order = Array.from({ length: numScenes }, (_, scene) => scene);
  const atRandom = new RandomStream(9).shuffled(order);
  const [sequential, anyOrder]: [number[], number[]] = [[], []];
  await using warm = await ShardSetReader.open(set);
  await readAll(warm.split("train"), order);
  for (let run = 0; run < NUM_RUNS; run += 1) {
    for (const [scenes, rates] of [
      [order, sequential],
      [atRandom, anyOrder],
    ] as const) {
      const took = await timed(() => readAll(warm.split("train"), scenes));
      rates.push(numScenes / (took / 1e6));
    }
  }
  const rates = `${median(anyOrder).toFixed(0)} and ${median(sequential).toFixed(0)} /s`;
  report("pictures at random and in order, warm", rates);
  const share = median(anyOrder) / median(sequential);
  demand("  at random of in order (G11)", share, { atLeast: 0.95, unit: "" });
  const storage = new CountingStorage(set);
  await using reader = await ShardSetReader.open(set, { storage });
  await readAll(reader.split("train"), atRandom);
  const wanted = numScenes * pictureBytes;
  report("reads a picture, an epoch at random", (storage.numReads / numScenes).toFixed(2));
  demand("bytes read / wanted, an epoch at random (G13b)", storage.numBytes / wanted, {
    atMost: 1.05,
    unit: "",
  });
  await heads(reader.split("train"));
}

/** The small columns of scenes that are drawn at random, as texts for other pictures are. */
async function heads(split: SplitReader): Promise<void> {
  const random = new RandomStream(3);
  const cpu = process.cpuUsage();
  for (let row = 0; row < 20_000; row += 1) await split.head(random.nextInt(split.numScenes));
  const { system, user } = process.cpuUsage(cpu);
  demand("random rows per core and second (G13b)", 20_000 / ((system + user) / 1e6), {
    atLeast: 20_000,
    unit: "/s",
  });
}

async function readAll(split: SplitReader, scenes: readonly number[]): Promise<void> {
  const memory = new Uint8Array(pictureBytes);
  for (const scene of scenes) await split.pictureBytes(scene, 0, memory);
}

async function validate(index: ShardSetIndex): Promise<void> {
  const files = index.splits.flatMap(({ shards }) => shards.map(({ file }) => join(set, file)));
  const rates: Record<string, { wall: number[]; cpu: number[] }> = {};
  const note = (name: string, wall: number, cpu: number): void => {
    const row = (rates[name] ??= { wall: [], cpu: [] });
    row.wall.push(wall);
    row.cpu.push(cpu);
  };
  const total = index.splits[0]?.shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) ?? 0;
  for (let run = 0; run < NUM_RUNS; run += 1) {
    const start = performance.now();
    const seconds = cpuSecondsOf("openssl", ["dgst", "-sha256", ...files]);
    note("openssl", total / (performance.now() - start), total / seconds);
    for (const digests of ["files", "every"] satisfies CheckedDigests[]) {
      const before = process.cpuUsage();
      const took = await timed(async () => {
        const { isValid } = await validateShardSet(set, { digests });
        if (!isValid) throw new TypeError("the set is not valid");
      });
      const { user, system } = process.cpuUsage(before);
      note(digests, total / (took / 1000), total / ((user + system) / 1e6));
    }
  }
  for (const [name, { wall, cpu }] of Object.entries(rates)) {
    const ofWall = megabytes(wall) / megabytes(rates["openssl"]?.wall);
    const ofCpu = megabytes(cpu, 1e6) / megabytes(rates["openssl"]?.cpu, 1e6);
    const label =
      name === "openssl"
        ? "openssl dgst -sha256"
        : `validate, ${name === "files" ? "--quick (G17a: 0.95)" : "every digest"}`;
    const figures = `${megabytes(wall).toFixed(0)} MB/s, ${megabytes(cpu, 1e6).toFixed(0)} MB per CPU second`;
    report(label, `${figures}: ${ofWall.toFixed(2)} and ${ofCpu.toFixed(2)} of openssl`);
  }
}

function megabytes(values: readonly number[] = [], unit = 1e3): number {
  return median(values) / unit;
}

/** Prints how long `run` takes; gives the median in microseconds. */
async function quantiles(name: string, run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let read = 0; read < NUM_READS; read += 1) times.push(await timed(run));
  report(
    name,
    `p50 ${quantile(times, 0.5).toFixed(0)} µs, p99 ${quantile(times, 0.99).toFixed(0)} µs`,
  );
  return quantile(times, 0.5);
}
