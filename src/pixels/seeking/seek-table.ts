import { crc32 } from "node:zlib";
import type { BaselineScan } from "./baseline-scan.ts";

/**
 * Where a scan can be entered: at the first unit of each strip. A strip is as many units of one row of units as
 * `unitsPerStrip` says, or what is left of the row.
 */
export interface SeekTable {
  readonly unitsPerStrip: number;
  readonly stripsPerRow: number;
  readonly numRows: number;
  /**
   * [strips + 1, 1 + components]: of each strip, row by row, and of the scan's end. First its position: bits from the scan's
   * begin, stuffed bytes counted as well; then the DC values that its first differences are taken from.
   */
  readonly points: Int32Array;
}

/** How a scan is divided. */
export type Division = Pick<SeekTable, "unitsPerStrip" | "stripsPerRow" | "numRows">;

export function divide(scan: BaselineScan, unitsPerStrip: number): Division {
  const unitsPerRow = Math.ceil(scan.width / scan.unitWidth);
  const numRows = Math.ceil(scan.height / scan.unitHeight);
  return { unitsPerStrip, stripsPerRow: Math.ceil(unitsPerRow / unitsPerStrip), numRows };
}

/** The segment's marker ("APP10"), which no common program writes; all readers step over application segments. */
const SEEK_MARKER = 0xea;
const NAME = Buffer.from("Crossweave seek\0\x01", "latin1");
const MARKER_AND_LENGTH_BYTES = 4;
const CRC_BYTES = 4;
const MAX_SEGMENT_BYTES = 65_533;
const MAX_BYTES_PER_NUMBER = 5;
/** Before the points: width, height, units in a strip. */
const HEAD_NUMBERS = 3;

/** The segment that tells a table to readers; undefined when the table is too long for one. FORMAT.md describes it. */
export function seekSegment(
  { components, height, width }: BaselineScan,
  { points, unitsPerStrip }: SeekTable,
): Uint8Array | undefined {
  const pointLength = 1 + components.length;
  const changes = points.map((value, at) => {
    const change = value - (points[at - pointLength] ?? 0);
    return at % pointLength === 0 ? change : (change << 1) ^ (change >> 31); // zigzag: 0, -1, 1, -2 …
  });
  const numbers = bytesOf([width, height, unitsPerStrip, ...changes]);
  const length = NAME.length + CRC_BYTES + numbers.length + 2;
  if (length > MAX_SEGMENT_BYTES) return undefined;
  const header = Buffer.alloc(MARKER_AND_LENGTH_BYTES);
  header.writeUInt16BE(0xff00 | SEEK_MARKER, 0);
  header.writeUInt16BE(length, 2);
  const check = Buffer.alloc(CRC_BYTES);
  check.writeUInt32BE(crc32(numbers));
  return Buffer.concat([header, NAME, check, numbers]);
}

/** Of 7 bits a byte, the lowest first; all but the last byte of each have their highest bit set. */
function bytesOf(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.length * MAX_BYTES_PER_NUMBER);
  let end = 0;
  for (const value of numbers) {
    let left = value;
    for (; left > 127; left >>= 7) bytes[end++] = (left & 127) | 128;
    bytes[end++] = left;
  }
  return bytes.subarray(0, end);
}

/** Whether a segment, its marker included, is one that `seekSegment` makes. */
export function isSeekSegment(segment: Uint8Array): boolean {
  if (segment[1] !== SEEK_MARKER) return false;
  return NAME.every((byte, at) => segment[MARKER_AND_LENGTH_BYTES + at] === byte);
}

/** Reads a table back. Throws when it is damaged or another picture's. */
export function readSeekSegment(segment: Uint8Array, scan: BaselineScan): SeekTable {
  const start = MARKER_AND_LENGTH_BYTES + NAME.length;
  const bytes = segment.subarray(start + CRC_BYTES);
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const isSound = segment.length >= start + CRC_BYTES && view.getUint32(start) === crc32(bytes);
  if (!isSound) throw new Error("its seek table is damaged");
  const numbers = numbersOf(bytes);
  const [width, height, unitsPerStrip = 0] = numbers;
  if (width !== scan.width || height !== scan.height || unitsPerStrip < 1) {
    throw new Error("its seek table is another picture's");
  }
  const division = divide(scan, unitsPerStrip);
  const numPoints = division.stripsPerRow * division.numRows + 1;
  const numComponents = scan.components.length;
  if (numbers.length !== HEAD_NUMBERS + numPoints * (1 + numComponents)) {
    throw new Error(`its seek table has ${numbers.length} numbers, which are not its points`);
  }
  addUp(numbers, 1 + numComponents);
  return { ...division, points: numbers.subarray(HEAD_NUMBERS) };
}

/** Makes points of changes from point to point. */
function addUp(numbers: Int32Array, pointLength: number): void {
  const last = new Int32Array(pointLength);
  for (let at = HEAD_NUMBERS; at < numbers.length; at += pointLength) {
    last[0] = (last[0] ?? 0) + (numbers[at] ?? 0);
    numbers[at] = last[0];
    for (let place = 1; place < pointLength; place += 1) {
      const change = numbers[at + place] ?? 0;
      last[place] = (last[place] ?? 0) + ((change >> 1) ^ -(change & 1));
      numbers[at + place] = last[place] ?? 0;
    }
  }
}

/** The numbers of `bytesOf`. */
function numbersOf(bytes: Uint8Array): Int32Array {
  const numbers = new Int32Array(bytes.length);
  let count = 0;
  let value = 0;
  let shift = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    value |= (byte & 127) << shift;
    shift += 7;
    if (byte > 127) continue;
    numbers[count++] = value;
    value = 0;
    shift = 0;
  }
  return numbers.subarray(0, count);
}
