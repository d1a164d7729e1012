import { spawn } from "node:child_process";
import { once } from "node:events";
import { type CrossweaveError, IncompleteError } from "../../core/errors.ts";

/** A program and its arguments. */
export type ChildCommand = readonly [string, ...string[]];

/** How a program ended; the texts are the last 64 KiB of each stream. */
export interface ChildResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
}

const KEPT_CHARACTERS = 65_536;
const GRACE_MS = 2_000;

/**
 * Runs a program in a process group of its own; an abort ends the whole group, whatever it has
 * started, and is thrown once it has ended. Throws ENOENT when there is no such program.
 */
export async function runChild(
  command: ChildCommand,
  options: ChildOptions = {},
): Promise<ChildResult> {
  options.signal?.throwIfAborted();
  const [program, ...args] = command;
  const child = spawn(program, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: options.env ?? process.env,
    cwd: options.cwd,
  });
  const texts = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.stdout = (texts.stdout + text).slice(-KEPT_CHARACTERS);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.stderr = (texts.stderr + text).slice(-KEPT_CHARACTERS);
  });
  const stop = (): void => endGroup(child.pid);
  options.signal?.addEventListener("abort", stop, { once: true });
  try {
    await once(child, "close");
  } finally {
    options.signal?.removeEventListener("abort", stop);
  }
  options.signal?.throwIfAborted();
  return { exitCode: child.exitCode, ...texts };
}

/** The last lines of a program's complaint, for an error's text. */
export function lastLines(result: ChildResult, count = 6): string {
  const text = result.stderr.trim() === "" ? result.stdout : result.stderr;
  return text.trim().split("\n").slice(-count).join("\n");
}

/** The error of a failed program: IncompleteError when the disk was full, else the given one. */
export function childFault(result: ChildResult, otherwise: CrossweaveError): CrossweaveError {
  if (!/No space left on device|Errno 28|ENOSPC/.test(result.stderr + result.stdout))
    return otherwise;
  return new IncompleteError(`no space is left on the disk: ${lastLines(result, 1)}`, {
    remedy:
      "free some space (or point CROSSWEAVE_CACHE at a larger disk) and run the same command again; it goes on from here",
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  signalGroup(pid, "SIGTERM");
  setTimeout(() => signalGroup(pid, "SIGKILL"), GRACE_MS).unref();
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // The group has already ended.
  }
}
