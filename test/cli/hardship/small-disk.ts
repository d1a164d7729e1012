import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { EndedProgram } from "../running-program.ts";
import { main } from "./tiny-world.ts";

const NODE = process.execPath;

/** Root mounts in a mount namespace of its own; anyone else needs a user namespace for it. */
const namespaces = [
  { unshare: ["--mount"], nsenter: ["--mount"] },
  {
    unshare: ["--user", "--map-root-user", "--mount"],
    nsenter: ["--user", "--preserve-credentials", "--mount"],
  },
] as const;
type Namespace = (typeof namespaces)[number];

/** A file system of a given size that only commands run through it see; it goes with its disposal. */
export class SmallDisk implements AsyncDisposable {
  /** Where commands find it. */
  readonly path: string;
  readonly #holder: ChildProcess;
  readonly #namespace: Namespace;

  private constructor(path: string, holder: ChildProcess, namespace: Namespace) {
    this.path = path;
    this.#holder = holder;
    this.#namespace = namespace;
  }

  /** Throws when neither root's way nor a user namespace lets this process mount anything. */
  static async mount(options: string): Promise<SmallDisk> {
    const path = await mkdtemp(join(tmpdir(), "crossweave-disk-"));
    const faults: string[] = [];
    for (const namespace of namespaces) {
      const script = `mount -t tmpfs -o ${options} tmpfs ${path} && echo ready && exec sleep 600`;
      const holder = spawn("unshare", [...namespace.unshare, "sh", "-c", script]);
      let told = "";
      holder.stderr.on("data", (chunk: Buffer) => (told += chunk.toString()));
      const isReady = await Promise.race([
        once(holder.stdout, "data").then(() => true),
        once(holder, "close").then(() => false),
      ]);
      if (isReady) return new SmallDisk(path, holder, namespace);
      faults.push(told.trim());
    }
    throw new Error(`nothing can be mounted here: ${faults.join("; ")}`);
  }

  /** Where this process finds what lies on it. */
  inside(...parts: readonly string[]): string {
    return join(`/proc/${this.#holder.pid}/root${this.path}`, ...parts);
  }

  /** Runs the command line where the disk is. */
  async run(args: readonly string[]): Promise<EndedProgram> {
    try {
      const { stdout, stderr } = await this.#enter([NODE, main, ...args]);
      return { exitCode: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = outputOf(error);
      return { exitCode: code, stdout, stderr };
    }
  }

  /** Mounts it anew with other options, such as a larger size; what lies on it stays. */
  async remount(options: string): Promise<void> {
    // Named in full: `mount` would else repeat the options of a user namespace, which are refused.
    await this.#enter(["mount", "-t", "tmpfs", "-o", `remount,${options}`, "tmpfs", this.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill("SIGKILL");
    await once(this.#holder, "close");
    await rm(this.path, { recursive: true });
  }

  #enter(command: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    const into = ["--target", String(this.#holder.pid), ...this.#namespace.nsenter];
    return promisify(execFile)("nsenter", [...into, `--wdns=${process.cwd()}`, "--", ...command]);
  }
}

function outputOf(error: unknown): { code: number; stdout: string; stderr: string } {
  if (typeof error !== "object" || error === null || !("code" in error)) throw error;
  const [stdout, stderr] = ["stdout", "stderr"].map((name) => String(Reflect.get(error, name)));
  return { code: Number(error.code), stdout: stdout ?? "", stderr: stderr ?? "" };
}
