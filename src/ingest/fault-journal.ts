import { type FileHandle, open, readFile } from "node:fs/promises";
import { z } from "zod";
import { errnoOf, StateError } from "../core/errors.ts";
import { writeFileAtomically } from "../core/files.ts";
import type { LedgerEntry } from "../core/records.ts";

interface JournalLine {
  /** Position of the scene in its split's plan. */
  readonly sceneIndex: number;
  readonly entries: readonly LedgerEntry[];
}

const journalLine: z.ZodType<JournalLine> = z.strictObject({
  sceneIndex: z.int().nonnegative(),
  entries: z.array(
    z.strictObject({
      file: z.string(),
      kind: z.string(),
      record: z.string(),
      id: z.string(),
      outcome: z.enum(["excluded", "quarantined", "missing"]),
      reason: z.string(),
      evidence: z.string(),
    }),
  ),
});

/**
 * Remembers on disk which scenes of a split were left out for their pictures, so that an interrupted
 * preparation knows which planned scenes the finished shards hold. A line is on the disk before any
 * later scene is written; a line cut by a crash belongs to a scene that is read again.
 */
export class FaultJournal implements AsyncDisposable {
  /** How many planned scenes are settled: in finished shards, or quarantined between them. */
  readonly numSettled: number;
  readonly #file: FileHandle;
  readonly #entries: LedgerEntry[];
  #numFaulty: number;

  private constructor(file: FileHandle, numSettled: number, lines: readonly JournalLine[]) {
    this.#file = file;
    this.numSettled = numSettled;
    this.#numFaulty = lines.length;
    this.#entries = lines.flatMap(({ entries }) => entries);
  }

  /**
   * Takes up the journal at `path`, of a split of which `numScenesDone` scenes are in finished shards.
   * Throws StateError when there are such scenes but no journal.
   */
  static async open(path: string, numScenesDone: number): Promise<FaultJournal> {
    const found = await readJournal(path);
    if (found === undefined && numScenesDone > 0) {
      throw new StateError(`${path} is gone: nobody knows which pictures were left out before`, {
        file: path,
        remedy: "start over with --fresh",
      });
    }
    const lines = found ?? [];
    const faulty = new Set(lines.map(({ sceneIndex }) => sceneIndex));
    let numSettled = 0;
    for (let numDone = 0; numDone < numScenesDone; numSettled += 1) {
      if (!faulty.has(numSettled)) numDone += 1;
    }
    const settled = lines.filter(({ sceneIndex }) => sceneIndex < numSettled);
    await writeFileAtomically(path, settled.map(lineText));
    return new FaultJournal(await open(path, "a"), numSettled, settled);
  }

  /** The ledger entries of all faulty scenes so far, in the order of the plan. */
  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  /** How many planned scenes are left out so far. */
  get numFaulty(): number {
    return this.#numFaulty;
  }

  async add(sceneIndex: number, entries: readonly LedgerEntry[]): Promise<void> {
    await this.#file.appendFile(lineText({ sceneIndex, entries }));
    await this.#file.datasync();
    this.#entries.push(...entries);
    this.#numFaulty += 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

function lineText(line: JournalLine): string {
  return `${JSON.stringify(line)}\n`;
}

async function readJournal(path: string): Promise<JournalLine[] | undefined> {
  try {
    const text = await readFile(path, "utf8");
    return text
      .split("\n")
      .slice(0, -1)
      .map(parseLine)
      .filter((line) => line !== undefined);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parseLine(text: string): JournalLine | undefined {
  try {
    return journalLine.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
