import { array, assert, boolean, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { everyMember, SelectedMembers } from "../../../src/loader/batching/members.ts";
import { TextNumbers } from "../../../src/loader/batching/scene-table.ts";

describe("selected members", () => {
  it("are found by their positions", () => {
    assert(
      property(
        array(boolean(), { maxLength: 3000 }),
        integer({ min: 0, max: 99 }),
        (flags, start) => {
          const members = new SelectedMembers(
            start,
            flags.length,
            (offset) => flags[offset] ?? false,
          );
          const expected = [...flags.keys()]
            .filter((offset) => flags[offset])
            .map((offset) => start + offset);
          expect(members.size).toBe(expected.length);
          expect(expected.map((_, position) => members.at(position))).toEqual(expected);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("are all of a range where nothing is selected", () => {
    expect(everyMember(7, 3)).toMatchObject({ size: 3 });
    expect(everyMember(7, 3).at(2)).toBe(9);
  });
});

describe("numbers of texts", () => {
  it("tell the scene and the text of it, scenes without texts among them", () => {
    assert(
      property(array(integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 400 }), (counts) => {
        const numbers = new TextNumbers(Uint16Array.from(counts));
        const expected = counts.flatMap((count, scene) =>
          Array.from({ length: count }, (_, textIndex) => ({ scene, textIndex })),
        );
        expect(expected.map((_, text) => numbers.locate(text))).toEqual(expected);
        let first = 0;
        for (const [scene, count] of counts.entries()) {
          expect(numbers.firstText(scene)).toBe(first);
          first += count;
        }
        expect(numbers.firstText(counts.length)).toBe(first);
      }),
      { numRuns: 100 },
    );
  });
});
