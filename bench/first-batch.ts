// How long a fresh process takes to its first batch, with 2 workers and a set of 1,000,000 scenes (issue 5, G6a):
// `node bench/first-batch.ts [folder of the set; written there unless it has one]`. About 2 minutes with the writing.
import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { z } from "zod";

import type { LoaderOptions } from "../src/loader/options.ts";
import { temporaryFolder } from "../test/loader/shard-set-fixture.ts";
import { largeSetOptions, writeLargeSet } from "./loader-start/large-set.ts";
import { demand, median, report } from "./shard-reading/measures.ts";
import { dropFromPageCache } from "./shard-reading/page-cache.ts";

const NUM_SCENES = 1_000_000;
const NUM_RUNS = 5;
const DEMAND = { atMost: 400, unit: "ms" } as const;
const root = resolve(import.meta.dirname, "..");

const outcome = z.object({
  loadedMs: z.number(),
  openMs: z.number(),
  fromOpenMs: z.number(),
  endedAt: z.number(),
});

await using made = await temporaryFolder();
const set = process.argv[2] ?? join(made.path, "set");
report("machine", `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
await writeLargeSet(set, NUM_SCENES);
const compiled = await compiledPackage(join(made.path, "package"));
const sources = pathToFileURL(join(root, "src/loader/batch-loader.ts")).href;
// Node keeps compiled modules, and stripped sources, in a folder that this variable names; threads use it as well.
const kept = { NODE_COMPILE_CACHE: join(made.path, "compiled") };
const ways = {
  "compiled package": { module: compiled, env: {} },
  "compiled package, compile cache": { module: compiled, env: kept },
  sources: { module: sources, env: {} },
  "sources, compile cache": { module: sources, env: kept },
};
for (const picturesPerBatch of [16, 32]) {
  for (const [name, way] of Object.entries(ways)) {
    for (const cache of ["warm", "cold"] as const) {
      await measure(`${name}, ${picturesPerBatch} pictures, ${cache}`, {
        ...way,
        cache,
        options: largeSetOptions(set, { batching: { kind: "pictures", picturesPerBatch } }),
      });
    }
  }
}

interface Start {
  readonly module: string;
  /** Beside the environment of this process. */
  readonly env: NodeJS.ProcessEnv;
  readonly options: LoaderOptions;
  readonly cache: "warm" | "cold";
}

/** Cold: the set is not in the page cache; Node and the package are. */
async function measure(name: string, { cache, env, module, options }: Start): Promise<void> {
  const [fromStart, fromOpen, loaded]: [number[], number[], number[]] = [[], [], []];
  for (let run = 0; run <= NUM_RUNS; run += 1) {
    if (cache === "cold") dropFromPageCache([set]);
    const startedAt = performance.timeOrigin + performance.now();
    const output = execFileSync(
      process.execPath,
      [
        join(import.meta.dirname, "loader-start/first-batch-process.mjs"),
        JSON.stringify({ module, options, from: { epoch: 0, step: 0 } }),
      ],
      { encoding: "utf8", env: { ...process.env, ...env } },
    );
    if (run === 0) continue; // warms up what is to be warm
    const { endedAt, fromOpenMs, loadedMs } = outcome.parse(JSON.parse(output));
    fromStart.push(endedAt - startedAt);
    fromOpen.push(fromOpenMs);
    loaded.push(loadedMs);
  }
  report(name, `modules loaded after ${median(loaded).toFixed(0)} ms`);
  demand("  from BatchLoader.open()", median(fromOpen), DEMAND);
  demand("  from the process's start", median(fromStart), DEMAND);
}

/** What `npm run build` makes, in a folder of its own beside links to what the package brings. */
async function compiledPackage(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const dist = join(folder, "dist");
  execFileSync(join(root, "node_modules/.bin/tsc"), [
    "-p",
    join(root, "tsconfig.build.json"),
    "--outDir",
    dist,
  ]);
  for (const name of ["node_modules", "native"])
    await symlink(join(root, name), join(folder, name));
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  return pathToFileURL(join(dist, "loader/batch-loader.js")).href;
}
