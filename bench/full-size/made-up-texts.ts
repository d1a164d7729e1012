import { RandomStream } from "../../src/core/random.ts";

/**
 * Makes texts up that have the words and the lengths of real ones, so that a file of millions of them
 * has the size of the real file.
 */
export class MadeUpTexts {
  readonly #random: RandomStream;
  readonly #words: readonly string[];
  readonly #lengths: readonly number[];

  constructor(samples: readonly string[], ...seed: readonly number[]) {
    this.#random = new RandomStream(...seed);
    const split = samples.map((sample) => sample.split(" "));
    this.#words = split.flat();
    this.#lengths = split.map(({ length }) => length);
  }

  next(): string {
    let text = this.#random.pick(this.#words);
    for (let left = this.#random.pick(this.#lengths); left > 1; left -= 1) {
      text += ` ${this.#random.pick(this.#words)}`;
    }
    return text;
  }
}
