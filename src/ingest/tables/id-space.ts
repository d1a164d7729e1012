import { IdIndex } from "./id-index.ts";
import type { ListTable } from "./list-table.ts";

/** Where a record stands: an entry of a list, or the n-th record inside one. */
export interface RecordAddress {
  readonly list: ListTable;
  readonly row: number;
  readonly nestedIndex: number | undefined;
}

/** Records among which an id stands once, numbered in the order in which they are read. */
export class IdSpace {
  readonly name: string;
  readonly ids: IdIndex = new IdIndex();
  /** From join keys to the ordinals of the records that can be joined. */
  readonly joinKeys: IdIndex = new IdIndex();
  readonly #lists: ListTable[] = [];
  readonly #nestedLists: ListTable[] = [];
  numRecords = 0;

  constructor(name: string) {
    this.name = name;
  }

  addList(list: ListTable): void {
    this.#lists.push(list);
  }

  addNestedList(list: ListTable): void {
    this.#nestedLists.push(list);
  }

  /** The record of an ordinal. */
  addressOf(ordinal: number): RecordAddress {
    const list = this.#lists.findLast(({ firstOrdinal, length }) => {
      return length > 0 && firstOrdinal <= ordinal && ordinal < firstOrdinal + length;
    });
    if (list !== undefined) {
      return { list, row: ordinal - list.firstOrdinal, nestedIndex: undefined };
    }
    const holder = this.#nestedLists.findLast(
      (nested) => nested.length > 0 && nested.nestedStart(0) <= ordinal,
    );
    if (holder === undefined) throw new Error(`${this.name} has no record ${ordinal}`);
    const row = holder.rowOfNested(ordinal);
    return { list: holder, row, nestedIndex: ordinal - holder.nestedStart(row) };
  }
}
