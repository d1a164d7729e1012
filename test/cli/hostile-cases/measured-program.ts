import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type EndedProgram, RunningProgram } from "../running-program.ts";

const main = join(import.meta.dirname, "../../../src/cli/main.ts");
const WATCH_INTERVAL_MS = 20;
/** For a machine that is busy with other things; what the list demands is checked on the measured time. */
const GIVE_UP_MS = 60_000;

export interface MeasuredEnd extends EndedProgram {
  readonly seconds: number;
  /** The most resident memory that the program and the processes that it started had at one time; null without /proc. */
  readonly peakMiB: number | null;
}

/** Runs the program as its own process and watches its time and its memory. */
export async function measuredRun(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  giveUpMs: number = GIVE_UP_MS,
): Promise<MeasuredEnd> {
  const startMs = performance.now();
  const program = new RunningProgram(main, args, environment);
  const { pid } = program.child;
  let peakKiB = 0;
  const watch = setInterval(() => {
    if (pid !== undefined) peakKiB = Math.max(peakKiB, residentKiB(pid));
    if (performance.now() - startMs > giveUpMs) program.child.kill("SIGKILL");
  }, WATCH_INTERVAL_MS);
  try {
    const ended = await program.ended;
    const seconds = (performance.now() - startMs) / 1000;
    return { ...ended, seconds, peakMiB: peakKiB === 0 ? null : peakKiB / 1024 };
  } finally {
    clearInterval(watch);
  }
}

/** Of a process and all that it started. */
function residentKiB(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const own = Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
    return childrenOf(pid).reduce((sum, child) => sum + residentKiB(child), own);
  } catch {
    return 0; // it has ended, or there is no /proc
  }
}

function childrenOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.flatMap((thread) => {
    const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").trim();
    return children === "" ? [] : children.split(" ").map(Number);
  });
}
