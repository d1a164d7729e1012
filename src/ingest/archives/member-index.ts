import { DatabaseSync, type StatementSync } from "node:sqlite";
import { collisionKey } from "./member-name.ts";

/** Where a member lies in its archive: from its local header to the end of its data. */
export interface MemberExtent {
  readonly start: number;
  readonly end: number;
}

/**
 * Remembers the names and places of an archive's members in a temporary file of SQLite, which is gone
 * with the process, so that ten million members cost no memory.
 */
export class MemberIndex implements Disposable {
  readonly #database: DatabaseSync;
  readonly #addExtent: StatementSync;
  readonly #addName: StatementSync;

  constructor() {
    this.#database = new DatabaseSync("");
    this.#database.exec(
      `PRAGMA cache_size = -4096; PRAGMA journal_mode = OFF; PRAGMA temp_store = FILE;
       CREATE TABLE extents (first INTEGER NOT NULL, last INTEGER NOT NULL);
       CREATE TABLE names (name BLOB PRIMARY KEY) WITHOUT ROWID;
       BEGIN`,
    );
    this.#addExtent = this.#database.prepare("INSERT INTO extents VALUES (?, ?)");
    this.#addName = this.#database.prepare("INSERT OR IGNORE INTO names VALUES (?)");
  }

  addExtent({ start, end }: MemberExtent): void {
    this.#addExtent.run(start, end);
  }

  /** All extents added, by their start. */
  *extents(): Generator<MemberExtent> {
    const rows = this.#database.prepare("SELECT first, last FROM extents ORDER BY first, last");
    for (const { first, last } of rows.iterate()) yield { start: Number(first), end: Number(last) };
  }

  /** Takes a path; false when a member before has it, or one that some file system cannot tell from it. */
  takeName(path: string): boolean {
    return this.#addName.run(collisionKey(path)).changes === 1;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
