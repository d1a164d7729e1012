// Pictures per second that an audit hashes on two threads, beside imagededup's PHash on the same files in the same run,
// interleaved, the best of some rounds; and the most memory that either takes:
//
//   node bench/perceptual/throughput.ts [rounds] [alone: without imagededup]
//
// Ours reads each picture from its shard, checks the bytes against their SHA-256 (that of the pixels stands in the shard)
// and decodes it once, in full: "whole" is then PDQ alone, "bank" PDQ, turned and mirrored, and 48 parts. The peer reads
// files, and decodes them reduced where that is enough for its 32 x 32 pixels.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import type { RecordKind } from "../../src/audit/near/near-settings.ts";
import { NearCache } from "../../src/cli/auditing/near-cache.ts";
import { comparedShards, makeRecords } from "../../src/cli/auditing/near-records.ts";
import { NearThreads } from "../../src/cli/auditing/near-threads.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { listingOf } from "../../src/shards/reading/listed-set.ts";
import { readIndex } from "../../src/shards/shard-set-index.ts";
import { pythonEnvironment } from "../../test/python-environment.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import { commitSplit, photographScenes } from "../../test/loader/shard-set-fixture.ts";
import { markedScenes } from "./marked-photographs.ts";

const NUM_THREADS = 2;
/** Of each photograph. */
const COPIES = 20;
const kinds: readonly RecordKind[] = ["whole", "bank"];

const measuredSchema = z.object({
  seconds: z.number(),
  cpuSeconds: z.number(),
  maxMegabytes: z.number(),
});
type Measured = z.infer<typeof measuredSchema>;

const [, , first, second] = process.argv;
const kindToMeasure = kinds.find((kind) => kind === first);
if (kindToMeasure === undefined || second === undefined) await compare(Number(first ?? 5), second);
else process.stdout.write(JSON.stringify(await measureOurs(kindToMeasure, second)));

async function compare(numRounds: number, alone: string | undefined): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-throughput-"));
  try {
    const numFiles = await layOut(folder);
    const best = new Map<string, Measured>();
    const keep = (name: string, measured: Measured): void => {
      const known = best.get(name);
      if (known === undefined || measured.seconds < known.seconds) best.set(name, measured);
    };
    for (let round = 0; round < numRounds; round += 1) {
      for (const kind of kinds) keep(`ours, ${kind}`, await measureChild(kind, folder));
      if (alone !== "alone") keep("imagededup PHash, 2 workers", await measurePeer(folder));
    }
    for (const [name, measured] of best) print(name, measured, numFiles);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes pictures as a set and as files, each with bytes of its own, and gives their number. */
async function layOut(folder: string): Promise<number> {
  const photographs = await photographScenes();
  const numFiles = COPIES * photographs.length;
  const [set, files] = [join(folder, "set"), join(folder, "jpegs")];
  await mkdir(files);
  await using writer = await SplitWriter.create({ folder: set, split: "train", role: "train" });
  for (const scene of markedScenes(photographs, { from: 0, to: numFiles })) {
    await writer.append(scene);
    const [picture] = scene.pictures;
    if (picture !== undefined) {
      await writeFile(join(files, `${picture.key.replace(":", "-")}.jpg`), picture.bytes);
    }
  }
  await commitSplit(set, await writer.finish(), "photographs");
  return numFiles;
}

async function measureChild(kind: RecordKind, folder: string): Promise<Measured> {
  const args = [import.meta.filename, kind, folder];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return measuredSchema.parse(JSON.parse(stdout));
}

async function measureOurs(kind: RecordKind, folder: string): Promise<Measured> {
  const { signal } = new AbortController();
  const location = join(folder, "set");
  const index = await readIndex(location);
  const cacheFolder = join(folder, "cache");
  await rm(cacheFolder, { recursive: true, force: true });
  const startMs = performance.now();
  const before = process.cpuUsage();
  await using threads = new NearThreads(
    { listings: [listingOf(location, index)] },
    { signal, numThreads: NUM_THREADS },
  );
  await makeRecords(
    comparedShards([index]).map((shard) => ({ shard, kind })),
    { cache: new NearCache(signal, cacheFolder), threads, progress: silentProgress, signal },
  );
  const { user, system } = process.cpuUsage(before);
  return {
    seconds: (performance.now() - startMs) / 1000,
    cpuSeconds: (user + system) / 1e6,
    maxMegabytes: process.resourceUsage().maxRSS / 1024,
  };
}

async function measurePeer(folder: string): Promise<Measured> {
  const python = await pythonEnvironment("requirements.txt", import.meta.dirname);
  const printed = await python.run("imagededup_speed.py", [join(folder, "jpegs")]);
  return measuredSchema.parse(JSON.parse(printed.trim().split("\n").at(-1) ?? ""));
}

function print(name: string, measured: Measured, numPictures: number): void {
  const { seconds, cpuSeconds, maxMegabytes } = measured;
  const columns = [
    name.padEnd(30),
    `${(numPictures / seconds).toFixed(0)} pictures/s`.padStart(16),
    `${((1000 * cpuSeconds) / numPictures).toFixed(1)} ms of processor each`.padStart(30),
    `${maxMegabytes.toFixed(0)} MB`.padStart(10),
  ];
  process.stdout.write(`${columns.join("")}\n`);
}
