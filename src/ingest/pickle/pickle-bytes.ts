import { isUtf8 } from "node:buffer";

/** What a pickle holds at a byte is not plain data, or nothing that Python wrote. */
export class PickleFault extends Error {
  /** Undefined where the data as a whole is at fault. */
  readonly byteOffset: number | undefined;

  constructor(message: string, byteOffset?: number) {
    super(message);
    this.name = "PickleFault";
    this.byteOffset = byteOffset;
  }
}

const LINE_END = 0x0a;
const DIGIT_0 = 0x30;

/** Reads the arguments of opcodes one after the other. Every method throws PickleFault past the end. */
export class PickleBytes {
  readonly #bytes: Buffer;
  #offset = 0;
  #frameEnd = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get numLeft(): number {
    return this.#bytes.length - this.#offset;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#skip(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16LE(this.#skip(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32LE(this.#skip(4));
  }

  int32(): number {
    return this.#bytes.readInt32LE(this.#skip(4));
  }

  /** A length of eight bytes; one beyond 2^53 is rounded, and past the end all the same. */
  uint64(): number {
    return Number(this.#bytes.readBigUInt64LE(this.#skip(8)));
  }

  float64(): number {
    return this.#bytes.readDoubleBE(this.#skip(8));
  }

  /** So many bytes, not copied. */
  take(numBytes: number): Buffer {
    const start = this.#skip(numBytes);
    return this.#bytes.subarray(start, start + numBytes);
  }

  latin1(numBytes: number): string {
    return this.take(numBytes).toString("latin1");
  }

  utf8(numBytes: number): string {
    const start = this.#offset;
    const bytes = this.take(numBytes);
    if (!isUtf8(bytes)) throw new PickleFault("a text is not UTF-8", start);
    return bytes.toString("utf8");
  }

  /** Up to the next line end, which is skipped; each byte is one character. */
  line(): string {
    const end = this.#bytes.indexOf(LINE_END, this.#offset);
    if (end === -1) throw new PickleFault("a line has no end", this.#offset);
    const line = this.latin1(end - this.#offset);
    this.#skip(1);
    return line;
  }

  /** A line of digits as a number, undefined for another line; memo indices are every second line of old pickles. */
  index(): number | undefined {
    let value = 0;
    let numDigits = 0;
    for (let byte = this.uint8(); byte !== LINE_END; byte = this.uint8()) {
      if (byte < DIGIT_0 || byte > DIGIT_0 + 9) return undefined;
      value = value * 10 + byte - DIGIT_0;
      numDigits += 1;
    }
    return numDigits === 0 ? undefined : value;
  }

  /** Begins a frame of so many bytes; no opcode or argument may go beyond its end. */
  beginFrame(numBytes: number): void {
    const start = this.#offset;
    if (start < this.#frameEnd) throw new PickleFault("a frame begins inside of another", start);
    if (numBytes > this.numLeft) {
      throw new PickleFault(`a frame of ${numBytes} bytes is cut off`, start);
    }
    this.#frameEnd = start + numBytes;
  }

  #skip(numBytes: number): number {
    const start = this.#offset;
    if (!(numBytes >= 0 && numBytes <= this.numLeft)) {
      throw new PickleFault(`${numBytes} bytes are called for and ${this.numLeft} are left`, start);
    }
    if (start < this.#frameEnd && start + numBytes > this.#frameEnd) {
      throw new PickleFault("a frame ends amid an opcode", start);
    }
    this.#offset += numBytes;
    return start;
  }
}
