import { HASH_BYTES } from "../../../src/audit/perceptual/hash.ts";

/** Hashes of random bits. */
export function randomHashes(numRows: number, seed: number): Uint8Array {
  const hashes = new Uint8Array(numRows * HASH_BYTES);
  const words = new Uint32Array(hashes.buffer);
  const next = randomWords(seed);
  for (const at of words.keys()) words[at] = next();
  return hashes;
}

/** Makes `row` a copy of `of`, with `distance` of its bits changed. */
export function plant(
  hashes: Uint8Array,
  pair: { readonly row: number; readonly of: number; readonly distance: number },
  next: () => number,
): void {
  const to = pair.row * HASH_BYTES;
  hashes.copyWithin(to, pair.of * HASH_BYTES, (pair.of + 1) * HASH_BYTES);
  const changed = new Set<number>();
  while (changed.size < pair.distance) changed.add(next() % 256);
  for (const bit of changed) {
    const at = to + (bit >> 3);
    hashes[at] = (hashes[at] ?? 0) ^ (1 << (bit & 7));
  }
}

/** Numbers of 32 bits: splitmix32. */
export function randomWords(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    const once = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    const twice = Math.imul(once ^ (once >>> 15), 0x735a2d97);
    return (twice ^ (twice >>> 15)) >>> 0;
  };
}
