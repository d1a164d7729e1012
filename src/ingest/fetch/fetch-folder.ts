import { mkdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { RefusedError } from "../../core/errors.ts";
import { explainedWriteError, writeFileAtomically } from "../../core/files.ts";
import { ProcessLock } from "../../core/locks.ts";
import { FetchRecords } from "./fetch-records.ts";

/** What a fetch keeps beside the files: its lock, and what became of every URL. */
const FETCH_FOLDER = ".crossweave-fetch";

const holderSchema = z.object({ pid: z.int(), host: z.string() });

/** A folder that one fetch works in at a time. */
export class FetchFolder implements Disposable {
  readonly path: string;
  readonly records: FetchRecords;
  readonly #lock: ProcessLock;

  private constructor(path: string, lock: ProcessLock, records: FetchRecords) {
    this.path = path;
    this.#lock = lock;
    this.records = records;
  }

  /** Takes the folder, which may be new. Throws RefusedError while another process works in it. */
  static async open(path: string): Promise<FetchFolder> {
    const ours = join(path, FETCH_FOLDER);
    try {
      await mkdir(ours, { recursive: true });
      const lock = ProcessLock.tryAcquire(join(ours, "lock"));
      if (lock === undefined) throw await inUse(path);
      const holder = { pid: process.pid, host: hostname() };
      await writeFileAtomically(join(ours, "holder.json"), `${JSON.stringify(holder)}\n`);
      return new FetchFolder(path, lock, new FetchRecords(join(ours, "records.sqlite")));
    } catch (error) {
      throw explainedWriteError(error, path);
    }
  }

  [Symbol.dispose](): void {
    this.records[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }
}

async function inUse(path: string): Promise<RefusedError> {
  const holder = await readFile(join(path, FETCH_FOLDER, "holder.json"), "utf8").then(
    (text) => holderSchema.safeParse(JSON.parse(text)).data,
    () => undefined, // it has just come, or just gone
  );
  const who = holder === undefined ? "another process" : `process ${holder.pid} on ${holder.host}`;
  return new RefusedError(`${path} is in use: ${who} fetches to it`, {
    file: path,
    remedy: "wait for it or stop it, then run the same command again; or choose another --to",
  });
}
