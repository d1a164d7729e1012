import { expect, it } from "vitest";
import { decodeMutated } from "./mutated-jpegs.ts";

it("10,000 damaged JPEGs are refused or decoded, none ends the process or changes another picture", async () => {
  const { decoded, refused } = await decodeMutated(10_000);
  expect(decoded + refused).toBe(10_000);
  expect(refused).toBeGreaterThan(4000);
}, 600_000);
