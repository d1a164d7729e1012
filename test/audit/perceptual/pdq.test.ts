import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { hashDistance, parseHash, spellHash } from "../../../src/audit/perceptual/hash.ts";
import { PdqHasher, type RgbPicture } from "../../../src/audit/perceptual/pdq.ts";
import { symmetries } from "../../../src/audit/perceptual/symmetries.ts";
import { sha256 } from "../../../src/core/digest.ts";
import { realData } from "../../real-data.ts";
import { madeUpPicture } from "./made-up-picture.ts";
import { decodedJpeg } from "./photographs.ts";

const reference = z
  .object({
    program: z.literal("pdqhash 0.2.8"),
    madeUp: z.array(
      z.object({
        index: z.int(),
        width: z.int(),
        height: z.int(),
        hash: z.string(),
        quality: z.int(),
        symmetries: z.array(z.string()).length(8),
      }),
    ),
    photographs: z.array(
      z.object({ name: z.string(), pixelSha256: z.string(), hash: z.string(), quality: z.int() }),
    ),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/pdq-hashes.json"), "utf8")));

describe("PDQ", () => {
  const hasher = new PdqHasher();

  it.each(reference.madeUp)(
    "is the reference's, bit for bit, for a picture of $width x $height",
    ({ index, width, height, ...expected }) => {
      const picture = hasher.open(madeUpPicture(index, width, height));
      const { hash, quality } = picture.hash();
      const all = picture.hashSymmetries(symmetries).map((turned) => spellHash(turned.hash));
      expect({ hash: spellHash(hash), quality, symmetries: all }).toEqual(expected);
    },
  );

  it("is the reference's, bit for bit, for real photographs", async () => {
    expect(reference.photographs).toHaveLength(51);
    for (const { name, pixelSha256, ...expected } of reference.photographs) {
      const picture = await decodedJpeg(realData("images/coco", name));
      expect(sha256(picture.data)).toBe(pixelSha256);
      const { hash, quality } = hasher.open(picture).hash();
      expect({ name, hash: spellHash(hash), quality }).toEqual({ name, ...expected });
    }
  });

  it("is nearly the hash of the turned picture, for each of the eight symmetries", async () => {
    const picture = await decodedJpeg(realData("images/coco/train2017/000000000790.jpg"));
    const expected = hasher.open(picture).hashSymmetries(symmetries);
    for (const [at, symmetry] of symmetries.entries()) {
      const { hash } = hasher.open(turnedBy(picture, symmetry)).hash();
      expect(hashDistance(hash, expected[at]?.hash ?? hash)).toBeLessThanOrEqual(31);
    }
  });

  it("is nearly the hash of the part, for a window", () => {
    const picture = madeUpPicture(78, 500, 400);
    const { hash } = hasher
      .open(picture)
      .hashWindow({ left: 0.1, top: 0.05, right: 1, bottom: 0.9 });
    const part = cut(picture, { left: 50, top: 20, width: 450, height: 340 });
    expect(hashDistance(hash, hasher.open(part).hash().hash)).toBeLessThanOrEqual(16);
    expect(hashDistance(hash, hasher.open(picture).hash().hash)).toBeGreaterThan(31);
  });

  it.each([
    [1, 1],
    [4, 4],
    [100, 4],
    [1, 100_000],
  ])("has zeros and no quality for a picture of %i x %i", (width, height) => {
    const data = new Uint8Array(width * height * 3).fill(200);
    const picture = hasher.open({ width, height, data });
    const nothing = { hash: new Uint8Array(32), quality: 0 };
    expect(picture.hash()).toEqual(nothing);
    expect(picture.hashSymmetries(symmetries)).toEqual(symmetries.map(() => nothing));
  });

  it("has no quality for an even picture", () => {
    const data = new Uint8Array(600 * 300 * 3).fill(90);
    expect(hasher.open({ width: 600, height: 300, data }).hash().quality).toBe(0);
  });

  it("reads very wide pictures and is the same afterwards", () => {
    const before = hasher.open(madeUpPicture(3, 300, 200)).hash();
    const wide = { width: 4_000_000, height: 5, data: new Uint8Array(4_000_000 * 5 * 3) };
    expect(hasher.open(wide).hash().quality).toBe(0);
    expect(hasher.open(madeUpPicture(3, 300, 200)).hash()).toEqual(before);
  });

  it("refuses pixels that are not of the picture's size", () => {
    expect(() => hasher.open({ width: 10, height: 10, data: new Uint8Array(10) })).toThrow("RGB");
  });
});

describe("the spelling of a hash", () => {
  it("is read again", () => {
    const { hash } = new PdqHasher().open(madeUpPicture(1, 50, 50)).hash();
    expect(parseHash(spellHash(hash).toUpperCase())).toEqual(hash);
  });

  it.each(["", "0".repeat(63), `${"0".repeat(63)}g`])("is refused: %j", (text) => {
    expect(() => parseHash(text)).toThrow("is no perceptual hash");
  });
});

function turnedBy(picture: RgbPicture, symmetry: (typeof symmetries)[number]): RgbPicture {
  const { width, height } = picture;
  const size = symmetry.transposed
    ? { width: height, height: width }
    : { width: picture.width, height: picture.height };
  const data = new Uint8Array(picture.data.length);
  for (let y = 0; y < size.height; y += 1) {
    for (let x = 0; x < size.width; x += 1) {
      const [column, row] = symmetry.transposed ? [y, x] : [x, y];
      const from = {
        x: symmetry.leftRight ? width - 1 - column : column,
        y: symmetry.upsideDown ? height - 1 - row : row,
      };
      const at = (from.y * width + from.x) * 3;
      data.set(picture.data.subarray(at, at + 3), (y * size.width + x) * 3);
    }
  }
  return { ...size, data };
}

function cut(
  picture: RgbPicture,
  part: { left: number; top: number; width: number; height: number },
): RgbPicture {
  const data = new Uint8Array(part.width * part.height * 3);
  for (let y = 0; y < part.height; y += 1) {
    const from = ((part.top + y) * picture.width + part.left) * 3;
    data.set(picture.data.subarray(from, from + part.width * 3), y * part.width * 3);
  }
  return { width: part.width, height: part.height, data };
}
