/** A Huffman table as a JPEG has it (ITU T.81, annex C): codes go up by their length, and within it in this order. */
export interface HuffmanTable {
  /** How many codes have 1 to 16 bits. */
  readonly counts: Uint8Array;
  /** What each code stands for, the shortest first. */
  readonly symbols: Uint8Array;
}

/** The bits of each symbol, by symbol. */
export interface HuffmanCodes {
  readonly codes: Uint16Array;
  /** 0 where the table has no code for it. */
  readonly lengths: Uint8Array;
}

const LONGEST = 16;
const NUM_SYMBOLS = 256;
const CODE_SPACE = 2 ** LONGEST;

/** The codes of a table; undefined when there are more of them than bits can tell apart. */
export function codesOf({ counts, symbols }: HuffmanTable): HuffmanCodes | undefined {
  const codes = new Uint16Array(NUM_SYMBOLS);
  const lengths = new Uint8Array(NUM_SYMBOLS);
  let code = 0;
  let place = 0;
  for (let length = 1; length <= LONGEST; length += 1) {
    for (let left = counts[length - 1] ?? 0; left > 0; left -= 1) {
      const symbol = symbols[place] ?? 0;
      codes[symbol] = code;
      lengths[symbol] = length;
      place += 1;
      code += 1;
    }
    if (code > 2 ** length) return undefined;
    code *= 2;
  }
  return { codes, lengths };
}

/**
 * The table with codes of 16 bits for those of the symbols that it lacks; all other codes stay as they are. Undefined when
 * it has no room left: the code of ones alone must stay free.
 */
export function withSymbols(
  table: HuffmanTable,
  wanted: readonly number[],
): HuffmanTable | undefined {
  const missing = wanted.filter((symbol) => !table.symbols.includes(symbol));
  if (missing.length === 0) return table;
  const used = table.counts.reduce((sum, count, at) => sum + count * 2 ** (LONGEST - 1 - at), 0);
  if (used + missing.length >= CODE_SPACE) return undefined;
  const counts = Uint8Array.from(table.counts);
  counts[LONGEST - 1] = (counts[LONGEST - 1] ?? 0) + missing.length;
  return { counts, symbols: Uint8Array.of(...table.symbols, ...missing) };
}

/** What codes say, by the bits that they begin with. */
export interface Lookup {
  /** For every 9 bits that begin with a whole code; 0 for all others. */
  readonly short: Uint16Array;
  /** For every 16 bits; 0 where they begin with no code. */
  readonly long: Uint16Array;
}

/** Of a lookup's shorter part, which nearly all codes are found in and which stays in a processor's nearest memory. */
export const SHORT_BITS = 9;

/** The lookup of what `valueOf` makes, in 16 bits, of a symbol and its length; undefined for a table that `codesOf` refuses. */
export function lookupOf(
  table: HuffmanTable,
  valueOf: (symbol: number, length: number) => number,
): Lookup | undefined {
  const found = codesOf(table);
  if (found === undefined) return undefined;
  const short = new Uint16Array(2 ** SHORT_BITS);
  const long = new Uint16Array(CODE_SPACE);
  for (const symbol of table.symbols) {
    const length = found.lengths[symbol] ?? 0;
    const code = found.codes[symbol] ?? 0;
    const value = valueOf(symbol, length);
    for (const [lookup, numBits] of [
      [long, LONGEST],
      [short, SHORT_BITS],
    ] as const) {
      const rest = numBits - length;
      if (rest >= 0) lookup.fill(value, code << rest, (code + 1) << rest);
    }
  }
  return { short, long };
}
