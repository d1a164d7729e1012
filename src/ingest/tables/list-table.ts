import { type Column, codeColumn, rowColumn, wideColumn } from "./column.ts";
import type { Entry, Examined, ExaminedRecord, ListReading } from "../joining/dataset-reading.ts";
import type { ParsedJson } from "../annotations/json-elements.ts";
import type { EntryFile } from "../joining/entry-file.ts";
import type { IdSpace } from "./id-space.ts";

/** What became of an entry for reasons of its own; `usable` ones share the fate of their scene. */
export const entryFates = {
  usable: 0,
  noRecord: 1,
  faulty: 2,
  leftOut: 3,
  duplicate: 4,
  conflict: 5,
  unjoined: 6,
  joinedTwice: 7,
  needsPartner: 8,
  otherPart: 9,
} as const;

export type EntryFate = (typeof entryFates)[keyof typeof entryFates];

const NONE = -1;

/** Where an entry of a list lies and what became of it, for all its entries, in a few bytes each. */
export class ListTable {
  readonly file: EntryFile;
  /** The list's key in its file. */
  readonly member: string;
  readonly reading: ListReading;
  readonly space: IdSpace;
  readonly nestedSpace: IdSpace | undefined;
  #firstOrdinal = 0;
  readonly #offsets: Column = wideColumn();
  readonly #sizes: Column = rowColumn();
  readonly #scenes: Column = rowColumn();
  readonly #fates: Column = codeColumn();
  readonly #numTexts: Column = rowColumn();
  readonly #partners: Column = rowColumn();
  /** Of lists with records inside their entries: the ordinal of each entry's first, and how many are out. */
  readonly #nestedStarts: Column = wideColumn();
  readonly #nestedQuarantined: Column = rowColumn();
  readonly #nestedExcluded: Column = rowColumn();
  /** The record that was read last: its scene, or one inside it, is often asked for next. */
  #last: { readonly row: number; readonly record: ExaminedRecord } | undefined;

  constructor(place: {
    readonly file: EntryFile;
    readonly member: string;
    readonly reading: ListReading;
    readonly space: IdSpace;
    readonly nestedSpace: IdSpace | undefined;
  }) {
    this.file = place.file;
    this.member = place.member;
    this.reading = place.reading;
    this.space = place.space;
    this.nestedSpace = place.nestedSpace;
  }

  get length(): number {
    return this.#offsets.length;
  }

  /** Of the first entry, among all records of the id space. */
  get firstOrdinal(): number {
    return this.#firstOrdinal;
  }

  /** Adds an entry; its row is its position in the list. The lists of a file come one after the other. */
  add(byteOffset: number, sizeBytes: number): number {
    const row = this.length;
    if (row === 0) this.#firstOrdinal = this.space.numRecords;
    this.#offsets.push(byteOffset);
    this.#sizes.push(sizeBytes);
    this.#scenes.push(NONE);
    this.#fates.push(entryFates.usable);
    this.#numTexts.push(0);
    this.#partners.push(NONE);
    if (this.nestedSpace !== undefined) {
      this.#nestedStarts.push(this.nestedSpace.numRecords);
      this.#nestedQuarantined.push(0);
      this.#nestedExcluded.push(0);
    }
    return row;
  }

  /** An entry read again: its value, or why it has none. */
  readAgain(row: number): ParsedJson {
    const [byteOffset, sizeBytes] = [this.#offsets.at(row), this.#sizes.at(row)];
    return this.fate(row) === entryFates.faulty
      ? this.file.readFaulty(byteOffset, sizeBytes)
      : this.file.read(byteOffset, sizeBytes);
  }

  /** What an entry says, read again. Throws SourceError when its file has changed. */
  examine(row: number): Examined {
    const { value, fault } = this.readAgain(row);
    if (fault !== null) throw this.file.changed();
    return this.reading.examine({ value, index: row } satisfies Entry);
  }

  /** As `examine`, of an entry that is known to be a record. */
  record(row: number): ExaminedRecord {
    if (this.#last?.row === row) return this.#last.record;
    const examined = this.examine(row);
    if ("id" in examined && "sceneId" in examined) {
      this.#last = { row, record: examined };
      return examined;
    }
    throw new Error(`${this.file.file.path}: entry ${row} was a record before`);
  }

  fate(row: number): number {
    return this.#fates.at(row);
  }

  setFate(row: number, fate: EntryFate): void {
    this.#fates.set(row, fate);
  }

  /** The row of its scene, or -1. */
  scene(row: number): number {
    return this.#scenes.at(row);
  }

  setScene(row: number, scene: number): void {
    this.#scenes.set(row, scene);
  }

  /** The ordinal of the record that joins this one, or -1. */
  partner(row: number): number {
    return this.#partners.at(row);
  }

  setPartner(row: number, ordinal: number): void {
    this.#partners.set(row, ordinal);
  }

  numTexts(row: number): number {
    return this.#numTexts.at(row);
  }

  setNumTexts(row: number, count: number): void {
    this.#numTexts.set(row, count);
  }

  noteNested(row: number, outcome: "excluded" | "quarantined"): void {
    (outcome === "excluded" ? this.#nestedExcluded : this.#nestedQuarantined).add(row, 1);
  }

  /** How many records are inside an entry, and how many of them are out for reasons of their own. */
  nested(row: number): { total: number; quarantined: number; excluded: number } {
    if (this.nestedSpace === undefined) return { total: 0, quarantined: 0, excluded: 0 };
    return {
      total: this.nestedEnd(row) - this.nestedStart(row),
      quarantined: this.#nestedQuarantined.at(row),
      excluded: this.#nestedExcluded.at(row),
    };
  }

  /** The ordinal of the first record inside an entry. */
  nestedStart(row: number): number {
    return this.#nestedStarts.at(row);
  }

  nestedEnd(row: number): number {
    return row + 1 < this.length ? this.#nestedStarts.at(row + 1) : (this.#nestedTotal ?? 0);
  }

  /** Says that the list is over, so that the last entry's records have an end. */
  close(): void {
    this.#nestedTotal = this.nestedSpace?.numRecords;
  }

  #nestedTotal: number | undefined;

  /** The row of the entry that holds the nested record of this ordinal. */
  rowOfNested(ordinal: number): number {
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#nestedStarts.at(middle) <= ordinal) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
