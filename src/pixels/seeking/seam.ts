import type { BaselineScan } from "./baseline-scan.ts";
import type { BitWriter } from "./bit-writer.ts";
import { codesOf, type HuffmanCodes, type HuffmanTable, withSymbols } from "./huffman-table.ts";

/** The sizes in bits that differences of DC values can have: all of two values with 11 bits and a sign. */
const DC_SIZES = Array.from({ length: 13 }, (_, size) => size);
const END_OF_BLOCK = 0;
const PHASES = 8;
/** Seven values at most fill a byte: with runs of up to 3, as in the symbols below this one, they fit into a block. */
const MAX_FILLER = 0x40;

interface SeamBlock {
  readonly component: number;
  readonly isFirst: boolean;
  readonly dc: HuffmanCodes;
  readonly ac: HuffmanCodes;
}

/**
 * Units that make what follows them decode as it did in another scan: their DC values lead from the values that were to the
 * values that must be, and they are as long as it takes that bytes can be copied. What they show is cut away.
 */
export class Seam {
  /** The scan's DC tables, with a code for every difference. */
  readonly dcTables: ReadonlyMap<number, HuffmanTable>;
  readonly #blocks: readonly SeamBlock[];
  /** For each number of bits, modulo 8, the AC symbols of the last block that have as many. */
  readonly #fillers: readonly (readonly number[])[];

  private constructor(
    dcTables: Seam["dcTables"],
    blocks: readonly SeamBlock[],
    fillers: readonly (readonly number[])[],
  ) {
    this.dcTables = dcTables;
    this.#blocks = blocks;
    this.#fillers = fillers;
  }

  /** Undefined where the scan's tables have no codes for such units and no room for more. */
  static of({ acTables, components, dcTables }: BaselineScan): Seam | undefined {
    const extended = new Map<number, HuffmanTable>();
    for (const [name, table] of dcTables) {
      const wider = withSymbols(table, DC_SIZES);
      if (wider === undefined) return undefined;
      extended.set(name, wider);
    }
    const [dcCodes, acCodes] = [allCodesOf(extended), allCodesOf(acTables)];
    const blocks: SeamBlock[] = [];
    for (const [component, { numBlocks, ...names }] of components.entries()) {
      const [dc, ac] = [dcCodes.get(names.dc), acCodes.get(names.ac)];
      if (dc === undefined || ac === undefined || ac.lengths[END_OF_BLOCK] === 0) return undefined;
      for (let block = 0; block < numBlocks; block += 1) {
        blocks.push({ component, isFirst: block === 0, dc, ac });
      }
    }
    const last = blocks.at(-1);
    const fillers = last && fillersOf(last.ac);
    return fillers && new Seam(extended, blocks, fillers);
  }

  /** Writes one, from these DC values to those, for codes that begin at that phase. */
  write(writer: BitWriter, change: (component: number) => number, phase: number): void {
    for (const [index, { ac, component, dc, isFirst }] of this.#blocks.entries()) {
      putDifference(writer, dc, isFirst ? change(component) : 0);
      const end = ac.lengths[END_OF_BLOCK] ?? 0;
      if (index === this.#blocks.length - 1) {
        const missing = (phase - writer.phase - end + 4 * PHASES) % PHASES;
        for (const symbol of this.#fillers[missing] ?? []) putValue(writer, ac, symbol);
      }
      writer.put(ac.codes[END_OF_BLOCK] ?? 0, end);
    }
  }
}

function allCodesOf(
  tables: ReadonlyMap<number, HuffmanTable>,
): Map<number, HuffmanCodes | undefined> {
  return new Map(Array.from(tables, ([name, table]) => [name, codesOf(table)]));
}

function putDifference(writer: BitWriter, dc: HuffmanCodes, difference: number): void {
  const size = 32 - Math.clz32(Math.abs(difference));
  writer.put(dc.codes[size] ?? 0, dc.lengths[size] ?? 0);
  if (size > 0) writer.put(difference < 0 ? difference - 1 : difference, size);
}

function putValue(writer: BitWriter, ac: HuffmanCodes, symbol: number): void {
  writer.put(ac.codes[symbol] ?? 0, ac.lengths[symbol] ?? 0);
  writer.put(0xffff, symbol & 15);
}

/** The shortest way to each number of bits modulo 8, as symbols; undefined when one cannot be reached. */
function fillersOf(codes: HuffmanCodes): (readonly number[])[] | undefined {
  const steps = stepsOf(codes);
  const ways = { numBits: new Uint16Array(PHASES).fill(UNREACHED), last: new Uint8Array(PHASES) };
  ways.numBits[0] = 0;
  for (let round = 1; round < PHASES; round += 1) {
    for (let from = 0; from < PHASES; from += 1) goOn(ways, from, steps);
  }
  if (ways.numBits.includes(UNREACHED)) return undefined;
  return Array.from({ length: PHASES }, (_, phase) => wayTo(phase, ways.last, codes));
}

/** To each number of bits modulo 8. */
interface Ways {
  /** The fewest there are. */
  readonly numBits: Uint16Array;
  /** The last symbol of as many. */
  readonly last: Uint8Array;
}

function goOn({ last, numBits }: Ways, from: number, steps: readonly Step[]): void {
  for (const step of steps) {
    const length = (numBits[from] ?? 0) + step.numBits;
    const to = length % PHASES;
    if (length >= (numBits[to] ?? 0)) continue;
    numBits[to] = length;
    last[to] = step.symbol;
  }
}

/** More than all values of a block have. */
const UNREACHED = 0xffff - 64;

function wayTo(phase: number, last: Uint8Array, { lengths }: HuffmanCodes): number[] {
  const symbols: number[] = [];
  let at = phase;
  while (at !== 0) {
    const symbol = last[at] ?? 0;
    symbols.push(symbol);
    at = (at + 4 * PHASES - (lengths[symbol] ?? 0) - (symbol & 15)) % PHASES;
  }
  return symbols;
}

interface Step {
  readonly symbol: number;
  readonly numBits: number;
}

/** Of the symbols whose bits are as many modulo 8, the one with the fewest. */
function stepsOf({ lengths }: HuffmanCodes): readonly Step[] {
  const shortest: Step[] = [];
  for (let symbol = 1; symbol < MAX_FILLER; symbol += 1) {
    const length = lengths[symbol] ?? 0;
    const numBits = length + (symbol & 15);
    const known = shortest[numBits % PHASES];
    if (length === 0 || (symbol & 15) === 0 || (known?.numBits ?? UNREACHED) <= numBits) continue;
    shortest[numBits % PHASES] = { symbol, numBits };
  }
  return shortest.filter((step) => step !== undefined);
}
