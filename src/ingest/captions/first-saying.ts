import { hash } from "node:crypto";
import { IdIndex } from "../tables/id-index.ts";

/**
 * Remembers what was first said of each name, in some tens of bytes a name, so that lines that contradict each other are
 * found in one pass. The same calls in the same order give the same answers, and a call that is repeated its first one.
 */
export class FirstSaying {
  readonly #digests = new IdIndex();

  /** Whether nothing else was said of `name` before; wrong for one contradiction in 2^31, which is then not seen. */
  agrees(name: string, saying: string): boolean {
    const digest = hash("sha256", saying, "buffer").readUInt32LE(0) >>> 1;
    return this.#digests.claim(name, digest) === digest;
  }
}
