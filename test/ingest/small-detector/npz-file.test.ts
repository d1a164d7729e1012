import { array, assert, asyncProperty, integer } from "fast-check";
import { describe, expect, it } from "vitest";
import { readNpz } from "../../../src/ingest/regions/npz.ts";
import { type HalfArray, npzBytes } from "../../../src/ingest/small-detector/npz-file.ts";

function arrayOf(shape: readonly number[]): HalfArray {
  const length = shape.reduce((product, size) => product * size, 1);
  return { shape, values: Float16Array.from({ length }, (_, place) => place / 8 - 3) };
}

describe("an .npz file", () => {
  it("is read as what was written", async () => {
    await assert(
      asyncProperty(
        array(integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
        array(integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 1 }),
        async (shape, other) => {
          const [first, second] = [arrayOf(shape), arrayOf(other)];
          const found = await readNpz(await npzBytes({ first, second }), ["first", "second"]);
          expect(Object.fromEntries(found)).toEqual({ first, second });
        },
      ),
      { numRuns: 60 },
    );
  });

  it("has the same bytes for the same arrays", async () => {
    const arrays = { conf: { shape: [3], values: Float16Array.of(0.5, 0.25, 1) } };
    expect(await npzBytes(arrays)).toEqual(await npzBytes(arrays));
  });
});
