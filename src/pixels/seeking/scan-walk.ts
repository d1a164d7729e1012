import type { BaselineScan } from "./baseline-scan.ts";
import { type Lookup, lookupOf, SHORT_BITS } from "./huffman-table.ts";
import { type Division, divide, type SeekTable } from "./seek-table.ts";

/** What a lookup of AC codes says of the end of a block: more than all steps of a block together. */
const END_OF_BLOCK = 128;
const BLOCK_VALUES = 64;
const END_SYMBOL = 0;
const ZERO_RUN_SYMBOL = 0xf0;
const ADVANCE_BITS = 5;
const ADVANCE_MASK = 31;
const MAX_DC_BITS = 11;
/** Of 8-bit samples, whatever they are divided by. */
const MAX_PREDICTION = 2047;
/** Behind the codes: more than a unit can lead past their end before that is seen. */
const SPARE_BYTES = 4096;
const STUFFED = 0x00;
const END_OF_IMAGE = 0xd9;

/**
 * Walks the codes of a scan from begin to end and notes where each strip begins. Undefined when the codes make no sense or
 * there are not as many as the picture has units.
 */
export function walkScan(
  jpeg: Uint8Array,
  scan: BaselineScan,
  unitsPerStrip: number,
): SeekTable | undefined {
  const data = unstuffed(jpeg, scan.dataStart);
  const walker = data && ScanWalker.over(data, scan);
  return walker?.walk(divide(scan, unitsPerStrip));
}

interface ScanData {
  /** The codes without stuffed bytes, and some zeros behind them. */
  readonly codes: DataView;
  readonly numBits: number;
  /** The places in `codes` that a stuffed byte was behind. */
  readonly stuffed: readonly number[];
}

/** Undefined unless the first marker is the picture's end. */
function unstuffed(jpeg: Uint8Array, start: number): ScanData | undefined {
  const bytes = new Uint8Array(jpeg.length - start + SPARE_BYTES);
  const stuffed: number[] = [];
  let length = 0;
  let from = start;
  for (;;) {
    const at = jpeg.indexOf(0xff, from);
    const next = at === -1 ? undefined : jpeg[at + 1];
    if (next !== STUFFED && next !== END_OF_IMAGE) return undefined;
    const end = next === STUFFED ? at + 1 : at;
    bytes.set(jpeg.subarray(from, end), length);
    length += end - from;
    if (next === END_OF_IMAGE) {
      return { codes: new DataView(bytes.buffer), numBits: length * 8, stuffed };
    }
    stuffed.push(length - 1);
    from = end + 1;
  }
}

/** A block as the walk needs it. */
interface Block {
  readonly component: number;
  /** The code's and the difference's bits together, and the difference's. */
  readonly dc: Lookup;
  /** The code's and the value's bits together, and the step in the block. */
  readonly ac: Lookup;
}

class ScanWalker {
  readonly #data: ScanData;
  readonly #scan: BaselineScan;
  readonly #blocks: readonly Block[];
  readonly #predictions: Int32Array;
  #bit = 0;

  private constructor(data: ScanData, scan: BaselineScan, blocks: readonly Block[]) {
    this.#data = data;
    this.#scan = scan;
    this.#blocks = blocks;
    this.#predictions = new Int32Array(scan.components.length);
  }

  static over(data: ScanData, scan: BaselineScan): ScanWalker | undefined {
    const blocks = blocksOf(scan);
    return blocks && new ScanWalker(data, scan, blocks);
  }

