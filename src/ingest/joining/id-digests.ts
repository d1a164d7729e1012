import { createHash } from "node:crypto";
import type { ListTable } from "./list-table.ts";
import { wideColumn, type Column } from "./column.ts";

/** Digests of the ids of whole lists, by which an official file is recognised whatever its order. */
export class IdDigests {
  readonly #ids = new Map<ListTable, Column>();

  /** Adds an id; only numbers up to 2^53 are digested. */
  add(list: ListTable, id: string): void {
    const known = this.#ids.get(list) ?? wideColumn();
    this.#ids.set(list, known);
    known.push(Number(id));
  }

  /** SHA-256 over the distinct ids in numeric order, one a line without a last line end; undefined for a list that is not digested. */
  of(list: ListTable): string | undefined {
    const column = this.#ids.get(list);
    if (column === undefined) return undefined;
    const ids = new Float64Array(column.length);
    for (let row = 0; row < ids.length; row += 1) ids[row] = column.at(row);
    const hash = createHash("sha256");
    let previous: number | undefined;
    for (const id of ids.sort()) {
      if (id === previous) continue;
      hash.update(previous === undefined ? String(id) : `\n${id}`);
      previous = id;
    }
    return hash.digest("hex");
  }
}
