import type { ByteRange } from "../arrow/batch-body.ts";

/** When two ranges are one read. */
export interface CoalescingPolicy {
  /** How many bytes nobody wants may be read between two ranges. */
  readonly maxGapBytes: number;
  /** Reads that serve several ranges stay below this. */
  readonly maxReadBytes: number;
}

/** From a server, a gap of this size comes sooner than the answer to another request. */
export const remoteReads: CoalescingPolicy = {
  maxGapBytes: 64 * 2 ** 10,
  maxReadBytes: 8 * 2 ** 20,
};

/** One of the wanted ranges inside of a read. */
interface ReadPart {
  /** Its position among the wanted ranges. */
  readonly index: number;
  /** Relative to the read. */
  readonly range: ByteRange;
}

/** One read and the wanted ranges that it serves. */
export interface PlannedRead {
  readonly range: ByteRange;
  readonly parts: readonly ReadPart[];
}

/**
 * The reads that serve wanted ranges of one file, in the order of their places: every range is part of
 * exactly one read, ranges close to each other share theirs, and equal wishes give equal plans.
 */
export function planReads(
  wanted: readonly ByteRange[],
  { maxGapBytes, maxReadBytes }: CoalescingPolicy,
): PlannedRead[] {
  const reads: { offset: number; end: number; indexes: number[] }[] = [];
  const inOrder = wanted.map((range, index) => ({ range, index }));
  inOrder.sort((a, b) => a.range.offset - b.range.offset || a.index - b.index);
  for (const { range, index } of inOrder) {
    const end = range.offset + range.sizeBytes;
    const last = reads.at(-1);
    const isNear = last !== undefined && range.offset - last.end <= maxGapBytes;
    const isSmall = last !== undefined && Math.max(end, last.end) - last.offset <= maxReadBytes;
    const isInside = last !== undefined && end <= last.end;
    if (last !== undefined && isNear && (isSmall || isInside)) {
      last.end = Math.max(last.end, end);
      last.indexes.push(index);
    } else {
      reads.push({ offset: range.offset, end, indexes: [index] });
    }
  }
  return reads.map(({ offset, end, indexes }) => ({
    range: { offset, sizeBytes: end - offset },
    parts: indexes.map((index) => partOf(wanted, index, offset)),
  }));
}

function partOf(wanted: readonly ByteRange[], index: number, readOffset: number): ReadPart {
  const { offset = 0, sizeBytes = 0 } = wanted[index] ?? {};
  return { index, range: { offset: offset - readOffset, sizeBytes } };
}
