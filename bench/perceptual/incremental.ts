// What an audit costs when a set of 1 % more pictures comes to one that was audited before, and whether its verdict is that
// of an audit from nothing:
//
//   node bench/perceptual/incremental.ts [copies of each photograph]
//
// Each picture is a photograph with a comment of its own, so that none is known from another one, and so are its five
// captions; texts are compared as well. Goal: 3 % of the time at most. All audits are of one process, so that its start counts
// for the first. Seconds of wall and of processor; the latter depend less on what else the machine does.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditShardSets } from "../../src/cli/auditing/shard-set-audit.ts";
import { silentProgress } from "../../src/core/progress.ts";
import type { Scene, SplitRole } from "../../src/core/records.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import { commitSplit, photographScenes } from "../../test/loader/shard-set-fixture.ts";
import { markedScenes } from "./marked-photographs.ts";

const copies = Number(process.argv[2] ?? 100);
const NUM_EVALUATED = 11;

const folder = await mkdtemp(join(tmpdir(), "crossweave-incremental-"));
try {
  process.env["CROSSWEAVE_CACHE"] = join(folder, "cache");
  await main();
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const scenes = await photographScenes();
  const trained = scenes.slice(NUM_EVALUATED);
  const numTrained = copies * trained.length;
  const numAdded = Math.ceil(numTrained / 100);
  await writeSet("evaluated", "eval", scenes.slice(0, NUM_EVALUATED));
  await writeSet("trained", "train", markedScenes(trained, { from: 0, to: numTrained }));
  const added = { from: numTrained, to: numTrained + numAdded };
  await writeSet("added", "train", markedScenes(trained, added));
  const first = await measure(`${numTrained} pictures`, ["evaluated", "trained"]);
  const all = ["evaluated", "trained", "added"];
  const more = await measure(`${numAdded} more`, all);
  await rm(join(folder, "cache"), { recursive: true });
  const whole = await measure("all, from nothing", all);
  const share = (100 * more.cpuSeconds) / first.cpuSeconds;
  const isSame = more.digest === whole.digest ? "the same verdict" : "ANOTHER VERDICT";
  process.stdout.write(`${share.toFixed(1)} % of the processor time for 1 % more; ${isSame}\n`);
}

async function writeSet(name: string, role: SplitRole, scenes: Iterable<Scene>): Promise<void> {
  const to = join(folder, name);
  await using writer = await SplitWriter.create({ folder: to, split: role, role });
  for (const scene of scenes) await writer.append(scene);
  await commitSplit(to, await writer.finish(), name);
}

async function measure(
  name: string,
  sets: readonly string[],
): Promise<{ readonly cpuSeconds: number; readonly digest: string }> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  const { signal } = new AbortController();
  const folders = sets.map((set) => join(folder, set));
  const options = { progress: silentProgress, signal, near: {}, withTexts: true };
  const { verdict } = await auditShardSets(folders, options);
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  const seconds = (performance.now() - startMs) / 1000;
  const memory = (process.resourceUsage().maxRSS / 1024).toFixed(0);
  process.stdout.write(
    `${name.padEnd(24)}${seconds.toFixed(1).padStart(8)} s${cpuSeconds.toFixed(1).padStart(8)} s of processor, ${memory} MB at most\n`,
  );
  return { cpuSeconds, digest: verdict.digest };
}
