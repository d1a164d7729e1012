const STUFFED = 0x00;

/** Writes the codes of a scan, with a zero stuffed behind each byte of ones alone. */
export class BitWriter {
  readonly #bytes: Uint8Array;
  #at: number;
  /** The bits of the next byte that are known, as a number. */
  #bits = 0;
  #numBits = 0;

  /** Writes from `start` on. */
  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  /** How many bits of its next byte are written, 0 to 7. */
  get phase(): number {
    return this.#numBits;
  }

  /** The bytes that are full. */
  get end(): number {
    return this.#at;
  }

  /** Writes the lowest `length` bits of a value, at most 16. */
  put(value: number, length: number): void {
    let bits = (this.#bits << length) | (value & ((1 << length) - 1));
    let numBits = this.#numBits + length;
    for (; numBits >= 8; numBits -= 8) {
      const byte = (bits >> (numBits - 8)) & 0xff;
      this.#bytes[this.#at++] = byte;
      if (byte === 0xff) this.#bytes[this.#at++] = STUFFED;
    }
    bits &= (1 << numBits) - 1;
    this.#bits = bits;
    this.#numBits = numBits;
  }

  /**
   * Copies the codes from one position to another, in bits from the begin of `data`, whose bytes are stuffed. The first must
   * have the phase that the writer has.
   */
  copy(data: Uint8Array, first: number, last: number): void {
    let from = first >> 3;
    const to = last >> 3;
    if (from === to) return this.#putBits(data, first, last);
    if ((first & 7) > 0) {
      this.#putBits(data, first, from * 8 + 8);
      from += data[from] === 0xff ? 2 : 1;
    }
    this.#bytes.set(data.subarray(from, to), this.#at);
    this.#at += Math.max(0, to - from);
    this.#putBits(data, Math.max(from, to) * 8, last);
  }

  /** Fills the last byte with ones, as scans end. */
  finish(): void {
    if (this.#numBits > 0) this.put(0xff, 8 - this.#numBits);
  }

  // Of one byte.
  #putBits(data: Uint8Array, first: number, last: number): void {
    if (last <= first) return;
    const length = last - first;
    const after = 8 - (first & 7) - length;
    this.put((data[first >> 3] ?? 0) >> after, length);
  }
}
