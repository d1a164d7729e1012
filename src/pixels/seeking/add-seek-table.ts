import { readBaselineScan } from "./baseline-scan.ts";
import { walkScan } from "./scan-walk.ts";
import { divide, isSeekSegment, readSeekSegment, seekSegment } from "./seek-table.ts";

/** A strip is this wide, or a little less or more where units do not fit; wider where the table would be too long. */
const STRIP_WIDTH = 64;

/**
 * The JPEG with a table of where its scan can be entered, in an application segment before the scan; all else stays as it is. A
 * table that it had is replaced. Undefined for those whose scans cannot be entered: progressive ones, and those with restart
 * markers, with several scans or with other than one or three components of 8 bits.
 */
export function withSeekTable(jpeg: Uint8Array): Uint8Array | undefined {
  const bare = withoutSeekTable(jpeg);
  const scan = readBaselineScan(bare);
  const header = scan?.segments.at(-1);
  if (scan === undefined || header === undefined) return undefined;
  const { stripsPerRow } = divide(scan, 1);
  for (let units = Math.ceil(STRIP_WIDTH / scan.unitWidth); ; units *= 2) {
    const table = walkScan(bare, scan, units);
    const segment = table && seekSegment(scan, table);
    if (segment !== undefined) {
      return Buffer.concat([bare.subarray(0, header.start), segment, bare.subarray(header.start)]);
    }
    if (table === undefined || units >= stripsPerRow) return undefined;
  }
}

/** The JPEG as it was before a table was added. */
export function withoutSeekTable(jpeg: Uint8Array): Uint8Array {
  const segments = readBaselineScan(jpeg)?.segments ?? [];
  return segments
    .filter(({ start, end }) => isSeekSegment(jpeg.subarray(start, end)))
    .toReversed()
    .reduce<Uint8Array>(
      (left, { start, end }) => Buffer.concat([left.subarray(0, start), left.subarray(end)]),
      jpeg,
    );
}

/** Throws unless every seek table that a JPEG has is the one that its codes give. */
export function requireTrueSeekTable(jpeg: Uint8Array): void {
  const scan = readBaselineScan(jpeg);
  for (const { start, end } of scan?.segments ?? []) {
    const segment = jpeg.subarray(start, end);
    if (scan === undefined || !isSeekSegment(segment)) continue;
    const { unitsPerStrip } = readSeekSegment(segment, scan);
    const table = walkScan(jpeg, scan, unitsPerStrip);
    const expected = table && seekSegment(scan, table);
    if (expected === undefined || Buffer.compare(expected, segment) !== 0) {
      throw new Error("its seek table is not that of its codes");
    }
  }
}
