/** Where the values that follow belong: a list, or a member of the outermost object that is none. */
export interface JsonMember {
  /** The key in the outermost object; "" when the document itself is a list. */
  readonly name: string;
  readonly isList: boolean;
}

/** Neighbouring values of one member, still as text. */
export interface JsonRun {
  readonly member: JsonMember;
  /** Position of the first value in its list. */
  readonly firstIndex: number;
  /** From the first value's first byte to the last value's last, commas between them included. */
  readonly bytes: Buffer;
  /** Where each value starts and ends in `bytes`. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** How many colons stand outside strings: as many keys must come out of the parser. */
  readonly numKeys: number;
  /** Offset of `bytes` in the document. */
  readonly byteOffset: number;
}

/** What is wrong with a document as a whole, and at which byte of it. */
export class JsonStructureFault extends Error {
  readonly byteOffset: number;

  constructor(message: string, byteOffset: number) {
    super(message);
    this.name = "JsonStructureFault";
    this.byteOffset = byteOffset;
  }
}

/** Nesting allowed inside one value; official annotation files stay under 8. */
const MAX_DEPTH = 64;
/** A longer value is a lost quotation mark, not a record. */
const MAX_VALUE_BYTES = 64 * 2 ** 20;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** By byte: 1 for those that mean something outside strings. */
const MEANS = new Uint8Array(256);
for (const byte of [QUOTE, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT]) {
  MEANS[byte] = 1;
}

type State =
  | "document"
  | "first key"
  | "key"
  | "colon"
  | "member"
  | "first value"
  | "value"
  | "inside a value"
  | "next member"
  | "after the document";

/**
 * Cuts a JSON document, fed in chunks, into the values of its outermost lists, so that each can be
 * read by `JSON.parse`: the document may be larger than any string, and one faulty value does not
 * hide the others. It looks at quotation marks, brackets, commas and colons only.
 */
export class JsonSplitter {
  #state: State = "document";
  /** The bytes being cut: the beginning of `#memory`. */
  #buffer: Buffer = Buffer.alloc(0);
  #memory: Buffer = Buffer.alloc(0);
  /** Offset of `#buffer` in the document. */
  #bufferOffset = 0;
  #position = 0;
  #member: JsonMember = { name: "", isList: false };
  readonly #names = new Set<string>();
  #isObject = false;
  // The value being cut.
  #valueStart = 0;
  #closers: number[] = [];
  #inString = false;
  #valueKeys = 0;
  // The complete values before it that are not given out yet, as positions in `#buffer`.
  #firstIndex = 0;
  #starts: number[] = [];
  #ends: number[] = [];
  #runKeys = 0;

  /**
   * Takes the next chunk and gives the values that it completes; their bytes are there until the next
   * call. Throws JsonStructureFault.
   */
  feed(chunk: Buffer): JsonRun[] {
    const kept = this.#state === "inside a value" ? this.#valueStart : this.#position;
    if (this.#buffer.length - kept > MAX_VALUE_BYTES) {
      this.#fail(`a value is longer than ${MAX_VALUE_BYTES} bytes`, kept);
    }
    this.#buffer = this.#joined(kept, chunk);
    this.#bufferOffset += kept;
    this.#position -= kept;
    this.#valueStart -= kept;
    const runs: JsonRun[] = [];
    while (this.#position < this.#buffer.length) {
      if (!this.#step(runs)) break;
    }
    this.#flush(runs);
    return runs;
  }

  // One piece of memory serves all chunks: what is cut from it is parsed before the next one comes.
  #joined(kept: number, chunk: Buffer): Buffer {
    const numKept = this.#buffer.length - kept;
    const sizeBytes = numKept + chunk.length;
    if (sizeBytes > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(2 * sizeBytes);
      this.#buffer.copy(larger, 0, kept);
      this.#memory = larger;
    } else if (kept > 0) this.#memory.copyWithin(0, kept, kept + numKept);
    chunk.copy(this.#memory, numKept);
    return this.#memory.subarray(0, sizeBytes);
  }

  /** Says that the document is over. Throws JsonStructureFault when it is cut off. */
  end(): void {
    if (this.#state === "after the document") return;
    const found = this.#state === "document" ? "is empty" : `ends early, ${this.#placeInWords()}`;
    this.#fail(`the document ${found}`, this.#buffer.length);
  }

  /** Goes on by one token; false when that takes more bytes than there are. */
  #step(runs: JsonRun[]): boolean {
    if (this.#state === "inside a value") return this.#scanValue(runs);
    const byte = this.#buffer[this.#position] ?? 0;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      this.#position += 1;
      return true;
    }
    switch (this.#state) {
      case "document":
        return this.#openDocument(byte);
      case "first key":
        if (byte === CLOSE_OBJECT) return this.#enter("after the document");
        return this.#readKey(byte);
      case "key":
        return this.#readKey(byte);
      case "colon":
        if (byte !== COLON) return this.#unexpected("a colon");
        return this.#enter("member");
      case "member":
        return this.#openMember(byte);
      case "first value":
        if (byte === CLOSE_LIST) return this.#closeList(runs);
        return this.#openValue(byte);
      case "value":
        return this.#openValue(byte);
      case "next member":
        if (byte === COMMA) return this.#enter("key");
        if (byte === CLOSE_OBJECT) return this.#enter("after the document");
        return this.#unexpected("a comma or the end of the object");
      case "after the document":
      default:
        return this.#unexpected("nothing more");
    }
  }

  #enter(state: State): boolean {
    this.#state = state;
    this.#position += 1;
    return true;
  }

