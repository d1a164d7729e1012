/** Sets that are united, by the numbers of their members; each is named by its smallest member. */
export class DisjointSets {
  /** Of each member a number nearer to the smallest of its set, or itself. */
  readonly #parents: Uint32Array;

  constructor(length: number) {
    this.#parents = new Uint32Array(length);
    for (let member = 0; member < length; member += 1) this.#parents[member] = member;
  }

  /** The smallest member of the set. */
  rootOf(member: number): number {
    let at = member;
    for (;;) {
      const parent = this.#parents[at] ?? at;
      if (parent === at) return at;
      const beyond = this.#parents[parent] ?? parent;
      this.#parents[at] = beyond; // cuts the path in half
      at = beyond;
    }
  }

  unite(one: number, other: number): void {
    const [first, second] = [this.rootOf(one), this.rootOf(other)];
    this.#parents[Math.max(first, second)] = Math.min(first, second);
  }
}
