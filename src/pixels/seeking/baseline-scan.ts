import type { HuffmanTable } from "./huffman-table.ts";

/** A component of a picture, as its scan has it. */
interface ScanComponent {
  /** Of 8 x 8 samples, in each unit. */
  readonly numBlocks: number;
  /** Its DC and AC tables, by their places in the scan's lists. */
  readonly dc: number;
  readonly ac: number;
}

/** The bytes of a marker segment, its marker included. */
export interface Segment {
  readonly marker: number;
  readonly start: number;
  readonly end: number;
}

/** A JPEG whose pixels are all in one scan of Huffman codes, without restart markers. */
export interface BaselineScan {
  readonly width: number;
  readonly height: number;
  /** The scan is a row of units after the other; of this many pixels is a unit ("MCU"). */
  readonly unitWidth: number;
  readonly unitHeight: number;
  readonly components: readonly ScanComponent[];
  readonly dcTables: ReadonlyMap<number, HuffmanTable>;
  readonly acTables: ReadonlyMap<number, HuffmanTable>;
  /** All segments up to the scan's header, in order; that is the last one. */
  readonly segments: readonly Segment[];
  /** Where the scan's codes begin. */
  readonly dataStart: number;
}

export const FRAMES: ReadonlySet<number> = new Set([0xc0, 0xc1]);
export const HUFFMAN_TABLES = 0xc4;
export const SCAN_HEADER = 0xda;
export const QUANTIZATION_TABLES = 0xdb;
const RESTART_INTERVAL = 0xdd;
const APPLICATIONS = [0xe0, 0xef] as const;
const COMMENT = 0xfe;
const BLOCK = 8;
const MAX_COMPONENT_TABLES = 4;
const HEADER_BYTES = 4;

/**
 * Reads the header of a JPEG (ITU T.81, annex B). Undefined for all but sequential Huffman coding of one or three
 * components of 8 bits in a single scan without restart markers, and for headers that make no sense.
 */
export function readBaselineScan(jpeg: Uint8Array): BaselineScan | undefined {
  const segments = segmentsOf(jpeg);
  const header = segments?.at(-1);
  if (segments === undefined || header === undefined) return undefined;
  const frames = segments.filter(({ marker }) => FRAMES.has(marker));
  const frame = frames.length === 1 ? frameOf(jpeg, frames[0]) : undefined;
  const tables = tablesOf(jpeg, segments);
  const components = frame && tables && componentsOf(jpeg, header, frame);
  if (frame === undefined || tables === undefined || components === undefined) return undefined;
  const { dcTables, acTables } = tables;
  if (!components.every(({ ac, dc }) => dcTables.has(dc) && acTables.has(ac))) return undefined;
  const { height, unitHeight, unitWidth, width } = frame;
  const size = { width, height, unitWidth, unitHeight };
  return { ...size, components, dcTables, acTables, segments, dataStart: header.end };
}

/** Undefined where anything stands that this way of reading has no part for. */
function segmentsOf(jpeg: Uint8Array): Segment[] | undefined {
  const segments: Segment[] = [];
  let start = 2; // after the start-of-image marker
  for (;;) {
    let code = start + 1;
    while (jpeg[code] === 0xff) code += 1; // fill bytes
    const marker = jpeg[code] ?? 0;
    const length = readUint16(jpeg, code + 1);
    const end = code + 1 + length;
    if (jpeg[start] !== 0xff || length < 2 || end > jpeg.length || !isKnown(marker))
      return undefined;
    // The segment's own marker stands right before its length, whatever filled the bytes before it.
    segments.push({ marker, start: code - 1, end });
    if (marker === SCAN_HEADER) return segments;
    if (marker === RESTART_INTERVAL && readUint16(jpeg, code + 3) !== 0) return undefined;
    start = end;
  }
}

function isKnown(marker: number): boolean {
  const [first, last] = APPLICATIONS;
  if (marker >= first && marker <= last) return true;
  if (FRAMES.has(marker) || marker === HUFFMAN_TABLES || marker === SCAN_HEADER) return true;
  return [QUANTIZATION_TABLES, RESTART_INTERVAL, COMMENT].includes(marker);
}