  #openDocument(byte: number): boolean {
    if (byte === OPEN_LIST) return this.#openMember(byte);
    if (byte !== OPEN_OBJECT) return this.#unexpected("an object or a list");
    this.#isObject = true;
    return this.#enter("first key");
  }

  #readKey(byte: number): boolean {
    if (byte !== QUOTE) return this.#unexpected("a key in quotation marks");
    const end = stringEnd(this.#buffer, this.#position + 1);
    if (end < 0) return false;
    const name = parseKey(this.#buffer.toString("utf8", this.#position, end + 1));
    if (name === undefined) return this.#unexpected("a key in quotation marks");
    if (this.#names.has(name)) {
      this.#fail(`the outermost object has "${name}" twice (ANN_DUP_KEY)`, this.#position);
    }
    this.#names.add(name);
    this.#member = { name, isList: false };
    this.#position = end;
    return this.#enter("colon");
  }

  #openMember(byte: number): boolean {
    this.#firstIndex = 0;
    if (byte !== OPEN_LIST) return this.#openValue(byte);
    this.#member = { name: this.#member.name, isList: true };
    return this.#enter("first value");
  }

  #openValue(byte: number): boolean {
    if (byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT || byte === COLON) {
      return this.#unexpected("a value");
    }
    this.#state = "inside a value";
    this.#valueStart = this.#position;
    this.#valueKeys = 0;
    return true;
  }

  #scanValue(runs: JsonRun[]): boolean {
    const buffer = this.#buffer;
    const length = buffer.length;
    let position = this.#position;
    while (position < length) {
      if (this.#inString) {
        const end = stringEnd(buffer, position);
        if (end < 0) {
          this.#position = ~end;
          return false;
        }
        this.#inString = false;
        position = end + 1;
        continue;
      }
      // Most bytes between strings mean nothing here.
      while (position < length && MEANS[buffer[position] ?? 0] === 0) position += 1;
      if (position === length) break;
      const byte = buffer[position] ?? 0;
      if (byte === QUOTE) this.#inString = true;
      else if (byte === COLON) this.#valueKeys += 1;
      else if (byte === COMMA) {
        if (this.#closers.length === 0) return this.#closeValue(position, runs);
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#nest(byte, position);
      else {
        if (this.#closers.length === 0) return this.#closeValue(position, runs);
        if (this.#closers.pop() !== byte) this.#fail("a bracket does not match", position);
      }
      position += 1;
    }
    this.#position = length;
    return false;
  }

  #nest(byte: number, position: number): void {
    if (this.#closers.length === MAX_DEPTH) {
      this.#fail(`nested deeper than ${MAX_DEPTH} levels`, position);
    }
    this.#closers.push(byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_LIST);
  }

  // `position` is that of the comma or bracket after the value.
  #closeValue(position: number, runs: JsonRun[]): boolean {
    const byte = this.#buffer[position];
    this.#position = position;
    this.#starts.push(this.#valueStart);
    this.#ends.push(position);
    this.#runKeys += this.#valueKeys;
    if (this.#member.isList) {
      if (byte === COMMA) return this.#enter("value");
      if (byte === CLOSE_LIST) return this.#closeList(runs);
      return this.#unexpected("a comma or the end of the list");
    }
    this.#flush(runs);
    this.#state = "next member";
    return true;
  }

  #closeList(runs: JsonRun[]): boolean {
    this.#flush(runs);
    return this.#enter(this.#isObject ? "next member" : "after the document");
  }

  #flush(runs: JsonRun[]): void {
    const start = this.#starts[0];
    const end = this.#ends.at(-1);
    if (start === undefined || end === undefined) return;
    runs.push({
      member: this.#member,
      firstIndex: this.#firstIndex,
      bytes: this.#buffer.subarray(start, end),
      starts: this.#starts.map((position) => position - start),
      ends: this.#ends.map((position) => position - start),
      numKeys: this.#runKeys,
      byteOffset: this.#bufferOffset + start,
    });
    this.#firstIndex += this.#starts.length;
    this.#starts = [];
    this.#ends = [];
    this.#runKeys = 0;
  }

  #placeInWords(): string {
    const index = this.#firstIndex + this.#starts.length;
    if (this.#member.isList) return `in ${this.#member.name}/${index}`;
    return this.#member.name === "" ? "before its first value" : `at "${this.#member.name}"`;
  }

  #unexpected(expected: string): never {
    const found = JSON.stringify(
      this.#buffer.toString("latin1", this.#position, this.#position + 1),
    );
    this.#fail(
      `found ${found} where ${expected} should be, ${this.#placeInWords()}`,
      this.#position,
    );
  }

  #fail(message: string, position: number): never {
    throw new JsonStructureFault(message, this.#bufferOffset + position);
  }
}

// Where the string ends whose inside starts at `from`; when that lies beyond the buffer, the
// complement of the position to go on from (an escape is never split).
function stringEnd(buffer: Buffer, from: number): number {
  const length = buffer.length;
  let position = from;
  while (position < length) {
    const byte = buffer[position];
    if (byte === QUOTE) return position;
    if (byte === BACKSLASH) {
      if (position + 1 === length) break;
      position += 1;
    }
    position += 1;
  }
  return ~position;
}

function parseKey(text: string): string | undefined {
  try {
    const name: unknown = JSON.parse(text);
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}
