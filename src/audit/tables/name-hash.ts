const [C1, C2, C3, C4] = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93];
const UNITS_PER_BLOCK = 8;

/**
 * MurmurHash3 (x86, 128 bits) of a text's UTF-16 code units, little-endian, written to the four words of `hash`.
 * Among 20 million names two have one hash with a probability below 10^-24, so equal hashes are taken for equal names.
 */
export function hashName(text: string, seed: number, hash: Uint32Array): void {
  let [h1, h2, h3, h4] = [seed, seed, seed, seed];
  const { length } = text;
  const numBlocks = Math.floor(length / UNITS_PER_BLOCK);
  for (let block = 0; block < numBlocks; block += 1) {
    const at = block * UNITS_PER_BLOCK;
    h1 = h1 ^ scrambled1(wordAt(text, at));
    h1 = (Math.imul(rotated(h1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 = h2 ^ scrambled2(wordAt(text, at + 2));
    h2 = (Math.imul(rotated(h2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 = h3 ^ scrambled3(wordAt(text, at + 4));
    h3 = (Math.imul(rotated(h3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 = h4 ^ scrambled4(wordAt(text, at + 6));
    h4 = (Math.imul(rotated(h4, 13) + h1, 5) + 0x32ac3b17) | 0;
  }
  const tail = numBlocks * UNITS_PER_BLOCK;
  const numLeft = length - tail;
  if (numLeft > 6) h4 = h4 ^ scrambled4(wordAt(text, tail + 6));
  if (numLeft > 4) h3 = h3 ^ scrambled3(wordAt(text, tail + 4));
  if (numLeft > 2) h2 = h2 ^ scrambled2(wordAt(text, tail + 2));
  if (numLeft > 0) h1 = h1 ^ scrambled1(wordAt(text, tail));
  const numBytes = length * 2;
  [h1, h2, h3, h4] = [h1 ^ numBytes, h2 ^ numBytes, h3 ^ numBytes, h4 ^ numBytes];
  const sum = (h1 + h2 + h3 + h4) | 0;
  [h1, h2, h3, h4] = [
    finished(sum),
    finished((h2 + sum) | 0),
    finished((h3 + sum) | 0),
    finished((h4 + sum) | 0),
  ];
  const total = (h1 + h2 + h3 + h4) | 0;
  hash[0] = total;
  hash[1] = h2 + total;
  hash[2] = h3 + total;
  hash[3] = h4 + total;
}

/** Two code units; what is beyond the end is zero. */
function wordAt(text: string, at: number): number {
  const high = at + 1 < text.length ? text.charCodeAt(at + 1) : 0;
  return text.charCodeAt(at) | (high << 16);
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function scrambled1(word: number): number {
  return Math.imul(rotated(Math.imul(word, C1), 15), C2);
}

function scrambled2(word: number): number {
  return Math.imul(rotated(Math.imul(word, C2), 16), C3);
}

function scrambled3(word: number): number {
  return Math.imul(rotated(Math.imul(word, C3), 17), C4);
}

function scrambled4(word: number): number {
  return Math.imul(rotated(Math.imul(word, C4), 18), C1);
}

function finished(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
