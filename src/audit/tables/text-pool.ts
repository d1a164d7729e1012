import assert from "node:assert";
import { GrowingWords } from "./growing-words.ts";

const CHUNK_BYTES = 2 ** 20;
/** Texts that were asked for last are held as strings, a power of two of them. */
const NUM_RECENT = 8;
const NO_TEXT = -1;
// Offsets are 32-bit words.
const MAX_BYTES = 2 ** 32;

/** Many short texts as UTF-8, numbered in the order in which they came: some 4 bytes each beside their own. */
export class TextPool {
  readonly #chunks: Buffer[] = [];
  readonly #starts = new GrowingWords();
  #size = 0;
  readonly #recent: string[] = Array.from({ length: NUM_RECENT }, () => "");
  readonly #recentNumbers = new Int32Array(NUM_RECENT).fill(NO_TEXT);

  get length(): number {
    return this.#starts.length;
  }

  /** The number of the text, which may be given in UTF-8. */
  add(text: string | Uint8Array): number {
    const bytes = typeof text === "string" ? Buffer.from(text, "utf8") : text;
    assert(this.#size + bytes.length < MAX_BYTES, "4 GiB of names");
    this.#starts.push(this.#size);
    let written = 0;
    while (written < bytes.length) {
      const place = this.#size % CHUNK_BYTES;
      if (place === 0) this.#chunks.push(Buffer.alloc(CHUNK_BYTES));
      const end = Math.min(bytes.length, written + CHUNK_BYTES - place);
      const piece = end - written === bytes.length ? bytes : bytes.subarray(written, end);
      this.#chunks.at(-1)?.set(piece, place);
      this.#size += piece.length;
      written = end;
    }
    return this.#starts.length - 1;
  }

  text(number: number): string {
    const place = number & (NUM_RECENT - 1);
    if (this.#recentNumbers[place] === number) return this.#recent[place] ?? "";
    const text = this.#decoded(number);
    this.#recentNumbers[place] = number;
    this.#recent[place] = text;
    return text;
  }

  #decoded(number: number): string {
    const start = this.#starts.at(number);
    const end = number + 1 < this.#starts.length ? this.#starts.at(number + 1) : this.#size;
    const first = this.#chunks[Math.floor(start / CHUNK_BYTES)];
    const place = start % CHUNK_BYTES;
    if (first !== undefined && place + end - start <= CHUNK_BYTES) {
      return first.toString("utf8", place, place + end - start);
    }
    return Buffer.concat(this.#pieces(start, end)).toString("utf8");
  }

  #pieces(start: number, end: number): Buffer[] {
    const pieces: Buffer[] = [];
    for (let place = start; place < end;) {
      const within = place % CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES - within, end - place);
      const chunk = this.#chunks[Math.floor(place / CHUNK_BYTES)];
      if (chunk !== undefined) pieces.push(chunk.subarray(within, within + length));
      place += length;
    }
    return pieces;
  }
}
