import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseClusterConfig } from "../../../src/tensor/cluster/cluster-config.ts";
import { readMetrics } from "../../../src/train/run/run-folder.ts";
import type { RunningProgram } from "../running-program.ts";

export interface RankProcess {
  readonly rank: number;
  readonly pid: number;
}

/** The ranks that a `crossweave train --ranks` has started, as Linux tells them. */
export async function rankProcesses({ child }: RunningProgram): Promise<RankProcess[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => rankOf(pid, child.pid)));
  return found.flatMap((rank) => rank ?? []);
}

async function rankOf(pid: number, parent: number | undefined): Promise<RankProcess | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    if (/^PPid:\t(\d+)$/m.exec(status)?.[1] !== String(parent)) return undefined;
    const environment = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0");
    const text = environment.find((entry) => entry.startsWith("TF_CONFIG="));
    const config = parseClusterConfig(text?.slice("TF_CONFIG=".length));
    return config === undefined ? undefined : { pid, rank: config.rank };
  } catch {
    return undefined; // it has ended
  }
}

/** Kills a rank once the run in `folder` has made so many steps. */
export async function killRank(
  program: RunningProgram,
  rank: number,
  { afterSteps, folder }: { readonly folder: string; readonly afterSteps: number },
): Promise<void> {
  while ((await stepsOf(folder)) < afterSteps) await sleep(10);
  const process = (await rankProcesses(program)).find((each) => each.rank === rank);
  if (process === undefined) throw new Error(`rank ${rank} does not run`);
  globalThis.process.kill(process.pid, "SIGKILL");
}

async function stepsOf(folder: string): Promise<number> {
  return (await readMetrics(folder)).length;
}
