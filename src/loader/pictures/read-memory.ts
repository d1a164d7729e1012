import { checksumMemory } from "../../core/checksum/xxh64.ts";

// More than nearly every picture takes; what is larger gets memory of its own, so that one odd file does not stay.
const MAX_KEPT_BYTES = 4 * 2 ** 20;
// Grown in such steps, memory soon fits all pictures of a set.
const STEP_BYTES = 2 ** 17;

/**
 * Memory that encoded pictures are read into, used again for the next ones: new memory for each costs page faults, and
 * the collector has to look for what nobody needs any more. It holds as much as the pictures in hand at one time took.
 */
export class ReadMemory {
  readonly #idle: Uint8Array[] = [];

  /** What `use` makes of the bytes that `read` gives, perhaps in the memory it is offered; they are valid until `use` is done. */
  async lend<Value>(
    read: (into: Uint8Array) => Uint8Array | Promise<Uint8Array>,
    use: (bytes: Uint8Array) => Promise<Value>,
  ): Promise<Value> {
    const memory = this.#idle.pop() ?? checksumMemory(STEP_BYTES);
    let neededBytes = 0;
    try {
      const reading = read(memory);
      const bytes = reading instanceof Promise ? await reading : reading;
      neededBytes = bytes.length;
      return await use(bytes);
    } finally {
      this.#idle.push(grown(memory, neededBytes));
    }
  }
}

function grown(memory: Uint8Array, neededBytes: number): Uint8Array {
  if (neededBytes <= memory.length || neededBytes > MAX_KEPT_BYTES) return memory;
  return checksumMemory(Math.ceil(neededBytes / STEP_BYTES) * STEP_BYTES);
}