  walk(division: Division): SeekTable | undefined {
    const { numRows, stripsPerRow, unitsPerStrip } = division;
    const pointLength = 1 + this.#predictions.length;
    const unitsPerRow = Math.ceil(this.#scan.width / this.#scan.unitWidth);
    const numStrips = numRows * stripsPerRow;
    const points = new Int32Array((numStrips + 1) * pointLength);
    for (let strip = 0; strip <= numStrips; strip += 1) {
      points[strip * pointLength] = this.#bit;
      points.set(this.#predictions, strip * pointLength + 1);
      const first = (strip % stripsPerRow) * unitsPerStrip;
      const numUnits = strip === numStrips ? 0 : Math.min(unitsPerStrip, unitsPerRow - first);
      for (let unit = 0; unit < numUnits; unit += 1) if (!this.#stepUnit()) return undefined;
    }
    const left = this.#data.numBits - this.#bit;
    if (left < 0 || left > 7) return undefined;
    addStuffing(points, pointLength, this.#data);
    return { ...division, points };
  }

  #stepUnit(): boolean {
    for (const block of this.#blocks) if (!this.#stepBlock(block)) return false;
    return this.#bit <= this.#data.numBits;
  }

  #stepBlock({ ac, component, dc }: Block): boolean {
    const { codes } = this.#data;
    const first = find(dc, peek(codes, this.#bit));
    const length = first >> ADVANCE_BITS;
    let bit = this.#bit + (first & ADVANCE_MASK);
    if (length > 0) {
      const raw = peek(codes, bit - length) >> (16 - length);
      const difference = raw < 1 << (length - 1) ? raw - (1 << length) + 1 : raw;
      const prediction = (this.#predictions[component] ?? 0) + difference;
      if (Math.abs(prediction) > MAX_PREDICTION) return false;
      this.#predictions[component] = prediction;
    }
    let place = 1;
    while (place < BLOCK_VALUES) {
      const found = find(ac, peek(codes, bit));
      if (found === 0) return false;
      bit += found & ADVANCE_MASK;
      place += found >> ADVANCE_BITS;
    }
    this.#bit = bit;
    return first !== 0 && (place === BLOCK_VALUES || place >= END_OF_BLOCK);
  }
}

/** The 16 bits from there on. */
function peek(codes: DataView, bit: number): number {
  return (codes.getUint32(bit >> 3) >>> (16 - (bit & 7))) & 0xffff;
}

function find({ long, short }: Lookup, bits: number): number {
  return (short[bits >> (16 - SHORT_BITS)] ?? 0) || (long[bits] ?? 0);
}

function blocksOf({ acTables, components, dcTables }: BaselineScan): Block[] | undefined {
  const lookups = new Map<object, Lookup | undefined>();
  for (const table of dcTables.values()) lookups.set(table, lookupOf(table, dcStep));
  for (const table of acTables.values()) lookups.set(table, lookupOf(table, acStep));
  const blocks: Block[] = [];
  for (const [component, { numBlocks, ...tables }] of components.entries()) {
    const dc = lookups.get(dcTables.get(tables.dc) ?? {});
    const ac = lookups.get(acTables.get(tables.ac) ?? {});
    if (dc === undefined || ac === undefined) return undefined;
    for (let block = 0; block < numBlocks; block += 1) blocks.push({ component, dc, ac });
  }
  return blocks;
}

function dcStep(numBits: number, length: number): number {
  return numBits > MAX_DC_BITS ? 0 : (numBits << ADVANCE_BITS) | (length + numBits);
}

function acStep(symbol: number, length: number): number {
  const numBits = symbol & 15;
  const run = symbol >> 4;
  if (symbol === END_SYMBOL) return (END_OF_BLOCK << ADVANCE_BITS) | length;
  if (numBits === 0 && symbol !== ZERO_RUN_SYMBOL) return 0;
  return ((run + 1) << ADVANCE_BITS) | (length + numBits);
}

/** Makes positions those in the file: one at a byte's begin is behind what was stuffed after the byte before. */
function addStuffing(points: Int32Array, pointLength: number, { stuffed }: ScanData): void {
  let numStuffed = 0;
  for (let at = 0; at < points.length; at += pointLength) {
    const bit = points[at] ?? 0;
    while ((stuffed[numStuffed] ?? Number.POSITIVE_INFINITY) < bit >> 3) numStuffed += 1;
    points[at] = bit + 8 * numStuffed;
  }
}
