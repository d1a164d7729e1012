// How long a saved loader takes to its next samples: anywhere in an epoch of 1,000,000 samples, and beside Hugging Face's streamed
// data sets and torchdata's StatefulDataLoader on the same 20,000 photographs (issue 5, G7):
// `node bench/resume.ts [folder for the sets; what it has is used again]`. About 6 minutes with the writing, and 10 GB.
import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { z } from "zod";

import { BatchLoader } from "../src/loader/batch-loader.ts";
import { serializeLoaderState } from "../src/loader/batching/loader-state.ts";
import { temporaryFolder } from "../test/loader/shard-set-fixture.ts";
import { warm } from "./loader-peers/photographs.ts";
import { compiledPackage } from "./loader-start/compiled-package.ts";
import { largeSetOptions, writeLargeSet } from "./loader-start/large-set.ts";
import { writePhotographSet } from "./loader-start/photograph-set.ts";
import { type PeerFiles, type PeerWay, ResumePeer } from "./loader-start/resume-peers.ts";
import { demand, median, report } from "./shard-reading/measures.ts";

const NUM_SCENES = 1_000_000;
const NUM_PHOTOGRAPHS = 20_000;
const BATCH = 32;
const NUM_RUNS = 9;
const SHARES = [0.001, 0.5, 0.999];
// A peer's time depends on how far into a file its place is.
const PEER_SHARES = [0.45, 0.5, 0.55];
/** Runs of each share; those that go through thousands of samples take long and differ little. */
const PEER_RUNS: Readonly<Record<PeerWay, number>> = {
  state_dict: 3,
  stateful: 3,
  shuffled: 1,
  "fast-forward": 1,
};

const ownOutcome = z.object({ firstMs: z.number(), batchMs: z.number(), cpuMs: z.number() });
type Measured = z.infer<typeof ownOutcome>;

