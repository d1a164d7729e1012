import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { z } from "zod";

/** What one turn of a contestant gave; times are of one step. */
export interface Turn {
  readonly milliseconds: number;
  readonly cpuMilliseconds: number;
  readonly losses: readonly number[];
  readonly peakMebibytes: number;
}

const turnParser: z.ZodType<Turn> = z.object({
  milliseconds: z.number(),
  cpuMilliseconds: z.number(),
  losses: z.array(z.number()),
  peakMebibytes: z.number(),
});

export interface Plan {
  readonly title: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

/** A process that takes steps when it is told to, and rests between. */
export class Contestant implements AsyncDisposable {
  readonly plan: Plan;
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;

  private constructor(plan: Plan) {
    const [program, ...args] = plan.command;
    this.plan = plan;
    this.#process = spawn(program, args, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...plan.env },
    });
    if (this.#process.stdout === null) throw new Error("a contestant answers on stdout");
    this.#lines = createInterface({ input: this.#process.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** Starts the process; it is ready when this returns. */
  static async open(plan: Plan): Promise<Contestant> {
    const contestant = new Contestant(plan);
    await contestant.#answer();
    return contestant;
  }

  async step(times: number): Promise<Turn> {
    this.#process.stdin?.write(`step ${times}\n`);
    return turnParser.parse(JSON.parse(await this.#answer()));
  }

  async #answer(): Promise<string> {
    const { done, value } = await this.#answers.next();
    if (done === true) throw new Error(`${this.plan.title} ended before it answered`);
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin?.end();
    if (this.#process.exitCode === null) await once(this.#process, "exit");
    this.#lines.close();
  }
}
