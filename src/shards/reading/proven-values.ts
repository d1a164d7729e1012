import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ByteRange } from "../arrow/batch-body.ts";

/**
 * The values of one batch whose bytes had the right SHA-256 once, each with the CRC-32 of those bytes: the
 * next time the same value is read, the cheaper checksum tells that it still is what was proven.
 */
export class ProvenValues {
  /** By the value's place in the body. */
  readonly #checksums = new Map<number, number>();

  /** Whether these bytes of `range` are the ones that were proven before. */
  isProven({ offset }: ByteRange, bytes: Uint8Array): boolean {
    const known = this.#checksums.get(offset);
    return known !== undefined && crc32(bytes) === known;
  }

  /** Undefined when the bytes have this SHA-256, which proves them; else the one that they have. */
  prove({ offset }: ByteRange, bytes: Uint8Array, sha256: string): string | undefined {
    const actual = hash("sha256", bytes, "hex");
    if (actual !== sha256) return actual;
    this.#checksums.set(offset, crc32(bytes));
    return undefined;
  }
}
