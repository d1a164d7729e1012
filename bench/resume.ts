// How long a loader of 1,000,000 samples takes to its next batch anywhere in an epoch, beside Hugging Face's streamed
// data sets (issue 5, G7): `node bench/resume.ts [folder of the set; written there unless it has one]`. About 2 minutes.
import { mkdtemp } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import { BatchLoader } from "../src/loader/batch-loader.ts";
import { BatchComposer } from "../src/loader/batching/batch-composer.ts";
import { serializeLoaderState } from "../src/loader/batching/loader-state.ts";
import { emptyTable } from "../src/loader/batching/scene-table.ts";
import { SampleSource } from "../src/loader/sample-source.ts";
import { temporaryFolder } from "../test/loader/shard-set-fixture.ts";
import { pythonEnvironment } from "../test/python-environment.ts";
import { largeSetOptions, measuredShares, writeLargeSet } from "./loader-start/large-set.ts";
import { demand, median, report } from "./shard-reading/measures.ts";

const NUM_SCENES = 1_000_000;
const NUM_RUNS = 5;
const PEER_SHARES = [0.5, 0.99];

const peerOutcome = z.object({
  version: z.string(),
  stateBytes: z.number(),
  /** To the next sample and to the 32nd, of each run by share. */
  seconds: z.record(z.string(), z.array(z.tuple([z.number(), z.number()]))),
});

await using made = await temporaryFolder();
const set = process.argv[2] ?? join(made.path, "set");
const options = largeSetOptions(set);
report("machine", `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
await writeLargeSet(set, NUM_SCENES);
await nextBatches();
const own = await nextSamples();
await peer({ numFiles: 1, buffer: 0 });
await peer({ numFiles: 64, buffer: 1000 });

/** To a whole batch of 32 photographs, ready for the model, from the loader's opening on. */
async function nextBatches(): Promise<void> {
  const shares = measuredShares.filter((share) => share > 0);
  const times = new Map(shares.map((share) => [share, [] as number[]] as const));
  const numBatches = Math.floor(NUM_SCENES / 32);
  for (let run = 0; run <= NUM_RUNS; run += 1) {
    for (const share of shares) {
      const startMs = performance.now();
      await using loader = await BatchLoader.open(options);
      for await (const _ of loader.batches({ epoch: 0, step: Math.floor(numBatches * share) }))
        break;
      if (run > 0) times.get(share)?.push(performance.now() - startMs);
    }
  }
  const medians = shares.map((share) => median(times.get(share) ?? []));
  for (const [index, share] of shares.entries()) {
    const found = times.get(share) ?? [];
    const span = `${Math.min(...found).toFixed(0)} to ${Math.max(...found).toFixed(0)}`;
    report(`open, batch at ${share * 100} %`, `${medians[index]?.toFixed(1)} ms (${span})`);
  }
  demand("  slowest of these / fastest (G7a)", Math.max(...medians) / Math.min(...medians), {
    atMost: 1.1,
    unit: "",
  });
  await using loader = await BatchLoader.open(options);
  stateCost(loader);
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

interface Resumption {
  /** Milliseconds to the next sample, and to the last one of a batch. */
  readonly first: number;
  readonly batch: number;
}

/** To the next samples as they are stored, each time from sets opened anew: what the peer gives. */
async function nextSamples(): Promise<Resumption> {
  const [first, batch]: [number[], number[]] = [[], []];
  for (let run = 0; run < NUM_RUNS; run += 1) {
    for (const share of PEER_SHARES) {
      await using source = await SampleSource.open(options.sets);
      const took = await readSamples(source, Math.floor((NUM_SCENES / 32) * share));
      first.push(took.first);
      batch.push(took.batch);
    }
  }
  return { first: median(first), batch: median(batch) };
}

async function readSamples(source: SampleSource, index: number): Promise<Resumption> {
  const startMs = performance.now();
  const sets = [{ numScenes: source.numSamples, weight: undefined }];
  const composer = new BatchComposer({ options, sets, table: emptyTable });
  const { samples } = composer.compose(0, index, { pool: 0, bucket: 0, index });
  let first = 0;
  for (const { sampleIndex } of samples) {
    await source.head(sampleIndex);
    await source.pictureBytes(sampleIndex, 0);
    if (first === 0) first = performance.now() - startMs;
  }
  return { first, batch: performance.now() - startMs };
}

async function peer({ buffer, numFiles }: { numFiles: number; buffer: number }): Promise<void> {
  const python = join(import.meta.dirname, "loader-start/python");
  const environment = await pythonEnvironment("requirements.txt", python);
  const folder = await mkdtemp(join(made.path, "peer-"));
  const given = [folder, NUM_SCENES, numFiles, buffer, ...PEER_SHARES].map(String);
  const output = await environment.run("resume_peer.py", given);
  const { seconds, stateBytes, version } = peerOutcome.parse(JSON.parse(output));
  const order = buffer === 0 ? "in order" : `shuffled in a buffer of ${buffer}`;
  report(`datasets ${version}, ${numFiles} files, ${order}`, `state ${stateBytes} bytes`);
  for (const [share, found] of Object.entries(seconds)) {
    const at = `at ${Number(share) * 100} %`;
    const first = median(found.map(([one]) => one * 1000));
    const batch = median(found.map(([, all]) => all * 1000));
    report(`  next sample, 32 samples ${at}`, `${first.toFixed(1)} ms, ${batch.toFixed(1)} ms`);
    report("    ours", `${own.first.toFixed(2)} ms, ${own.batch.toFixed(1)} ms`);
    demand("    to the next sample (G7b)", first / own.first, { atLeast: 50, unit: "times" });
    report("    to 32 samples", `${(batch / own.batch).toFixed(1)} times`);
  }
}
