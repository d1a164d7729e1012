import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type EndedProgram, RunningProgram } from "../running-program.ts";

const main = join(import.meta.dirname, "../../../src/cli/main.ts");
const WATCH_INTERVAL_MS = 20;
/** For a machine that is busy with other things; what the list demands is checked on the measured time. */
const GIVE_UP_MS = 60_000;

export interface MeasuredEnd extends EndedProgram {
  readonly seconds: number;
  /** The most resident memory that the program had, as the kernel keeps it, and at the same time its processes; null without /proc. */
  readonly peakMiB: number | null;
  /** What the program's threads took of processors, but for the last milliseconds; null without /proc. */
  readonly cpuSeconds: number | null;
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
  let [peakKiB, cpuSeconds] = [0, 0];
  const watch = setInterval(() => {
    if (pid !== undefined) {
      peakKiB = Math.max(peakKiB, mostResidentKiB(pid));
      cpuSeconds = Math.max(cpuSeconds, cpuSecondsOf(pid));
    }
    if (performance.now() - startMs > giveUpMs) program.child.kill("SIGKILL");
  }, WATCH_INTERVAL_MS);
  try {
    const ended = await program.ended;
    const seconds = (performance.now() - startMs) / 1000;
    const isMeasured = peakKiB > 0;
    return {
      ...ended,
      seconds,
      peakMiB: isMeasured ? peakKiB / 1024 : null,
      cpuSeconds: isMeasured ? cpuSeconds : null,
    };
  } finally {
    clearInterval(watch);
  }
}

/** Of a process and all that it started: the sum of the most that each of them has had since it began. */
function mostResidentKiB(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const own = Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
    return childrenOf(pid).reduce((sum, child) => sum + mostResidentKiB(child), own);
  } catch {
    return 0; // it has ended, or there is no /proc
  }
}

const TICKS_PER_SECOND = 100;
/** Where the times in user and kernel mode stand behind the program's name in /proc/<pid>/stat. */
const [USER_TICKS, KERNEL_TICKS] = [11, 12];

function cpuSecondsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[USER_TICKS]) + Number(fields[KERNEL_TICKS])) / TICKS_PER_SECOND;
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
