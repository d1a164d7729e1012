import { createHash } from "node:crypto";
import { digestOfIds } from "../dataset-manifest.ts";
import type { ListTable } from "./list-table.ts";
import { wideColumn, type Column } from "./column.ts";

/** Digits of a number that a double holds exactly. */
const NUMBER = /^(?:0|[1-9]\d{0,14})$/;

/** Digests of the ids of whole lists, by which an official file is recognised whatever its order. */
export class IdDigests {
  readonly #ids = new Map<ListTable, Column>();
  /** Of lists whose ids are no numbers; such lists are small where their digest is known. */
  readonly #texts = new Map<ListTable, Set<string>>();

  add(list: ListTable, id: string): void {
    if (!NUMBER.test(id)) {
      const texts = this.#texts.get(list) ?? new Set();
      this.#texts.set(list, texts.add(id));
      return;
    }
    const known = this.#ids.get(list) ?? wideColumn();
    this.#ids.set(list, known);
    known.push(Number(id));
  }

  /** `digestOfIds` of the distinct ids; undefined for a list that is not digested. */
  of(list: ListTable): string | undefined {
    const column = this.#ids.get(list);
    const texts = this.#texts.get(list);
    if (texts !== undefined) return digestOfIds(texts.union(new Set(numbersOf(column))));
    if (column === undefined) return undefined;
    const ids = new Float64Array(column.length);
    for (let row = 0; row < ids.length; row += 1) ids[row] = column.at(row);
    const hash = createHash("sha256");
    let previous: number | undefined;
    for (const id of ids.toSorted()) {
      if (id === previous) continue;
      hash.update(previous === undefined ? String(id) : `\n${id}`);
      previous = id;
    }
    return hash.digest("hex");
  }
}

function* numbersOf(column: Column | undefined): Generator<string> {
  for (let row = 0; row < (column?.length ?? 0); row += 1) yield String(column?.at(row));
}
