import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** What a program used from its start to its end. */
export interface Usage {
  readonly wallSeconds: number;
  /** Of all its threads. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

const root = join(import.meta.dirname, "../..");
const ONE_CORE = existsSync("/usr/bin/taskset") ? ["taskset", "-c", "0"] : [];

const PYTHON = `import json, sys, time
for path in sys.argv[1:]:
    document = json.load(open(path))
    del document
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
print("\\nused", time.process_time(), peak, file=sys.stderr)`;

/** Runs `crossweave` on one core (where taskset is) and measures it. Throws when it fails. */
export function measureCrossweave(args: readonly string[]): Promise<Usage> {
  const usage = join(root, "bench/full-size/report-usage.ts");
  return measure([process.execPath, "--import", usage, join(root, "src/cli/main.ts"), ...args]);
}

/** Python's json.load of the files, one after the other, measured in the same way. */
export function measurePython(paths: readonly string[]): Promise<Usage> {
  return measure(["python3", "-c", PYTHON, ...paths]);
}

async function measure(command: readonly string[]): Promise<Usage> {
  const start = performance.now();
  const [program = "", ...args] = [...ONE_CORE, ...command];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let told = "";
  child.stderr.on("data", (chunk: Buffer) => (told += chunk.toString()));
  const [exitCode]: unknown[] = await once(child, "close");
  const wallSeconds = (performance.now() - start) / 1000;
  const [, cpuSeconds, peakKibibytes] = /\nused (\S+) (\d+)\n/.exec(told) ?? [];
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed:\n${told}`);
  return { wallSeconds, cpuSeconds: Number(cpuSeconds), peakBytes: Number(peakKibibytes) * 1024 };
}
