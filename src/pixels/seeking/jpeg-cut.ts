import type { JpegPart } from "../jpeg-part.ts";
import {
  type BaselineScan,
  FRAMES,
  HUFFMAN_TABLES,
  QUANTIZATION_TABLES,
  readBaselineScan,
  SCAN_HEADER,
  type Segment,
} from "./baseline-scan.ts";
import { BitWriter } from "./bit-writer.ts";
import type { HuffmanTable } from "./huffman-table.ts";
import { Seam } from "./seam.ts";
import { isSeekSegment, readSeekSegment, type SeekTable } from "./seek-table.ts";

/** A smaller JPEG, and where in it the part lies. */
export interface CutJpeg {
  readonly bytes: Uint8Array;
  readonly part: JpegPart;
}

/** Gives memory of at least so many bytes. */
export type Room = (numBytes: number) => Uint8Array;

const JFIF = 0xe0;
const ADOBE = 0xee;
const END_OF_IMAGE = [0xff, 0xd9] as const;
/** Cutting is not worth it when the decoder would read nearly as much. */
const MAX_SHARE = 0.9;
/** More than a seam has: ten blocks of a difference, an end, and a byte of fillers. */
const MAX_SEAM_BYTES = 160;
const MAX_TABLE_BYTES = 21 + 256;
/**
 * Bytes without meaning after the picture's end: libjpeg reads codes in a quick way as long as ten blocks of the longest
 * codes may follow.
 */
const SLACK_BYTES = 10 * 512;
/** Of a frame header: from its marker to its height. */
const FRAME_HEIGHT = 5;

/**
 * Makes of a JPEG with a seek table a smaller one that holds the strips that a part touches, with their codes as they are.
 * Undefined where there is no table or little to save. Throws when the table is damaged. The part's pixels are those of the whole
 * picture, but for the outermost ones, as `planJpegPart` allows for.
 */
export function cutJpeg(jpeg: Uint8Array, part: JpegPart, room: Room): CutJpeg | undefined {
  if (part.isWhole) return undefined;
  const scan = readBaselineScan(jpeg);
  const segment = scan?.segments.find(({ start, end }) => {
    return isSeekSegment(jpeg.subarray(start, end));
  });
  if (scan === undefined || segment === undefined) return undefined;
  // libjpeg does not smooth the colour planes of the narrowest pictures, and a cut one would not be as narrow.
  if (scan.width <= scan.unitWidth) return undefined;
  const table = readSeekSegment(jpeg.subarray(segment.start, segment.end), scan);
  const strips = stripsOf(part, scan, table);
  const spans = spansOf(strips, table);
  requireInside(spans, jpeg.length - scan.dataStart);
  const numBits = spans.reduce((sum, { first, last }) => sum + last - first, 0);
  if (numBits > MAX_SHARE * (spans.at(-1)?.last ?? 0)) return undefined;
  const seam = Seam.of(scan);
  if (seam === undefined) return undefined;
  const bytes = write({ jpeg, scan, table, strips, spans, seam }, numBits, room);
  return { bytes, part: moved(part, strips, scan) };
}

/** The strips of a part, as rows of units and strips of each; the last ones are not among them. */
interface Strips {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
  readonly unitsPerStrip: number;
  /** Of the whole picture, where the part ends: what is below is not even skipped. */
  readonly lastLine: number;
}

function stripsOf({ reduction, region }: JpegPart, scan: BaselineScan, table: SeekTable): Strips {
  const { numRows, stripsPerRow, unitsPerStrip } = table;
  const across = scan.unitWidth * unitsPerStrip;
  const below = (region.y + region.height) * reduction;
  const beside = (region.x + region.width) * reduction;
  return {
    top: Math.floor((region.y * reduction) / scan.unitHeight),
    bottom: Math.min(numRows, Math.ceil(below / scan.unitHeight)),
    left: Math.floor((region.x * reduction) / across),
    right: Math.min(stripsPerRow, Math.ceil(beside / across)),
    unitsPerStrip,
    lastLine: Math.min(scan.height, below),
  };
}

