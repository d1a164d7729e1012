import { PickleFault } from "./pickle-bytes.ts";

/** A dict as a plain object. */
export interface PickledDict {
  [key: string]: unknown;
}

export interface StackLimits {
  /** How many values may be pushed in all; a list or dict of one byte takes fifty in memory. */
  readonly maxValues: number;
}

/** The values that are being put together, the marks between them, and the memo. */
export class PickleStack {
  /** Where the opcode stands that is being done; faults name it. */
  opcodeOffset = 0;
  readonly #limits: StackLimits;
  readonly #values: unknown[] = [];
  readonly #marks: number[] = [];
  /** By index; no pickled value is undefined. */
  readonly #memo: unknown[] = [];
  #numRemembered = 0;
  #numPushed = 0;

  constructor(limits: StackLimits) {
    this.#limits = limits;
  }

  push(value: unknown): void {
    this.#numPushed += 1;
    if (this.#numPushed > this.#limits.maxValues) {
      throw this.fault(`it holds more than ${this.#limits.maxValues} values`);
    }
    this.#values.push(value);
  }

  pop(): unknown {
    this.#requireValue();
    return this.#values.pop();
  }

  top(): unknown {
    this.#requireValue();
    return this.#values.at(-1);
  }

  /** The list on the top, to be added to. */
  topList(): unknown[] {
    const list = this.top();
    if (!isList(list)) throw this.fault("there is no list to add to");
    return list;
  }

  /** The dict on the top, to be added to. */
  topDict(): PickledDict {
    const dict = this.top();
    if (!isDict(dict)) throw this.fault("there is no dict to add to");
    return dict;
  }

  mark(): void {
    this.#marks.push(this.#values.length);
  }

  popToMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.fault("there is no mark");
    return this.#values.splice(mark);
  }

  /** POP, which takes a mark away where that is on the top. */
  popValueOrMark(): void {
    if (this.#marks.at(-1) === this.#values.length) this.#marks.pop();
    else this.pop();
  }

  /** Under the next free index. */
  memoize(): void {
    this.put(this.#numRemembered);
  }

  put(index: number | undefined): void {
    const value = this.top();
    if (index === undefined || index < 0 || index > this.#limits.maxValues) {
      throw this.fault("the memo has no such index");
    }
    if (this.#memo[index] === undefined) this.#numRemembered += 1;
    this.#memo[index] = value;
  }

  get(index: number | undefined): void {
    const value = index === undefined ? undefined : this.#memo[index];
    if (value === undefined) throw this.fault(`nothing was remembered as ${index}`);
    this.push(value);
  }

  /** The one value that is left at the end. */
  result(): unknown {
    const value = this.pop();
    if (this.#values.length > 0 || this.#marks.length > 0) {
      throw this.fault("values are left over at the end");
    }
    return value;
  }

  fault(message: string): PickleFault {
    return new PickleFault(message, this.opcodeOffset);
  }

  #requireValue(): void {
    if (this.#values.length <= (this.#marks.at(-1) ?? 0)) throw this.fault("there is no value");
  }
}

/** Whether a value is a list or a tuple. */
export function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

export function isDict(value: unknown): value is PickledDict {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
