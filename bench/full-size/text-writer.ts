import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const FLUSH_CHARACTERS = 2 ** 20;

/** Writes a text file of any size piece by piece. */
export class TextWriter implements Disposable {
  readonly #descriptor: number;
  #pending = "";

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#descriptor = openSync(path, "w");
  }

  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= FLUSH_CHARACTERS) this.#flush();
  }

  /** Writes a list as Python's json.dump does, without its brackets. */
  writeItems(items: Iterable<string>): void {
    let separator = "";
    for (const item of items) {
      this.write(separator + item);
      separator = ", ";
    }
  }

  [Symbol.dispose](): void {
    this.#flush();
    closeSync(this.#descriptor);
  }

  #flush(): void {
    for (let bytes = Buffer.from(this.#pending); bytes.length > 0;) {
      bytes = bytes.subarray(writeSync(this.#descriptor, bytes));
    }
    this.#pending = "";
  }
}
