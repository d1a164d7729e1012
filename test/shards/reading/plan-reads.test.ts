import { assert as check, array, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { planReads } from "../../../src/shards/reading/plan-reads.ts";

const range = (offset: number, sizeBytes: number): { offset: number; sizeBytes: number } => ({
  offset,
  sizeBytes,
});

const adjacent = { maxGapBytes: 0, maxReadBytes: 2 ** 20 };

describe("a plan of reads", () => {
  it("joins ranges that follow each other and leaves others apart", () => {
    const plan = planReads([range(30, 10), range(0, 10), range(10, 5)], adjacent);
    expect(plan).toEqual([
      {
        range: range(0, 15),
        parts: [
          { index: 1, range: range(0, 10) },
          { index: 2, range: range(10, 5) },
        ],
      },
      { range: range(30, 10), parts: [{ index: 0, range: range(0, 10) }] },
    ]);
  });

  it("reads over a gap that is small enough, and stays below the largest read", () => {
    const wanted = [range(0, 10), range(14, 10), range(30, 10)];
    const policy = { maxGapBytes: 8, maxReadBytes: 30 };
    expect(planReads(wanted, policy).map((read) => read.range)).toEqual([
      range(0, 24),
      range(30, 10),
    ]);
  });

  it("wants nothing for nothing", () => {
    expect(planReads([], adjacent)).toEqual([]);
  });

  it("gives each range its own bytes, and reads no gap larger than allowed, for any wishes", () => {
    const bytes = Uint8Array.from({ length: 400 }, (_, index) => index % 251);
    const wishes = array(
      record({ offset: integer({ min: 0, max: 300 }), sizeBytes: integer({ min: 0, max: 100 }) }),
      { maxLength: 30 },
    );
    const gap = integer({ min: 0, max: 50 });
    const largest = integer({ min: 1, max: 200 });
    check(
      property(wishes, gap, largest, (wanted, maxGapBytes, maxReadBytes) => {
        const reads = planReads(wanted, { maxGapBytes, maxReadBytes });
        const indexes = reads.flatMap(({ parts }) => parts.map(({ index }) => index));
        expect(indexes.toSorted((a, b) => a - b)).toEqual([...wanted.keys()]);
        for (const read of reads) {
          const isOne = read.parts.length === 1 || read.range.sizeBytes <= maxReadBytes;
          const holdsAll = wanted.some((one) => one.sizeBytes === read.range.sizeBytes);
          expect(isOne || holdsAll).toBe(true);
        }
        for (const { range: read, parts } of reads) {
          const values = cut(bytes, read);
          for (const part of parts)
            expect(cut(values, part.range)).toEqual(cut(bytes, wanted[part.index] ?? read));
        }
      }),
    );
  });
});

function cut(bytes: Uint8Array, { offset, sizeBytes }: ReturnType<typeof range>): Uint8Array {
  return bytes.subarray(offset, offset + sizeBytes);
}
