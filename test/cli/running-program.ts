import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";

export interface EndedProgram {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs as its own process, with both outputs piped. */
export class RunningProgram {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<EndedProgram>;
  #stdout = "";
  #stderr = "";

  constructor(file: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const { FORCE_COLOR: _force, NO_COLOR: _no, ...inherited } = process.env;
    this.child = spawn(process.execPath, [file, ...args], {
      env: { ...inherited, ...environment },
    });
    this.child.stdout.on("data", (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    this.child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.ended = this.#end();
  }

  /** Waits until stderr holds `words`. */
  async says(words: string): Promise<void> {
    while (!this.#stderr.includes(words)) await once(this.child.stderr, "data");
  }

  async #end(): Promise<EndedProgram> {
    const [exitCode]: (number | null)[] = await once(this.child, "close");
    return { exitCode: exitCode ?? null, stdout: this.#stdout, stderr: this.#stderr };
  }
}