/** Codes that lie together: of the strips of a row. */
interface Span {
  /** Places of the table's points, and their positions. */
  readonly start: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

function spansOf({ bottom, left, right, top }: Strips, table: SeekTable): Span[] {
  const { numRows, points, stripsPerRow } = table;
  const pointLength = points.length / (numRows * stripsPerRow + 1);
  return Array.from({ length: bottom - top }, (_, row) => {
    const start = ((top + row) * stripsPerRow + left) * pointLength;
    const end = start + (right - left) * pointLength;
    return { start, end, first: points[start] ?? 0, last: points[end] ?? 0 };
  });
}

function requireInside(spans: readonly Span[], numBytes: number): void {
  const isInside = spans.every(({ first, last }) => first <= last && last <= 8 * numBytes);
  if (!isInside) throw new Error("its seek table leads out of the picture");
}

interface Cut {
  readonly jpeg: Uint8Array;
  readonly scan: BaselineScan;
  readonly table: SeekTable;
  readonly strips: Strips;
  readonly spans: readonly Span[];
  readonly seam: Seam;
}

function write(cut: Cut, numBits: number, room: Room): Uint8Array {
  const { scan, spans } = cut;
  const numTables = scan.dcTables.size + scan.acTables.size;
  const headBytes = scan.dataStart + numTables * MAX_TABLE_BYTES;
  const bytes = room(headBytes + numBits / 8 + (spans.length + 1) * MAX_SEAM_BYTES + SLACK_BYTES);
  const start = writeHead(bytes, cut);
  const end = writeScan(new BitWriter(bytes, start), cut);
  bytes.set(END_OF_IMAGE, end);
  return bytes.subarray(0, end + END_OF_IMAGE.length + SLACK_BYTES);
}

function writeHead(into: Uint8Array, { jpeg, scan, seam, strips }: Cut): number {
  let end = 0;
  const put = (bytes: ArrayLike<number>): void => {
    into.set(bytes, end);
    end += bytes.length;
  };
  put(jpeg.subarray(0, 2));
  for (const segment of scan.segments.filter(isNeeded)) {
    if (segment.marker === SCAN_HEADER) {
      for (const [name, table] of seam.dcTables) put(tableSegment(name, table));
      for (const [name, table] of scan.acTables) put(tableSegment(name | 16, table));
    }
    const start = end;
    put(jpeg.subarray(segment.start, segment.end));
    if (FRAMES.has(segment.marker)) {
      const { height, width } = sizeOf(strips, scan);
      into.set([height >> 8, height & 255, width >> 8, width & 255], start + FRAME_HEIGHT);
    }
  }
  return end;
}

function isNeeded({ marker }: Segment): boolean {
  return FRAMES.has(marker) || [JFIF, ADOBE, QUANTIZATION_TABLES, SCAN_HEADER].includes(marker);
}

function tableSegment(name: number, { counts, symbols }: HuffmanTable): number[] {
  const length = 19 + symbols.length;
  return [0xff, HUFFMAN_TABLES, length >> 8, length & 255, name, ...counts, ...symbols];
}

/** A unit of a seam stands at the left of each row. */
function sizeOf(
  strips: Strips,
  scan: BaselineScan,
): { readonly width: number; readonly height: number } {
  const across = scan.unitWidth * strips.unitsPerStrip;
  const [left, top] = [strips.left * across, strips.top * scan.unitHeight];
  return {
    width: scan.unitWidth + Math.min(scan.width, strips.right * across) - left,
    height: strips.lastLine - top,
  };
}

function writeScan(writer: BitWriter, { jpeg, scan, seam, spans, table }: Cut): number {
  const data = jpeg.subarray(scan.dataStart);
  const { points } = table;
  let before: number | undefined;
  for (const { end, first, last, start } of spans) {
    const from = before;
    const change = (component: number): number => {
      const known = from === undefined ? 0 : (points[from + 1 + component] ?? 0);
      return (points[start + 1 + component] ?? 0) - known;
    };
    seam.write(writer, change, first & 7);
    writer.copy(data, first, last);
    before = end;
  }
  writer.finish();
  return writer.end;
}

function moved(part: JpegPart, { left, top, unitsPerStrip }: Strips, scan: BaselineScan): JpegPart {
  const { reduction, region } = part;
  const x = region.x - ((left * unitsPerStrip - 1) * scan.unitWidth) / reduction;
  const y = region.y - (top * scan.unitHeight) / reduction;
  return { ...part, region: { ...region, x, y }, isWhole: false };
}
