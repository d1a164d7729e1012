import { appendFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { errnoOf, RefusedError, SourceError, StateError } from "../../core/errors.ts";
import { writeFileAtomically } from "../../core/files.ts";
import { ProcessLock } from "../../core/locks.ts";
import { parseRecipe } from "../recipe-parser.ts";
import type { StepReading } from "../step/step-program.ts";
import { differingInputs, runRecord, type RunInputs, type RunRecord } from "./run-record.ts";
import { parseStateJson } from "./state-file.ts";

const RECORD_FILE = "run.json";
const SUMMARY_FILE = "summary.json";
const METRICS_FILE = "metrics.jsonl";
export const VOCABULARY_FILE = "vocab.txt";
export const CHECKPOINTS_FOLDER = "checkpoints";

const LOCK_FILE = ".lock";

const FRESH_REMEDY = "put the file back from a copy, or start over with --fresh";

const recordSchema = z.object({
  format: z.literal("crossweave-run"),
  version: z.literal(1),
  recipe: z.unknown(),
  vocabularySha256: z.string(),
  setDigests: z.array(z.string()),
  audit: z.object({ digest: z.string(), clean: z.boolean() }),
  proofs: z.array(z.string().nullable()).optional(),
  initial: z.array(z.object({ layout: z.string(), sha256: z.string() })).optional(),
  digest: z.string(),
});

const summarySchema: z.ZodType<RunSummary> = z.object({
  totalSteps: z.int(),
  numWeights: z.int(),
  seconds: z.number(),
  picturesPerSecond: z.number(),
  dataWaitShare: z.number(),
  longestWaitMs: z.number(),
  firstBatchMs: z.number(),
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
}

/** One line of `metrics.jsonl`; no times are in it, so that equal runs have equal files. */
export interface MetricsLine extends StepReading {
  readonly step: number;
  readonly epoch: number;
  readonly learningRateFactor: number;
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
   * holds anything but a run, StateError when it holds a run of other inputs (unless `fresh`, which removes it).
   */
  static async open(
    path: string,
    inputs: RunInputs,
    options: { readonly fresh: boolean; readonly vocabulary: string },
  ): Promise<RunFolder> {
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
      const record = runRecord(inputs);
      await requireSameInputs(path, record);
      // The record goes first, and last in removal: a folder that has it is a run's.
      await writeFileAtomically(join(path, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
      await writeFileAtomically(join(path, VOCABULARY_FILE), options.vocabulary);
      return new RunFolder(path, record, lock);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  get checkpoints(): string {
    return join(this.path, CHECKPOINTS_FOLDER);
  }

  async append(line: MetricsLine): Promise<void> {
    await appendFile(join(this.path, METRICS_FILE), `${JSON.stringify(line)}\n`);
  }

  /** Forgets what was measured after `step`: the run goes on from there. */
  async rewindMetrics(step: number): Promise<void> {
    const kept = (await readMetrics(this.path)).filter((line) => line.step <= step);
    const text = kept.map((line) => `${JSON.stringify(line)}\n`).join("");
    await writeFileAtomically(join(this.path, METRICS_FILE), text);
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
  return { ...parsed, recipe: parseRecipe(parsed.recipe, file) };
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

const metricsSchema: z.ZodType<MetricsLine> = z.object({
  step: z.int(),
  epoch: z.int(),
  learningRateFactor: z.number(),
  loss: z.number(),
  gradientNorm: z.number(),
  parts: z.record(z.string(), z.number()),
});

async function requireSameInputs(path: string, record: RunRecord): Promise<void> {
  const found = await readRunRecord(path).catch((error: unknown) => {
    if (error instanceof SourceError) return undefined;
    throw error;
  });
  if (found === undefined || found.digest === record.digest) return;
  const differences = differingInputs(found, record).map((difference) => `\n  ${difference}`);
  throw new StateError(
    `${path} holds a run of other inputs, which differ in:${differences.join("")}`,
    {
      file: join(path, RECORD_FILE),
      remedy: "name another folder with --out, or start over with --fresh",
    },
  );
}

async function removeRun(path: string): Promise<void> {
  for (const name of [
    CHECKPOINTS_FOLDER,
    METRICS_FILE,
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
