import { array, assert, constantFrom, nat, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { IdIndex } from "../../../src/ingest/tables/id-index.ts";

/** Numbers beside each other and far apart, up to what a double holds and beyond, and ids that only look like one. */
const ids = oneof(
  nat(300).map(String),
  nat(1000).map((number) => String(number * 1000)),
  nat(300).map((number) => String(number * 2 ** 32 + 7)),
  constantFrom("0", "00", "007", "7", "-7", "+7", "7.0", "1e3", "", " 7", "٧"),
  constantFrom("4294967295", "4294967296", "999999999999999", "1000000000000000"),
  constantFrom("9007199254740992", "9007199254740993"),
  string({ maxLength: 3 }),
);

describe("An index of ids", () => {
  it("gives the rows that a Map gives", () => {
    assert(
      property(array(ids, { maxLength: 3000 }), (claimed) => {
        const index = new IdIndex();
        const map = new Map<string, number>();
        for (const [row, id] of claimed.entries()) {
          const known = map.get(id) ?? row;
          map.set(id, known);
          expect(index.claim(id, row)).toBe(known);
        }
        expect(index.size).toBe(map.size);
        for (const [id, row] of map) expect(index.get(id)).toBe(row);
        expect(index.get("not there")).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });

  it.each([1, 16, 1000, 2 ** 20])("keeps 200,000 numbers that are %i apart", (distance) => {
    const index = new IdIndex();
    for (let row = 0; row < 200_000; row += 1) index.claim(String(row * distance), row);
    expect(index.size).toBe(200_000);
    for (let row = 0; row < 200_000; row += 997) {
      expect(index.get(String(row * distance))).toBe(row);
      expect(index.get(String(row * distance + 200_000 * distance))).toBeUndefined();
    }
  });
});
