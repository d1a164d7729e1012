import type { LedgerEntry, LedgerOutcome, RecordCounts } from "../core/records.ts";
import { elementPointer } from "./annotations/json-elements.ts";

/** What became of a record that is not written. */
export interface Fate {
  readonly outcome: LedgerOutcome;
  readonly reason: string;
  readonly evidence: string;
}

/** The records of one kind in one file: entries of one list. */
export interface RecordList {
  readonly file: string;
  readonly kind: string;
  /** The list's key in the file, for JSON pointers. */
  readonly member: string;
}

/** A record by its list and position. */
export interface RecordReference {
  readonly ledger: RecordLedger;
  readonly index: number;
}

interface Note {
  readonly index: number;
  readonly id: string;
  readonly fate: Fate;
  /** The record that the evidence begins with; kept as a reference, since there may be a million. */
  readonly other: RecordReference | undefined;
}

/**
 * Keeps what becomes of the records of one list: `read` counts every entry, `note` says why one is
 * not written. A record is noted once at most.
 */
export class RecordLedger {
  readonly list: RecordList;
  readonly #notes: Note[] = [];
  #numRead = 0;
  #isSorted = true;

  constructor(list: RecordList) {
    this.list = list;
  }

  get numRead(): number {
    return this.#numRead;
  }

  read(): void {
    this.#numRead += 1;
  }

  /** Says why a record is not written. */
  note(record: { readonly index: number; readonly id: string }, fate: Fate): void {
    this.noteBeside(record, fate, undefined);
  }

  /** As `note`, where another record shows it: its place comes before the evidence. */
  noteBeside(
    { index, id }: { readonly index: number; readonly id: string },
    fate: Fate,
    other: RecordReference | undefined,
  ): void {
    this.#notes.push({ index, id, fate, other });
    this.#isSorted = false;
  }

  pointer(index: number): string {
    return elementPointer(this.list.member, index);
  }

  /** File and pointer of a record: "coco/annotations/captions_val2017.json#/images/3". */
  place(index: number): string {
    return `${this.list.file}#${this.pointer(index)}`;
  }

  counts(): RecordCounts {
    const { file, kind } = this.list;
    const count = (outcome: LedgerOutcome): number =>
      this.#notes.filter(({ fate }) => fate.outcome === outcome).length;
    return {
      file,
      kind,
      read: this.#numRead,
      written: this.#numRead - this.#notes.length,
      excluded: count("excluded"),
      quarantined: count("quarantined"),
      missing: count("missing"),
    };
  }

  /** The records that are not written, in the file's order. */
  *entries(): Generator<LedgerEntry> {
    const { file, kind } = this.list;
    for (const { index, id, fate, other } of this.#sorted()) {
      const { outcome, reason } = fate;
      const place = other === undefined ? "" : other.ledger.place(other.index);
      const evidence = `${place}${fate.evidence}`;
      yield { file, kind, record: this.pointer(index), id, outcome, reason, evidence };
    }
  }

  #sorted(): readonly Note[] {
    if (!this.#isSorted) this.#notes.sort((a, b) => a.index - b.index);
    this.#isSorted = true;
    return this.#notes;
  }
}
