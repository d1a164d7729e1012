import { appendFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { errnoOf, RefusedError, SourceError, StateError } from "../../core/errors.ts";
import { writeFileAtomically } from "../../core/files.ts";
import { ProcessLock } from "../../core/locks.ts";
import type { StepReading } from "../step/step-program.ts";
import {
  differingInputs,
  type RunChange,
  runRecord,
  type RunInputs,
  type RunRecord,
} from "./run-record.ts";
import { recordSchema, withRecipe } from "./run-record-schema.ts";
import { parseStateJson } from "./state-file.ts";

const RECORD_FILE = "run.json";
const SUMMARY_FILE = "summary.json";
const LOG_FILE = "run.jsonl";
const METRICS_FILE = "metrics.jsonl";
export const VOCABULARY_FILE = "vocab.txt";
export const CHECKPOINTS_FOLDER = "checkpoints";

const LOCK_FILE = ".lock";

const FRESH_REMEDY = "put the file back from a copy, or start over with --fresh";

const summarySchema: z.ZodType<RunSummary> = z.object({
  totalSteps: z.int(),
  numWeights: z.int(),
  seconds: z.number(),
  picturesPerSecond: z.number(),
  dataWaitShare: z.number(),
  longestWaitMs: z.number(),
  firstBatchMs: z.number(),
  numSkipped: z.int(),
  isStoppedEarly: z.boolean(),
});

/** How a finished run went, `summary.json`; times are those of its last process. */
export interface RunSummary {
  readonly totalSteps: number;
  readonly numWeights: number;
  readonly seconds: number;
  readonly picturesPerSecond: number;
  /** Share of the time in which the run waited for batches; before the first one it is no training time. */
  readonly dataWaitShare: number;
  readonly longestWaitMs: number;
  readonly firstBatchMs: number;
  /** Steps of the whole run whose update was left out because their numbers were not finite. */
  readonly numSkipped: number;
  /** Whether it ended because it no longer became better. */
  readonly isStoppedEarly: boolean;
}

/** One line of `metrics.jsonl`; no times are in it, so that equal runs have equal files. */
export interface MetricsLine extends StepReading {
  readonly step: number;
  readonly epoch: number;
  readonly learningRateFactor: number;
  /** Where the step's numbers were not finite and its update was left out; they are NaN then. */
  readonly isSkipped?: true | undefined;
  /** Names the pictures and the texts of rank 0's share of the batch, in their order. */
  readonly samples?: string | undefined;
}

export interface OpenOptions {
  readonly fresh: boolean;
  /** The text of the vocabulary. */
  readonly vocabulary: string;
  /** Whether a run of other inputs goes on with these; not when left out. */
  readonly acceptChanges?: boolean | undefined;
  /** As the record has it. */
  readonly codeVersion?: string | undefined;
}

/** The folder of a run: record, vocabulary, metrics, checkpoints. One process at a time. */
export class RunFolder implements Disposable {
  readonly path: string;
  readonly record: RunRecord;
  readonly #lock: ProcessLock;

  private constructor(path: string, record: RunRecord, lock: ProcessLock) {
    this.path = path;
    this.record = record;
    this.#lock = lock;
  }

  /**
   * Opens or begins the run of these inputs. RefusedError when another process trains there or the folder
   * holds anything but a run, StateError when it holds a run of other inputs, unless `fresh` removes it or `acceptChanges`
   * says to go on with them; the record then tells of it for good.
   */
  static async open(path: string, inputs: RunInputs, options: OpenOptions): Promise<RunFolder> {
    await mkdir(path, { recursive: true });
    await refuseForeign(path);
    const lock = ProcessLock.tryAcquire(join(path, LOCK_FILE));
    if (lock === undefined) {
      throw new RefusedError(`${path}: another process trains into this folder`, {
        file: path,
        remedy: "wait for it, or name another folder with --out",
      });
    }
    try {
      if (options.fresh) await removeRun(path);
      const { codeVersion } = options;
      const changes = await changesOf(path, runRecord(inputs, { codeVersion }), options);
      const record = runRecord(inputs, { codeVersion, changes });
      // The record goes first, and last in removal: a folder that has it is a run's.
      await writeFileAtomically(join(path, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
      await writeFileAtomically(join(path, VOCABULARY_FILE), options.vocabulary);
      return new RunFolder(path, record, lock);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /** Where its events are logged. */
  get log(): string {
    return join(this.path, LOG_FILE);
  }

  get checkpoints(): string {
    return join(this.path, CHECKPOINTS_FOLDER);
  }

  async append(line: MetricsLine): Promise<void> {
    await appendFile(join(this.path, METRICS_FILE), `${JSON.stringify(line)}\n`);
  }

  /** Forgets what was measured after `step`, from where the run goes on; gives what was before. */
  async rewindMetrics(step: number): Promise<readonly MetricsLine[]> {
    const kept = (await readMetrics(this.path)).filter((line) => line.step <= step);
    const text = kept.map((line) => `${JSON.stringify(line)}\n`).join("");
    await writeFileAtomically(join(this.path, METRICS_FILE), text);
    return kept;
  }

  /** Keeps how long the run took; no result depends on it. */
  async writeSummary(summary: RunSummary): Promise<void> {
    const text = `${JSON.stringify(summary, null, 2)}\n`;
    await writeFileAtomically(join(this.path, SUMMARY_FILE), text);
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }
}

/** The record of a run; SourceError when the folder holds none, StateError when it is damaged. */
export async function readRunRecord(path: string): Promise<RunRecord> {
  const file = join(path, RECORD_FILE);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new SourceError(`${path} holds no run: ${RECORD_FILE} is missing`, {
      file,
      remedy: "name the --out folder of a crossweave train",
    });
  });
  const parsed = parseStateJson(recordSchema, text, { file, remedy: FRESH_REMEDY });
  return withRecipe(parsed, file);
}

/** How the run went; undefined while it is not finished. */
export async function readRunSummary(path: string): Promise<RunSummary | undefined> {
  const file = join(path, SUMMARY_FILE);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  return parseStateJson(summarySchema, text, {
    file,
    remedy: "run the same crossweave train again",
  });
}

/** All lines of `metrics.jsonl`; a last line that a kill has cut is left out. StateError for any other damage. */
export async function readMetrics(path: string): Promise<MetricsLine[]> {
  const file = join(path, METRICS_FILE);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  });
  return text
    .split("\n")
    .slice(0, -1)
    .map((line, index) =>
      parseStateJson(metricsSchema, line, {
        file,
        record: `line ${index + 1}`,
        remedy: FRESH_REMEDY,
      }),
    );
}

// JSON has no word for what is not finite and says null.
const measured = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

const metricsSchema: z.ZodType<MetricsLine> = z.object({
  step: z.int(),
  epoch: z.int(),
  learningRateFactor: z.number(),
  loss: measured,
  gradientNorm: measured,
  parts: z.record(z.string(), measured),
  samples: z.string().optional(),
  isSkipped: z.literal(true).optional(),
});

/** The changes of the run in a folder, with one more where its inputs are others than `record`'s and that is accepted. */
async function changesOf(
  path: string,
  record: RunRecord,
  { acceptChanges = false }: OpenOptions,
): Promise<readonly RunChange[] | undefined> {
  const found = await readRunRecord(path).catch((error: unknown) => {
    if (error instanceof SourceError) return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  const differences = differingInputs(found, record);
  if (found.digest === record.digest && differences.length === 0) return found.changes;
  if (acceptChanges) return [...(found.changes ?? []), { from: found.digest, differences }];
  const lines = differences.map((difference) => `\n  ${difference}`);
  throw new StateError(`${path} holds a run of other inputs, which differ in:${lines.join("")}`, {
    file: join(path, RECORD_FILE),
    remedy:
      "name another folder with --out, start over with --fresh, or go on with these by --accept-changes, which the run's record then tells of",
  });
}

async function removeRun(path: string): Promise<void> {
  for (const name of [
    CHECKPOINTS_FOLDER,
    METRICS_FILE,
    LOG_FILE,
    SUMMARY_FILE,
    VOCABULARY_FILE,
    RECORD_FILE,
  ]) {
    await rm(join(path, name), { recursive: true, force: true });
  }
}

async function refuseForeign(path: string): Promise<void> {
  const names = await readdir(path);
  if (names.includes(RECORD_FILE)) return;
  const harmless = new Set([
    ...ProcessLock.filesOf(LOCK_FILE),
    `${RECORD_FILE}.part`,
    "lost+found",
  ]);
  const foreign = names.toSorted().find((name) => !harmless.has(name));
  if (foreign === undefined) return;
  throw new RefusedError(`${path} is not empty and holds no run: there is ${foreign}`, {
    file: join(path, foreign),
    remedy: "name another folder with --out",
  });
}
