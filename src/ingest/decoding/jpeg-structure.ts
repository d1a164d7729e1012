/** What a JPEG's marker segments say, read without decoding it. */
export interface JpegStructure {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly numComponents: number;
  /** Huffman-coded baseline, extended or progressive DCT: what every decoder reads. */
  readonly isCommonCoding: boolean;
  /** The segments before the first scan, in order. */
  readonly segments: readonly JpegSegment[];
  /** How often the picture is passed over; a progressive JPEG has about ten scans. */
  readonly numScans: number;
  /** Number of bytes up to and including the end-of-image marker; null when there is none. */
  readonly endOffset: number | null;
}

/** A marker segment: `start` is where its marker begins, the payload lies between `payload` and `end`. */
export interface JpegSegment {
  readonly marker: number;
  readonly start: number;
  readonly payload: number;
  readonly end: number;
}

const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
const FRAME_HEADERS: ReadonlySet<number> = new Set([
  0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf,
]);
const COMMON_FRAMES: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);

type Frame = Omit<JpegStructure, "segments" | "numScans" | "endOffset">;

/**
 * Walks the marker segments of a JPEG (ITU T.81, annex B). Undefined when they make no sense or no
 * frame header is found. Thumbnails inside segments are stepped over, so the end is the picture's own.
 */
export function readJpegStructure(bytes: Uint8Array): JpegStructure | undefined {
  let frame: Frame | undefined;
  let numScans = 0;
  const segments: JpegSegment[] = [];
  let position = 2; // after the start-of-image marker
  for (;;) {
    const marker = markerAt(bytes, position);
    if (marker === undefined) break;
    if (marker.code === END_OF_IMAGE)
      return frame && { ...frame, segments, numScans, endOffset: marker.end };
    const length = readUint16(bytes, marker.end);
    if (length === undefined || length < 2) break;
    if (FRAME_HEADERS.has(marker.code)) frame ??= readFrame(bytes, marker);
    const end = marker.end + length;
    if (marker.code === START_OF_SCAN) numScans += 1;
    else if (numScans === 0)
      segments.push({ marker: marker.code, start: position, payload: marker.end + 2, end });
    position = marker.code === START_OF_SCAN ? endOfScan(bytes, end) : end;
  }
  return frame && { ...frame, segments, numScans, endOffset: null };
}

interface Marker {
  readonly code: number;
  /** Position after the marker. */
  readonly end: number;
}

function markerAt(bytes: Uint8Array, position: number): Marker | undefined {
  if (bytes[position] !== 0xff) return undefined;
  let at = position + 1;
  while (bytes[at] === 0xff) at += 1; // fill bytes
  const code = bytes[at];
  return code === undefined ? undefined : { code, end: at + 1 };
}

function readFrame(bytes: Uint8Array, marker: Marker): Frame | undefined {
  const bitsPerSample = bytes[marker.end + 2];
  const height = readUint16(bytes, marker.end + 3);
  const width = readUint16(bytes, marker.end + 5);
  const numComponents = bytes[marker.end + 7];
  if (bitsPerSample === undefined || height === undefined) return undefined;
  if (width === undefined || numComponents === undefined) return undefined;
  const isCommonCoding = COMMON_FRAMES.has(marker.code);
  return { width, height, bitsPerSample, numComponents, isCommonCoding };
}

// Entropy-coded data ends at a marker that is neither a stuffed zero nor a restart.
function endOfScan(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(0xff, from);
  while (at !== -1) {
    const next = bytes[at + 1];
    if (next === undefined) break;
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
    at = bytes.indexOf(0xff, at + 1);
  }
  return bytes.length;
}

function readUint16(bytes: Uint8Array, position: number): number | undefined {
  const high = bytes[position];
  const low = bytes[position + 1];
  return high === undefined || low === undefined ? undefined : high * 256 + low;
}

const APP1 = 0xe1;
const APP2 = 0xe2;

/** The segments that hold EXIF data, each beginning with "Exif" and two zeros. */
export function exifSegments(bytes: Uint8Array, structure: JpegStructure): readonly JpegSegment[] {
  return structure.segments.filter(
    (segment) => segment.marker === APP1 && beginsWith(bytes, segment, "Exif\0"),
  );
}

/** The segments that hold pieces of a colour profile (ICC.1, annex B.4). */
export function profileSegments(
  bytes: Uint8Array,
  structure: JpegStructure,
): readonly JpegSegment[] {
  return structure.segments.filter(
    (segment) => segment.marker === APP2 && beginsWith(bytes, segment, "ICC_PROFILE\0"),
  );
}

function beginsWith(bytes: Uint8Array, { payload, end }: JpegSegment, text: string): boolean {
  if (end > bytes.length || end - payload < text.length) return false;
  return (
    Buffer.from(bytes.buffer, bytes.byteOffset + payload, text.length).toString("latin1") === text
  );
}

/** The bytes up to `endOffset` without these segments. */
export function withoutSegments(
  bytes: Uint8Array,
  segments: readonly JpegSegment[],
  endOffset: number,
): Uint8Array {
  if (segments.length === 0) return bytes.subarray(0, endOffset);
  const kept: Uint8Array[] = [];
  let position = 0;
  for (const { start, end } of segments.toSorted((a, b) => a.start - b.start)) {
    kept.push(bytes.subarray(position, start));
    position = end;
  }
  return Buffer.concat([...kept, bytes.subarray(position, endOffset)]);
}
