import { DatabaseSync } from "node:sqlite";
import { z } from "zod";

/** What tells one version of a file on a server from another. */
export interface Validators {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly totalBytes: number | undefined;
}

/** A file that was fetched, or found and taken for the one to be fetched. */
export interface FileRecord {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What became of one URL of a list. `later` is what the next run tries again. */
export interface PictureRecord {
  readonly state: "done" | "final" | "later";
  /** "" when done. */
  readonly code: string;
  readonly message: string;
  /** Path below the folder that is fetched to; null unless done. */
  readonly path: string | null;
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
  /** How many runs have tried. */
  readonly runs: number;
}

const fileRow = z.object({ sizeBytes: z.int(), sha256: z.string() });
const partRow = z.object({
  etag: z.string().nullable(),
  lastModified: z.string().nullable(),
  totalBytes: z.int().nullable(),
});
const pictureRow = z.object({
  url: z.string(),
  state: z.enum(["done", "final", "later"]),
  code: z.string(),
  message: z.string(),
  path: z.string().nullable(),
  sizeBytes: z.int().nullable(),
  sha256: z.string().nullable(),
  runs: z.int(),
});
const countRow = z.object({ code: z.string(), state: z.string(), count: z.int() });
const repeatedRow = z.object({ sha256: z.string(), count: z.int(), url: z.string() });

const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS files (url TEXT PRIMARY KEY, sizeBytes INTEGER, sha256 TEXT);
  CREATE TABLE IF NOT EXISTS parts (url TEXT PRIMARY KEY, etag TEXT, lastModified TEXT, totalBytes INTEGER);
  CREATE TABLE IF NOT EXISTS unpacked (archive TEXT, target TEXT, PRIMARY KEY (archive, target));
  CREATE TABLE IF NOT EXISTS pictures (
    dataset TEXT, urlSha256 BLOB, url TEXT, state TEXT, code TEXT, message TEXT, path TEXT,
    sizeBytes INTEGER, sha256 TEXT, runs INTEGER, PRIMARY KEY (dataset, urlSha256)) WITHOUT ROWID;
  CREATE TEMP TABLE seen (dataset TEXT, urlSha256 BLOB, PRIMARY KEY (dataset, urlSha256)) WITHOUT ROWID;`;

/** Remembers in one SQLite file what was fetched and what was not; it survives SIGKILL. */
export class FetchRecords implements Disposable {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(SCHEMA);
  }

  /** The file of a URL as it was fetched first. */
  fileOf(url: string): FileRecord | undefined {
    const row = this.#database
      .prepare("SELECT sizeBytes, sha256 FROM files WHERE url = ?")
      .get(url);
    return row === undefined ? undefined : fileRow.parse(row);
  }

  setFile(url: string, { sizeBytes, sha256 }: FileRecord): void {
    const statement = this.#database.prepare("INSERT OR REPLACE INTO files VALUES (?, ?, ?)");
    statement.run(url, sizeBytes, sha256);
  }

  /** The version that a file's unfinished download is of. */
  partOf(url: string): Validators | undefined {
    const query = "SELECT etag, lastModified, totalBytes FROM parts WHERE url = ?";
    const row = this.#database.prepare(query).get(url);
    if (row === undefined) return undefined;
    const { etag, lastModified, totalBytes } = partRow.parse(row);
    return {
      etag: etag ?? undefined,
      lastModified: lastModified ?? undefined,
      totalBytes: totalBytes ?? undefined,
    };
  }

  setPart(url: string, part: Validators | undefined): void {
    if (part === undefined) this.#database.prepare("DELETE FROM parts WHERE url = ?").run(url);
    else {
      const statement = this.#database.prepare("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)");
      const { etag, lastModified, totalBytes } = part;
      statement.run(url, etag ?? null, lastModified ?? null, totalBytes ?? null);
    }
  }

  /** Forgets a file, so that it is fetched anew. */
  forget(url: string): void {
    this.#database.prepare("DELETE FROM files WHERE url = ?").run(url);
    this.setPart(url, undefined);
  }

  /** Whether an archive, named by its digest, was unpacked to the end to this target. */
  isUnpacked(archiveSha256: string, target: string): boolean {
    const query = "SELECT 1 AS found FROM unpacked WHERE archive = ? AND target = ?";
    return this.#database.prepare(query).get(archiveSha256, target) !== undefined;
  }

  setUnpacked(archiveSha256: string, target: string): void {
    const statement = this.#database.prepare("INSERT OR REPLACE INTO unpacked VALUES (?, ?)");
    statement.run(archiveSha256, target);
  }

  /** Whether this run comes across a URL for the first time. */
  isNew(dataset: string, urlSha256: string): boolean {
    const statement = this.#database.prepare("INSERT OR IGNORE INTO seen VALUES (?, ?)");
    return statement.run(dataset, Buffer.from(urlSha256, "hex")).changes === 1;
  }

  pictureOf(dataset: string, urlSha256: string): PictureRecord | undefined {
    const query = "SELECT * FROM pictures WHERE dataset = ? AND urlSha256 = ?";
    const row = this.#database.prepare(query).get(dataset, Buffer.from(urlSha256, "hex"));
    return row === undefined ? undefined : pictureRow.parse(row);
  }

  setPicture(
    dataset: string,
    { url, urlSha256 }: { readonly url: string; readonly urlSha256: string },
    record: PictureRecord,
  ): void {
    const { state, code, message, path, sizeBytes, sha256, runs } = record;
    const key = Buffer.from(urlSha256, "hex");
    this.#database
      .prepare("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(dataset, key, url, state, code, message, path, sizeBytes, sha256, runs);
  }

  /** How many pictures of a dataset ended how. */
  countPictures(
    dataset: string,
  ): { readonly state: string; readonly code: string; readonly count: number }[] {
    const query = `SELECT state, code, count(*) AS count FROM pictures WHERE dataset = ?
                   GROUP BY state, code ORDER BY state, code`;
    return this.#database
      .prepare(query)
      .all(dataset)
      .map((row) => countRow.parse(row));
  }

  /** The contents that most URLs of a dataset share, which are often placeholders. */
  repeatedPictures(
    dataset: string,
    minCount: number,
  ): { readonly sha256: string; readonly count: number; readonly url: string }[] {
    const query = `SELECT sha256, count(*) AS count, min(url) AS url FROM pictures
                   WHERE dataset = ? AND state = 'done'
                   GROUP BY sha256 HAVING count >= ? ORDER BY count DESC, sha256 LIMIT 5`;
    return this.#database
      .prepare(query)
      .all(dataset, minCount)
      .map((row) => repeatedRow.parse(row));
  }

  /** All pictures of a dataset, in an order of their own that is always the same. */
  *pictures(dataset: string): Generator<PictureRecord & { readonly url: string }> {
    const query = "SELECT * FROM pictures WHERE dataset = ? ORDER BY urlSha256";
    for (const row of this.#database.prepare(query).iterate(dataset)) yield pictureRow.parse(row);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
