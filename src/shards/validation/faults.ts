import type { ShardPlace } from "../shard-file.ts";

/** One thing that is wrong with a shard set, at the most exact place that is known. */
export interface ValidationFault {
  /** Path below the set's folder. */
  readonly file: string;
  /** Position of the record batch in the file, from 0. */
  readonly batch: number | null;
  /** Position of the scene in the batch, from 0. */
  readonly row: number | null;
  readonly message: string;
}

/** What was looked at, each thing counted once. */
export interface CheckedCounts {
  numFiles: number;
  sizeBytes: number;
  numScenes: number;
  numPictures: number;
  numTexts: number;
  /** Pictures that were decoded; 0 when no decoder was given. */
  numDecoded: number;
  numLedgerRows: number;
}

/** Collects faults: keeps the first of them, counts all. */
export class FaultList {
  readonly listed: ValidationFault[] = [];
  /** Every file that has a fault. */
  readonly files: Set<string> = new Set();
  readonly #maxListed: number;
  #numFaults = 0;

  constructor(maxListed: number) {
    this.#maxListed = maxListed;
  }

  get numFaults(): number {
    return this.#numFaults;
  }

  add(place: ShardPlace, message: string): void {
    this.#numFaults += 1;
    this.files.add(place.file);
    if (this.listed.length >= this.#maxListed) return;
    const { file, batch = null, row = null } = place;
    this.listed.push({ file, batch, row, message });
  }
}
