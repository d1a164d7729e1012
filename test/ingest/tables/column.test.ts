import { array, assert, nat, oneof, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { codeColumn, rowColumn, wideColumn } from "../../../src/ingest/tables/column.ts";

describe("A column of numbers", () => {
  it("holds what a list holds, however long it grows", () => {
    const steps = array(oneof(tuple(nat(2)), tuple(nat(2), nat(), nat(100))), { maxLength: 500 });
    assert(
      property(steps, nat(3000), (changes, length) => {
        const column = rowColumn();
        const list: number[] = [];
        for (let value = 0; value < length; value += 1) {
          column.push(value);
          list.push(value);
        }
        for (const [kind, anywhere = 0, value = 0] of changes) {
          const at = anywhere % (list.length + 1);
          if (kind === 0 || at === list.length) {
            column.push(value);
            list.push(value);
          } else if (kind === 1) {
            column.set(at, value);
            list[at] = value;
          } else {
            column.add(at, value);
            list[at] = (list[at] ?? 0) + value;
          }
        }
        expect(column.length).toBe(list.length);
        expect(list.map((_, at) => column.at(at))).toEqual(list);
      }),
      { numRuns: 50 },
    );
  });

  it("is 0 beyond its end", () => {
    expect(rowColumn().at(5)).toBe(0);
  });

  it.each([
    { name: "positions", column: wideColumn(), value: 2 ** 53 - 1 },
    { name: "rows", column: rowColumn(), value: -1 },
    { name: "codes", column: codeColumn(), value: 255 },
  ])("keeps the largest of $name exactly", ({ column, value }) => {
    for (let row = 0; row < 5000; row += 1) column.push(value);
    expect([column.at(0), column.at(4999)]).toEqual([value, value]);
  });
});