interface Frame extends Pick<BaselineScan, "width" | "height" | "unitWidth" | "unitHeight"> {
  readonly components: readonly { readonly id: number; readonly numBlocks: number }[];
}

function frameOf(jpeg: Uint8Array, segment: Segment | undefined): Frame | undefined {
  if (segment === undefined) return undefined;
  const at = segment.start + HEADER_BYTES;
  const [height, width] = [readUint16(jpeg, at + 1), readUint16(jpeg, at + 3)];
  const numComponents = jpeg[at + 5] ?? 0;
  const isCommon = jpeg[at] === 8 && (numComponents === 1 || numComponents === 3);
  if (!isCommon || at + 6 + 3 * numComponents !== segment.end || width * height === 0) {
    return undefined;
  }
  const sampled = Array.from({ length: numComponents }, (_, index) => {
    const [id = 0, sampling = 0] = jpeg.subarray(at + 6 + 3 * index);
    return { id, across: sampling >> 4, down: sampling & 15 };
  });
  if (sampled.some(({ across, down }) => !isSampling(across) || !isSampling(down)))
    return undefined;
  // The blocks of a scan with one component are its units, whatever its sampling factors.
  const isAlone = numComponents === 1;
  const components = sampled.map(({ across, down, id }) => {
    return { id, numBlocks: isAlone ? 1 : across * down };
  });
  const unitWidth = isAlone ? BLOCK : BLOCK * Math.max(...sampled.map(({ across }) => across));
  const unitHeight = isAlone ? BLOCK : BLOCK * Math.max(...sampled.map(({ down }) => down));
  return { width, height, unitWidth, unitHeight, components };
}

function isSampling(factor: number): boolean {
  return factor >= 1 && factor <= 4;
}

type Tables = Pick<BaselineScan, "dcTables" | "acTables">;

function tablesOf(jpeg: Uint8Array, segments: readonly Segment[]): Tables | undefined {
  const tables = { dcTables: new Map<number, HuffmanTable>(), acTables: new Map() };
  const isSound = segments
    .filter(({ marker }) => marker === HUFFMAN_TABLES)
    .every((segment) => readTables(jpeg, segment, tables));
  return isSound ? tables : undefined;
}

function readTables(
  jpeg: Uint8Array,
  { end, start }: Segment,
  into: { dcTables: Map<number, HuffmanTable>; acTables: Map<number, HuffmanTable> },
): boolean {
  let at = start + HEADER_BYTES;
  while (at < end) {
    const name = jpeg[at] ?? 0;
    const counts = jpeg.subarray(at + 1, at + 17);
    const numSymbols = counts.reduce((sum, count) => sum + count, 0);
    const symbols = jpeg.subarray(at + 17, at + 17 + numSymbols);
    at += 17 + numSymbols;
    if (at > end || (name & 15) >= MAX_COMPONENT_TABLES) return false;
    (name >> 4 === 0 ? into.dcTables : into.acTables).set(name & 15, { counts, symbols });
  }
  return true;
}

/** Undefined unless the scan has all components of the frame, in its order, and all of their frequencies. */
function componentsOf(
  jpeg: Uint8Array,
  { start, end }: Segment,
  frame: Frame,
): ScanComponent[] | undefined {
  const at = start + HEADER_BYTES + 1;
  const numComponents = jpeg[at - 1] ?? 0;
  const selection = at + 2 * numComponents;
  const isWhole = jpeg[selection] === 0 && jpeg[selection + 1] === 63 && jpeg[selection + 2] === 0;
  if (numComponents !== frame.components.length || selection + 3 !== end || !isWhole)
    return undefined;
  const inOrder = frame.components.every(({ id }, index) => jpeg[at + 2 * index] === id);
  if (!inOrder) return undefined;
  return frame.components.map(({ numBlocks }, index) => {
    const tables = jpeg[at + 2 * index + 1] ?? 0;
    return { numBlocks, dc: tables >> 4, ac: tables & 15 };
  });
}

function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
}
