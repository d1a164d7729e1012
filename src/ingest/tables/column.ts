type Numbers = Float64Array | Int32Array | Uint8Array;

const FIRST_CAPACITY = 1024;

/** A list of numbers that grows, without an object for each. */
export class Column<Data extends Numbers = Numbers> {
  #data: Data;
  readonly #ofSize: (size: number) => Data;
  #length = 0;

  constructor(ofSize: (size: number) => Data) {
    this.#ofSize = ofSize;
    this.#data = ofSize(FIRST_CAPACITY);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#data.length) this.#grow();
    this.#data[this.#length] = value;
    this.#length += 1;
  }

  /** The value at a position that there is; 0 beyond. */
  at(index: number): number {
    return this.#data[index] ?? 0;
  }

  set(index: number, value: number): void {
    this.#data[index] = value;
  }

  add(index: number, value: number): void {
    this.#data[index] = (this.#data[index] ?? 0) + value;
  }

  #grow(): void {
    const larger = this.#ofSize(Math.ceil(this.#data.length * 1.5));
    larger.set(this.#data);
    this.#data = larger;
  }
}

/** For sizes and positions up to 2^53. */
export function wideColumn(): Column<Float64Array> {
  return new Column((size) => new Float64Array(size));
}

/** For rows, -1 for none. */
export function rowColumn(): Column<Int32Array> {
  return new Column((size) => new Int32Array(size));
}

/** For codes up to 255. */
export function codeColumn(): Column<Uint8Array> {
  return new Column((size) => new Uint8Array(size));
}
