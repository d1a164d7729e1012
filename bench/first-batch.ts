// How long a fresh process takes to its first batch, with 2 workers and a set of 1,000,000 scenes (issue 5, G6a):
// `node bench/first-batch.ts [folder of the set; written there unless it has one]`. About 2 minutes with the writing.
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { z } from "zod";

import type { LoaderOptions } from "../src/loader/options.ts";
import { temporaryFolder } from "../test/loader/shard-set-fixture.ts";
import { compiledPackage } from "./loader-start/compiled-package.ts";
import { largeSetOptions, writeLargeSet } from "./loader-start/large-set.ts";
import { demand, median, report } from "./shard-reading/measures.ts";
import { dropFromPageCache } from "./shard-reading/page-cache.ts";

const NUM_SCENES = 1_000_000;
const NUM_RUNS = 5;
const DEMAND = { atMost: 400, unit: "ms" } as const;

const outcome = z.object({
  loadedMs: z.number(),
  openMs: z.number(),
  fromOpenMs: z.number(),
  endedAt: z.number(),
  cpuMs: z.number(),
});

await using made = await temporaryFolder();
const set = process.argv[2] ?? join(made.path, "set");
report("machine", `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
await writeLargeSet(set, NUM_SCENES);
const dist = await compiledPackage(join(made.path, "package"));
const compiled = pathToFileURL(join(dist, "loader/batch-loader.js")).href;
const sources = pathToFileURL(resolve(import.meta.dirname, "../src/loader/batch-loader.ts")).href;
// Node keeps compiled modules, and stripped sources, in a folder that this variable names; threads use it as well. The
// command line sets it, for whoever opens a loader of his own it is his to set.
const kept = { NODE_COMPILE_CACHE: join(made.path, "compiled") };
const ways: Readonly<Record<string, Way>> = {
  "compiled package": { module: compiled, caches: ["warm", "cold"], pictures: [16, 32] },
  "compiled package, a set never opened before": {
    module: compiled,
    caches: ["warm"],
    pictures: [16],
    forgets: true,
  },
  "compiled package, compile cache": {
    module: compiled,
    env: kept,
    caches: ["warm", "cold"],
    pictures: [16, 32],
  },
  sources: { module: sources, caches: ["warm"], pictures: [16] },
  "sources, compile cache": { module: sources, env: kept, caches: ["warm"], pictures: [16] },
};
for (const [name, way] of Object.entries(ways)) {
  for (const picturesPerBatch of way.pictures) {
    for (const cache of way.caches) {
      await measure(`${name}, ${picturesPerBatch} pictures, ${cache}`, {
        ...way,
        cache,
        options: largeSetOptions(set, { batching: { kind: "pictures", picturesPerBatch } }),
      });
    }
  }
}

interface Way {
  readonly module: string;
  /** Beside the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
  readonly caches: readonly ("warm" | "cold")[];
  readonly pictures: readonly number[];
  /** Whether nothing is known of the set's index when a process starts. */
  readonly forgets?: boolean;
}

interface Start extends Way {
  readonly options: LoaderOptions;
  readonly cache: "warm" | "cold";
}

/** Cold: the set is not in the page cache; Node and the package are. */
async function measure(name: string, start: Start): Promise<void> {
  const { cache, env = {}, forgets = false, module, options } = start;
  const runs: { fromStart: number; fromOpenMs: number; loadedMs: number; cpuMs: number }[] = [];
  for (let run = 0; run <= NUM_RUNS; run += 1) {
    if (cache === "cold") dropFromPageCache([set]);
    const startedAt = performance.timeOrigin + performance.now();
    const output = execFileSync(
      process.execPath,
      [
        join(import.meta.dirname, "loader-start/first-batch-process.mjs"),
        JSON.stringify({ module, options, from: { epoch: 0, step: 0 } }),
      ],
      {
        encoding: "utf8",
        env: {
          ...process.env,
          ...env,
          CROSSWEAVE_CACHE: join(made.path, forgets ? `forgotten-${run}` : "cache"),
        },
      },
    );
    if (run === 0) continue; // warms up what is to be warm
    const { endedAt, ...found } = outcome.parse(JSON.parse(output));
    runs.push({ ...found, fromStart: endedAt - startedAt });
  }
  const cpuMs = median(runs.map((run) => run.cpuMs)).toFixed(0);
  const loadedMs = median(runs.map((run) => run.loadedMs)).toFixed(0);
  report(name, `modules loaded after ${loadedMs} ms, processor time of all threads ${cpuMs} ms`);
  demand("  from BatchLoader.open()", median(runs.map((run) => run.fromOpenMs)), DEMAND);
  demand("  from the process's start", median(runs.map((run) => run.fromStart)), DEMAND);
}
