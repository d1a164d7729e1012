import { assert as check, jsonValue, property } from "fast-check";
import { expect, it } from "vitest";

import { canonicalJson } from "../../src/core/digest.ts";

it("sorts members by UTF-16 units, whatever their names look like, and leaves out undefined ones", () => {
  const value = {
    b: [{ "10": 1, "9": 2, a: undefined }, -0],
    a: "é\u2028",
    "\u{1F436}": 1,
    "\uFFFF": 2,
  };
  expect(canonicalJson(value)).toBe(
    '{"a":"é\u2028","b":[{"10":1,"9":2},0],"\u{1F436}":1,"\uFFFF":2}',
  );
});

it("shows no member of one object in another, whatever it is called", () => {
  const value: unknown = JSON.parse('[{"__proto__":{"a":1},"toString":2},{"constructor":3},{}]');
  expect(canonicalJson(Array.isArray(value) ? value : [])).toBe(
    '[{"__proto__":{"a":1},"toString":2},{"constructor":3},{}]',
  );
});

it("is JSON of the same value, and the same for members in any order", () => {
  check(
    property(jsonValue(), (value) => {
      const text = canonicalJson(value);
      const parsed: unknown = JSON.parse(text);
      expect(parsed).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(JSON.parse(text, reversed))).toBe(text);
    }),
  );
});

function reversed(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toReversed());
}
