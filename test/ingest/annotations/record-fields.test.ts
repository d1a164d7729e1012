import { expect, it } from "vitest";
import {
  ID_EXPECTED,
  recordId,
  wrongField,
} from "../../../src/ingest/annotations/record-fields.ts";

it("says that an id past 2^53 is not known to its last digit", () => {
  // As JSON.parse reads the digits 9007199254740993.
  const id = 2 ** 53;
  expect(recordId(id)).toBeUndefined();
  expect(wrongField("id", id, ID_EXPECTED)).toBe(
    "/id is about 9007199254740992 (past 2^53 a number has lost its last digits); expected a whole number from 0 to 2^53 - 1, or its digits",
  );
  expect(recordId("9007199254740993")).toBe("9007199254740993");
});

it("shows what a field holds instead, cut where it is long", () => {
  expect(wrongField("id", 2 ** 53 - 1, "digits")).toBe("/id is 9007199254740991; expected digits");
  expect(wrongField("id", undefined, "digits")).toBe("/id is missing; expected digits");
  expect(wrongField("id", "x".repeat(99), "digits")).toHaveLength(
    "/id is ; expected digits".length + 80,
  );
});
