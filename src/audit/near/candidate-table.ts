import type { Candidate, Candidates } from "./shard-candidates.ts";

// A distance and views are below 64 each. Of equally near views those that come first are the nearest, so that the order
// of a search does not matter.
const VALUES = 64;
const NEARNESSES = VALUES ** 3;

const FIRST_CAPACITY = 4;

/** One candidate for each pair of pictures: by the views that are nearest. Some 12 bytes each. */
export class PicturePairs {
  #length = 0;
  #trains = new Uint32Array(FIRST_CAPACITY);
  /** Of each candidate the evaluation picture and then the nearness, in a number by which they are sorted. */
  #partners = new Float64Array(FIRST_CAPACITY);

  put({ distanceBits, eval: evaluated, evalView, train, trainView }: Candidate): void {
    if (this.#length === this.#trains.length) this.#enlarge();
    const nearness = (distanceBits * VALUES + evalView) * VALUES + trainView;
    this.#trains[this.#length] = train;
    this.#partners[this.#length] = evaluated * NEARNESSES + nearness;
    this.#length += 1;
  }

  /** What was put, each pair once. */
  sorted(): Candidates {
    const places = this.#placesByTraining();
    const trains = places.map((place) => this.#trains[place] ?? 0);
    const partners = new Float64Array(places.length);
    for (const [at, place] of places.entries()) partners[at] = this.#partners[place] ?? 0;
    for (let start = 0, end = 0; start < trains.length; start = end) {
      while (end < trains.length && trains[end] === trains[start]) end += 1;
      if (end - start > 1) partners.subarray(start, end).sort();
    }
    return distinctPairs(trains, partners);
  }

  #placesByTraining(): Uint32Array {
    // A number of 64 bits each, the training picture in its upper half.
    const words = new Uint32Array(2 * this.#length);
    for (let place = 0; place < this.#length; place += 1) {
      words[2 * place] = place;
      words[2 * place + 1] = this.#trains[place] ?? 0;
    }
    new BigUint64Array(words.buffer).sort();
    return new Uint32Array(this.#length).map((_, at) => words[2 * at] ?? 0);
  }

  #enlarge(): void {
    const [trains, partners] = [this.#trains, this.#partners];
    this.#trains = new Uint32Array(2 * trains.length);
    this.#partners = new Float64Array(2 * partners.length);
    this.#trains.set(trains);
    this.#partners.set(partners);
  }
}

/** Keeps the first, which is the nearest, of the candidates with the same two pictures. */
function distinctPairs(trains: Uint32Array, partners: Float64Array): Candidates {
  let length = 0;
  let last = { train: -1, eval: -1 };
  for (const [at, train] of trains.entries()) {
    const partner = partners[at] ?? 0;
    const evaluated = Math.floor(partner / NEARNESSES);
    if (last.train === train && last.eval === evaluated) continue;
    last = { train, eval: evaluated };
    trains[length] = train;
    partners[length] = partner;
    length += 1;
  }
  return new CandidateTable(trains.slice(0, length), partners.slice(0, length));
}

class CandidateTable implements Candidates {
  readonly #trains: Uint32Array;
  readonly #partners: Float64Array;

  constructor(trains: Uint32Array, partners: Float64Array) {
    this.#trains = trains;
    this.#partners = partners;
  }

  get length(): number {
    return this.#trains.length;
  }

  *[Symbol.iterator](): Generator<Candidate> {
    for (const [at, train] of this.#trains.entries()) {
      const partner = this.#partners[at] ?? 0;
      yield {
        train,
        eval: Math.floor(partner / NEARNESSES),
        distanceBits: Math.floor(partner / VALUES ** 2) % VALUES,
        trainView: partner % VALUES,
        evalView: Math.floor(partner / VALUES) % VALUES,
      };
    }
  }
}
