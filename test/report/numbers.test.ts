import { expect, it } from "vitest";
import {
  formatPercent,
  formatSeconds,
  formatTimesChance,
  formatValue,
} from "../../src/report/numbers.ts";

it.each([
  [0, "0.0 %"],
  [1, "100.0 %"],
  [0.9712, "97.1 %"],
  [0.0196, "2.0 %"],
  [0.0002, "0.020 %"],
  [0.00001, "0.0010 %"],
  [Number.NaN, "–"],
])("writes the share %s as %s", (share, text) => {
  expect(formatPercent(share)).toBe(text);
});

it.each([
  [7.21389, "7.214"],
  [2500, "2,500"],
  [0.00213, "0.002130"],
  [1.2345e-7, "1.23e-7"],
  [Infinity, "–"],
])("writes the value %s as %s", (value, text) => {
  expect(formatValue(value)).toBe(text);
});

it.each([
  [0, "0 s"],
  [59.4, "59 s"],
  [425, "7 min 05 s"],
  [11_520, "3 h 12 min"],
])("writes %s seconds as %s", (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});

it("says how many times chance a result is", () => {
  expect(formatTimesChance(0.94, 0.0196)).toBe("48 × chance");
  expect(formatTimesChance(0.9, 0.5)).toBe("1.8 × chance");
  expect(formatTimesChance(0.9, 0)).toBe("chance is 0");
});
