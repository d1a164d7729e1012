import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { RandomStream } from "../../src/core/random.ts";
import type { Pixels } from "../../src/loader/pictures/pixel-operations.ts";
import { randAugmentChoices } from "../../src/loader/pictures/rand-augment.ts";
import {
  type RandAugmentName,
  randAugmentNames,
} from "../../src/loader/pictures/rand-augment-options.ts";
import { pythonEnvironment } from "../python-environment.ts";

/** An operation and its own value. */
export type Case = readonly [operation: RandAugmentName, value: number];

/** All operations at all magnitudes that make another value, with both signs. */
export function allCases(picture: Pixels, magnitudes: readonly number[]): Case[] {
  return randAugmentNames.flatMap((operation) => {
    const { isSigned, value } = randAugmentChoices[operation];
    const values = magnitudes.map((magnitude) => value(magnitude / 30, picture));
    const signed = isSigned ? values.flatMap((amount) => [amount, -amount]) : values;
    return [...new Set(signed)].map((amount): Case => [operation, amount]);
  });
}

/** Noise above, a soft run below. */
export function drawnPicture(width: number, height: number): Pixels {
  const draws = new RandomStream(width, height);
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, place) => {
    const y = Math.floor(place / 3 / width);
    return y < height / 2 ? draws.nextInt(256) : 40 + (((place * 3 + y * 5) >> 4) % 170);
  });
  return { pixels, width, height };
}

/** The digests of what Pillow makes of a picture, in a throw-away Python environment. */
export async function pillowDigests(picture: Pixels, cases: readonly Case[]): Promise<string[]> {
  const python = await pythonEnvironment("requirements-parity.txt");
  const folder = await mkdtemp(join(tmpdir(), "crossweave-pillow-"));
  try {
    const [pixels, list] = [join(folder, "pixels"), join(folder, "cases.json")];
    await writeFile(pixels, picture.pixels);
    await writeFile(list, JSON.stringify(cases));
    const size = [String(picture.width), String(picture.height)];
    return (await python.run("augment_picture.py", [pixels, ...size, list])).trim().split("\n");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
