import { ConfigError } from "../../core/errors.ts";

/** A perceptual hash is 256 bits in 32 bytes, in the order in which they are spelled. */
export const HASH_BYTES = 32;

const SPELLING = /^[0-9a-f]{64}$/;

/** 64 hexadecimal digits, the highest frequencies first, as PDQ's reference prints a hash. */
export function spellHash(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString("hex");
}

/**
 * The hash that is spelled by 64 hexadecimal digits.
 *
 * Throws ConfigError for another text.
 */
export function parseHash(text: string): Uint8Array {
  const digits = text.toLowerCase();
  if (!SPELLING.test(digits)) {
    throw new ConfigError(`${JSON.stringify(text.slice(0, 80))} is no perceptual hash`, {
      remedy: "a hash is 64 hexadecimal digits",
    });
  }
  return new Uint8Array(Buffer.from(digits, "hex"));
}

/** Bits in which two hashes differ, 0 to 256. */
export function hashDistance(one: Uint8Array, other: Uint8Array): number {
  let distance = 0;
  for (let at = 0; at < HASH_BYTES; at += 1) distance += numBits((one[at] ?? 0) ^ (other[at] ?? 0));
  return distance;
}

function numBits(byte: number): number {
  const pairs = byte - ((byte >> 1) & 0x55);
  const fours = (pairs & 0x33) + ((pairs >> 2) & 0x33);
  return (fours + (fours >> 4)) & 0x0f;
}
