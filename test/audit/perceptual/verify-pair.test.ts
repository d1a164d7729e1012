import { describe, expect, it } from "vitest";
import { PdqHasher, type RgbPicture } from "../../../src/audit/perceptual/pdq.ts";
import { randomWords } from "../hamming/made-up-hashes.ts";
import { madeUpPicture } from "./made-up-picture.ts";
import { photographs } from "./photographs.ts";
import { nearness, see, verified } from "./recall.ts";
import { transformed, transforms } from "./transforms.ts";

const hasher = new PdqHasher();
const hard = [
  "JPEG 30",
  "resize 0.25",
  "watermark text",
  "centred crop 20 %",
  "random crop 5–10 %",
  "mirrored",
  "rotation 90°",
  "rotation 5°",
  "banner 10 % below",
];

describe("the verification of a pair", () => {
  it.each(hard)("tells that a picture is a copy of another: %s", async (name) => {
    const [picture] = await photographs(1);
    const transform = transforms.find((each) => each.name === name);
    if (picture === undefined || transform === undefined) throw new Error("known names");
    const [original, copy] = [
      see(hasher, picture),
      see(hasher, await transformed(picture, transform, 1)),
    ];
    expect(nearness(original, copy).bothWays).toBeLessThanOrEqual(48);
    const { verdict, score, overlap } = verified(original, copy);
    expect({ verdict, overlap: overlap > 0.85 }).toEqual({ verdict: "verified", overlap: true });
    expect(score).toBeGreaterThan(0.8);
  });

  it("refutes that different photographs are copies", async () => {
    const seen = (await photographs(8)).map((picture) => see(hasher, picture));
    for (const [at, one] of seen.entries()) {
      for (const other of seen.slice(at + 1)) {
        const { verdict, score } = verified(one, other);
        expect(verdict).toBe("refuted");
        expect(score).toBeLessThan(0.3);
      }
    }
  });

  it("does not take pictures of like shapes in like places for one", () => {
    const [one, other] = [drawnSquare(1), drawnSquare(2)];
    const { verdict, score, agreement } = verified(see(hasher, one), see(hasher, other));
    expect(score).toBeGreaterThan(0.8);
    expect(agreement).toBeLessThan(0.55);
    expect(verdict).toBe("suspect");
    const darker = { ...one, data: one.data.map((value) => value * 0.8) };
    const copy = verified(see(hasher, one), see(hasher, darker));
    expect(copy).toMatchObject({ verdict: "verified", agreement: 1 });
  });

  it("finds where a crop was taken", async () => {
    const picture = madeUpPicture(5, 400, 300);
    const data = new Uint8Array(340 * 270 * 3);
    for (let y = 0; y < 270; y += 1) {
      const from = ((y + 20) * 400 + 50) * 3;
      data.set(picture.data.subarray(from, from + 340 * 3), y * 340 * 3);
    }
    const crop = see(hasher, { width: 340, height: 270, data });
    const { alignment } = verified(see(hasher, picture), crop);
    expect(alignment.middleX - alignment.halfWidth).toBeCloseTo(50 / 400, 1);
    expect(alignment.middleX + alignment.halfWidth).toBeCloseTo(390 / 400, 1);
    expect(alignment.middleY - alignment.halfHeight).toBeCloseTo(20 / 300, 1);
    expect(alignment.middleY + alignment.halfHeight).toBeCloseTo(290 / 300, 1);
  });

  it("refutes a pair of even pictures, which could be anything", () => {
    const [dark, bright] = [20, 200].map((value) => new Uint8Array(90 * 60 * 3).fill(value));
    if (dark === undefined || bright === undefined) throw new Error("two pictures");
    const size = { width: 90, height: 60 };
    const pair = [
      see(hasher, { ...size, data: dark }),
      see(hasher, { ...size, data: bright }),
    ] as const;
    expect(verified(...pair)).toMatchObject({ verdict: "refuted", score: 0 });
  });

  it("refutes a pair with a picture of a single pixel", () => {
    const pixel = see(hasher, { width: 1, height: 1, data: Uint8Array.of(1, 2, 3) });
    const picture = see(hasher, madeUpPicture(1, 60, 40));
    expect(verified(picture, pixel).verdict).toBe("refuted");
    expect(verified(pixel, picture).verdict).toBe("refuted");
  });
});

/** A dark square on paper whose grain is another for each seed. */
function drawnSquare(seed: number): RgbPicture {
  const [width, height] = [240, 180];
  const next = randomWords(seed);
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at += 1) {
    const [x, y] = [at % width, Math.floor(at / width)];
    const isInside = x >= 60 && x < 150 && y >= 40 && y < 130;
    data.fill((isInside ? 60 : 215) + (next() % 25), 3 * at, 3 * at + 3);
  }
  return { width, height, data };
}