await using made = await temporaryFolder();
const folder = process.argv[2] ?? made.path;
const [large, photographs] = [join(folder, "million"), join(folder, "photographs")];
const dist = await compiledPackage(join(made.path, "package"));
report("machine", `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
await writeLargeSet(large, NUM_SCENES);
await writePhotographSet(photographs, NUM_PHOTOGRAPHS);
await wholeBatches();
storedSamples();
await warm(photographs);
const own = {
  photographs: ownResumption(photographs, NUM_PHOTOGRAPHS),
  large: ownResumption(large, NUM_SCENES),
};
reportOwn("ours, 20,000 photographs", own.photographs);
reportOwn("ours, the index of 1,000,000 scenes", own.large);
await besidePeers();

/** To a whole batch of 32 photographs, ready for the model, from the loader's opening on: in turns, in this process. */
async function wholeBatches(): Promise<void> {
  const options = largeSetOptions(large);
  const numBatches = Math.floor(NUM_SCENES / BATCH);
  const found = new Map(SHARES.map((share) => [share, [] as Omit<Measured, "firstMs">[]] as const));
  for (let run = 0; run <= NUM_RUNS; run += 1) {
    for (const share of SHARES) {
      const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
      await using loader = await BatchLoader.open(options);
      for await (const _ of loader.batches({ epoch: 0, step: Math.floor(numBatches * share) }))
        break;
      const batchMs = performance.now() - startMs;
      if (run > 0) found.get(share)?.push({ batchMs, cpuMs: cpuMsSince(startCpu) });
    }
  }
  reportShares("open, whole batch", found);
  await using loader = await BatchLoader.open(options);
  stateCost(loader);
}

/** To 32 samples as they are stored, from the set's opening on: in turns, each in a process of its own. */
function storedSamples(): void {
  const found = new Map(SHARES.map((share) => [share, [] as Measured[]] as const));
  for (let run = 0; run <= NUM_RUNS; run += 1) {
    for (const share of SHARES) {
      const measured = ownRun(large, Math.floor((NUM_SCENES / BATCH) * share));
      if (run > 0) found.get(share)?.push(measured);
    }
  }
  reportShares("new process, stored samples", found);
}

function reportShares(
  name: string,
  found: ReadonlyMap<number, readonly Omit<Measured, "firstMs">[]>,
): void {
  const medians = [...found].map(([share, runs]) => {
    const batchMs = median(runs.map((run) => run.batchMs));
    const cpuMs = median(runs.map((run) => run.cpuMs));
    const all = runs.map((run) => run.batchMs);
    const span = `${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)}`;
    report(
      `${name} at ${share * 100} %`,
      `${batchMs.toFixed(1)} ms (${span}), processor ${cpuMs.toFixed(0)} ms`,
    );
    return { batchMs, cpuMs };
  });
  for (const part of ["batchMs", "cpuMs"] as const) {
    const times = medians.map((one) => one[part]);
    const what = part === "batchMs" ? "slowest / fastest (G7a)" : "the same of processor time";
    demand(`  ${what}`, Math.max(...times) / Math.min(...times), { atMost: 1.1, unit: "" });
  }
}

function stateCost(loader: BatchLoader): void {
  const startMs = performance.now();
  for (let run = 0; run < 10_000; run += 1) serializeLoaderState(loader.state());
  const microseconds = (performance.now() - startMs) / 10;
  demand("state (G7c)", serializeLoaderState(loader.state()).length, {
    atMost: 2048,
    unit: "bytes",
  });
  demand("state(), written as JSON (G7c)", microseconds, { atMost: 50, unit: "us" });
}

function ownRun(set: string, step: number): Measured {
  const output = execFileSync(
    process.execPath,
    [
      join(import.meta.dirname, "loader-start/resume-process.mjs"),
      JSON.stringify({ package: pathToFileURL(dist).href, options: largeSetOptions(set), step }),
    ],
    { encoding: "utf8" },
  );
  return ownOutcome.parse(JSON.parse(output));
}

function ownResumption(set: string, numScenes: number): Measured {
  const runs: Measured[] = [];
  for (let run = 0; run < 3; run += 1) {
    for (const share of PEER_SHARES)
      runs.push(ownRun(set, Math.floor((numScenes / BATCH) * share)));
  }
  return medianOf(runs);
}

function reportOwn(name: string, { batchMs, cpuMs, firstMs }: Measured): void {
  report(
    name,
    `next sample ${firstMs.toFixed(0)} ms, 32 samples ${batchMs.toFixed(0)} ms, processor ${cpuMs.toFixed(0)} ms`,
  );
}

async function besidePeers(): Promise<void> {
  const peer = await ResumePeer.make();
  const peerFolder = join(made.path, "peer");
  await mkdir(peerFolder);
  const arrow = await peer.writeArrow(peerFolder, NUM_PHOTOGRAPHS);
  await besideFormat(peer, arrow);
  await besideFormat(peer, await peer.writeParquet(peerFolder, arrow));
}

/** All of them give the samples as they are stored; ours and "shuffled" in another order, the others file by file. */
async function besideFormat(peer: ResumePeer, files: PeerFiles): Promise<void> {
  const { format, paths, sizeBytes } = files;
  report(`Hugging Face, ${format}`, `${paths.length} files, ${(sizeBytes / 1e6).toFixed(0)} MB`);
  const counts = PEER_SHARES.map((share) => NUM_PHOTOGRAPHS * share);
  for (const way of ["state_dict", "stateful", "shuffled", "fast-forward"] as const) {
    const states = await peer.states(files, way, counts);
    const runs: Measured[] = [];
    for (let run = 0; run < PEER_RUNS[way]; run += 1) {
      for (const state of states) runs.push(await peer.resume(files, way, state));
    }
    reportPeer(`${format}, ${way}`, medianOf(runs));
  }
}

function reportPeer(name: string, peer: Measured): void {
  reportOwn(`  ${name}`, peer);
  for (const part of ["batchMs", "cpuMs"] as const) {
    const what = part === "batchMs" ? "to 32 samples (G7b)" : "processor time to 32 samples";
    const ratio = peer[part] / own.photographs[part];
    demand(`    ${what}`, ratio, { atLeast: 50, unit: "times" });
  }
  const beside = (peer.batchMs / own.large.batchMs).toFixed(1);
  report("    beside ours with the index of 1,000,000", `${beside} times`);
  if (!name.endsWith("fast-forward")) return;
  // It goes through every sample before its place: what it took for one of them, for half of a million of them.
  const seconds = (peer.batchMs / (NUM_PHOTOGRAPHS / 2)) * (NUM_SCENES / 2) * 1e-3;
  const ratio = (seconds * 1e3) / own.large.batchMs;
  report(
    "    at 50 % of 1,000,000, reckoned",
    `${seconds.toFixed(0)} s, ${ratio.toFixed(0)} times`,
  );
}

function medianOf(runs: readonly Measured[]): Measured {
  return {
    firstMs: median(runs.map((run) => run.firstMs)),
    batchMs: median(runs.map((run) => run.batchMs)),
    cpuMs: median(runs.map((run) => run.cpuMs)),
  };
}

function cpuMsSince(start: NodeJS.CpuUsage): number {
  const { system, user } = process.cpuUsage(start);
  return (system + user) / 1000;
}
