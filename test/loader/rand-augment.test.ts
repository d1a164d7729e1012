import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";
import { z } from "zod";

import { sha256 } from "../../src/core/digest.ts";
import { RandomStream } from "../../src/core/random.ts";
import { randAugmentChoices, randAugmented } from "../../src/loader/pictures/rand-augment.ts";
import { randAugmentNames } from "../../src/loader/pictures/rand-augment-options.ts";
import { allCases, drawnPicture } from "./pillow-operations.ts";

const fixture = z
  .object({
    pictures: z.array(
      z.object({
        width: z.number(),
        height: z.number(),
        cases: z.array(z.tuple([z.string(), z.number(), z.string()])),
      }),
    ),
  })
  .parse(
    JSON.parse(readFileSync(new URL("fixtures/pillow-operations.json", import.meta.url), "utf8")),
  );
const choices = new Map(Object.entries(randAugmentChoices));

describe("RandAugment", () => {
  it.each(fixture.pictures)(
    "changes a picture of $width x $height exactly as Pillow does, by every operation",
    ({ cases, height, width }) => {
      const picture = drawnPicture(width, height);
      const different = cases.filter(([operation, value, digest]) => {
        const pixels = choices.get(operation)?.apply(picture, value);
        return pixels === undefined || sha256(pixels) !== digest;
      });
      expect(different).toEqual([]);
      expect(new Set(cases.map(([operation]) => operation)).size).toBe(14);
    },
  );

  it.each([...choices.keys()])("leaves a picture in a Buffer as it is: %s", (operation) => {
    const { pixels, ...size } = drawnPicture(20, 16);
    const picture = { ...size, pixels: Buffer.from(pixels) };
    choices.get(operation)?.apply(picture, 1);
    expect(picture.pixels.equals(pixels)).toBe(true);
  });

  it("has the values of torchvision 0.23 at magnitude 9 of a picture of 384 x 288", () => {
    const picture = drawnPicture(384, 288);
    const values = Object.fromEntries(
      allCases(picture, [9])
        .filter(([, value]) => value >= 0)
        .map(([operation, value]) => [operation, Number(value.toFixed(4))]),
    );
    expect(values).toEqual({
      identity: 0,
      "shear-x": 0.09,
      "shear-y": 0.09,
      "translate-x": 52.2054,
      "translate-y": 39.1541,
      rotate: 9,
      brightness: 0.27,
      colour: 0.27,
      contrast: 0.27,
      sharpness: 0.27,
      posterize: 7,
      solarize: 178.5,
      "auto-contrast": 0,
      equalize: 0,
    });
  });

  it("is a pure function of its draws and leaves the picture as it is", () => {
    const picture = drawnPicture(40, 30);
    const before = sha256(picture.pixels);
    const options = { numOperations: 2, magnitude: 9 };
    const made = [1, 1, 2, 3, 4].map((seed) =>
      sha256(randAugmented(picture, new RandomStream(seed), options)),
    );
    expect(made[0]).toBe(made[1]);
    expect(new Set(made).size).toBeGreaterThan(2);
    expect(sha256(picture.pixels)).toBe(before);
    expect(randAugmented(picture, new RandomStream(1), { numOperations: 0, magnitude: 9 })).toBe(
      picture.pixels,
    );
  });

  it("never draws an operation that is left out, and the others uniformly", () => {
    const picture = { pixels: new Uint8Array([10, 200, 90, 250, 3, 60]), width: 2, height: 1 };
    const without = randAugmentNames.filter((name) => name !== "solarize" && name !== "posterize");
    const options = { numOperations: 1, magnitude: 15, without };
    const { posterize, solarize } = randAugmentChoices;
    const expected = [posterize.apply(picture, 6), solarize.apply(picture, 127.5)].map(String);
    const made = Array.from({ length: 1000 }, (_, seed) =>
      expected.indexOf(String(randAugmented(picture, new RandomStream(seed), options))),
    );
    expect(new Set(made)).toEqual(new Set([0, 1]));
    // Four standard deviations of 1,000 coins.
    expect(Math.abs(made.filter((index) => index === 0).length - 500)).toBeLessThan(64);
  });
});
