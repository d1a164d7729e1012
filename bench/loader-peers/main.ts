// Throughput beside the loaders that people use, on the same photographs in the same run:
//
//   node bench/loader-peers/main.ts [row…] [--seconds N] [--rounds N]
//
// Rows: whole, crop, pairs, floor, cores; all when none is named. Needs python3 and, the first time, a package index: the
// peers get a Python of their own in the cache folder. Each contestant is a process, with all that it starts bound to the same
// two cores. Each peer first runs with 4, 2, 1 and 0 worker processes and keeps the best; ours always has two workers. Then all
// take turns, a window of N seconds each, round after round. Ratios are of the same round, and their median is judged.
//
// The whole of it takes about a quarter of an hour on a machine that has nothing else to do, as it should. For windows as
// long as LOADERS' protocol has them: --seconds 30, which takes two hours.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";

import { temporaryFolder } from "../../test/loader/shard-set-fixture.ts";
import { pythonEnvironment } from "../../test/python-environment.ts";
import { realData } from "../../test/real-data.ts";
import { canBind, type Plan } from "./contestant.ts";
import { measureRow, type Result } from "./measure.ts";
import { layOutPhotographs, type Photographs } from "./photographs.ts";
import { reportRow, type Verdict } from "./report.ts";
import { rows } from "./rows.ts";

const TELLING_FLAGS = ["avx2", "avx512bw", "sha_ni", "asimd"];
const QUIET_LOAD = 0.5;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
  },
});
const windows = { seconds: Number(values.seconds), rounds: Number(values.rounds) };
const unknown = positionals.filter((name) => !rows.some(({ key }) => key === name));
if (unknown.length > 0) {
  console.log(`no row ${unknown.join(", ")}; there are ${rows.map(({ key }) => key).join(", ")}`);
} else {
  await main();
}

async function main(): Promise<void> {
  const startMs = performance.now();
  const load = loadavg()[0] ?? 0;
  await using folder = await temporaryFolder();
  const chosen = rows.filter(({ key }) => positionals.length === 0 || positionals.includes(key));
  const hasPeers = chosen.some((row) => row.contestants.some(isPeer));
  const python = hasPeers
    ? await pythonEnvironment("requirements.txt", `${import.meta.dirname}/python`)
    : undefined;
  const photographs = await layOutPhotographs(folder.path);
  describe(photographs, load);
  const place = { data: folder.path, vocabulary: realData("bert/vocab.txt"), python };
  const results: Result[] = [];
  const verdicts: Verdict[] = [];
  for (const row of chosen) {
    try {
      const ofRow = await measureRow(row, place, windows);
      verdicts.push(...reportRow(row, ofRow));
      results.push(...ofRow);
    } catch (error) {
      console.log(`\n${row.title}\n  NOT MEASURED: ${String(error)}`);
    }
  }
  describeBatches(results);
  summarize(verdicts);
  console.log(`\n${((performance.now() - startMs) / 60_000).toFixed(1)} minutes`);
}

function isPeer({ order }: Plan): boolean {
  return order.program === "peer";
}

function describe(photographs: Photographs, load: number): void {
  const { meanBytes, numFiles, numPictures, seekTableShare } = photographs;
  const kilobytes = (meanBytes / 1000).toFixed(0);
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, ${cpuFlags()}; commit ${commit()}`);
  console.log(
    `${numPictures} photographs of COCO under ${numFiles} names, ${kilobytes} KB each, in the page cache; ${windows.rounds} rounds of ${windows.seconds} s`,
  );
  console.log(`seek tables add ${(100 * seekTableShare).toFixed(1)} % to them where rows say so`);
  if (!canBind) console.log("taskset is missing: our processes are not bound to two cores");
  if (load > QUIET_LOAD) {
    console.log(`NOISY: the machine had other work to do (load ${load.toFixed(2)})`);
  }
}

function cpuFlags(): string {
  try {
    const [, flags = ""] =
      /^(?:flags|Features)\s*: (.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8")) ?? [];
    const has = new Set(flags.split(" "));
    return TELLING_FLAGS.filter((flag) => has.has(flag)).join(" ");
  } catch {
    return "flags unknown";
  }
}

function commit(): string {
  const isClean = git("status", "--porcelain") === "";
  return git("rev-parse", "--short", "HEAD") + (isClean ? "" : " with changes");
}

function git(...args: string[]): string {
  return execFileSync("git", args, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
}

function summarize(verdicts: readonly Verdict[]): void {
  const missed = verdicts.filter(({ isMet }) => !isMet);
  console.log(`\n${verdicts.length - missed.length} of ${verdicts.length} demands met`);
  for (const { text } of missed) console.log(`  ${text}`);
}

function describeBatches(results: readonly Result[]): void {
  console.log("\nBatches, and what made them");
  const versions = new Map<string, string>();
  const batches = new Map<string, string[]>();
  for (const {
    plan,
    versions: own,
    windows: [window],
  } of results) {
    for (const [name, version] of Object.entries(own)) versions.set(name, version);
    const shape = window?.batch ?? "none";
    batches.set(shape, [...(batches.get(shape) ?? []), plan.name]);
  }
  for (const [shape, names] of batches) {
    console.log(`  ${shape}: ${[...new Set(names)].join("; ")}`);
  }
  for (const [name, version] of versions) console.log(`  ${name} ${version}`);
  console.log(
    "  cores: processor time by wall time; level: the mean of one value of each page, 0 to 255, alike where the work is",
  );
  console.log(
    "  not measured, because not at hand: torchvision's own decoder, TensorFlow's DecodeAndCropJpeg, Pillow-SIMD, DALI, FFCV",
  );
}
