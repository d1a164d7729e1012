import { describe, expect, it } from "vitest";
import { spellHash } from "../../../src/audit/perceptual/hash.ts";
import { PdqHasher } from "../../../src/audit/perceptual/pdq.ts";
import { bankViews, hashViews, passingViews } from "../../../src/audit/perceptual/window-bank.ts";
import { madeUpPicture } from "./made-up-picture.ts";
import { photographs } from "./photographs.ts";
import { nearness, see } from "./recall.ts";
import { transformed, transforms } from "./transforms.ts";

describe("the window bank", () => {
  it("has 56 hashes of a protected picture and 49 of a passing one", () => {
    expect(bankViews).toHaveLength(56);
    expect(passingViews).toHaveLength(49);
    const windows = bankViews.flatMap((view) => (view.kind === "window" ? [view.window] : []));
    expect(new Set(windows.map((window) => JSON.stringify(window))).size).toBe(46);
    for (const { left, top, right, bottom } of windows) {
      expect(left >= 0 && top >= 0 && right <= 1 && bottom <= 1).toBe(true);
      expect(Math.min(right - left, bottom - top)).toBeGreaterThan(0.7);
    }
  });

  it("gives the hashes in the order of the views", () => {
    const picture = new PdqHasher().open(madeUpPicture(9, 300, 200));
    const hashes = hashViews(picture, bankViews).map(({ hash }) => spellHash(hash));
    expect(hashes).toHaveLength(56);
    expect(hashes[0]).toBe(spellHash(picture.hash().hash));
    const mixed = [...bankViews].toReversed();
    expect(hashViews(picture, mixed).map(({ hash }) => spellHash(hash))).toEqual(
      hashes.toReversed(),
    );
  });

  it("of a picture below 5 pixels is zeros of no quality", () => {
    const tiny = new PdqHasher().open({ width: 4, height: 90, data: new Uint8Array(4 * 90 * 3) });
    for (const { hash, quality } of hashViews(tiny, bankViews)) {
      expect({ quality, sum: hash.reduce((sum, byte) => sum + byte, 0) }).toEqual({
        quality: 0,
        sum: 0,
      });
    }
  });

  it("finds crops that lie anywhere, from one direction, and a banner from the other", async () => {
    const hasher = new PdqHasher();
    const names = new Set(["random crop 2–5 %", "random crop 5–10 %", "banner 10 % below"]);
    const pictures = await photographs(6);
    for (const [at, picture] of pictures.entries()) {
      const original = see(hasher, picture);
      for (const transform of transforms.filter(({ name }) => names.has(name))) {
        const near = nearness(original, see(hasher, await transformed(picture, transform, at)));
        const distance = transform.name.startsWith("banner") ? near.bothWays : near.oneWay;
        expect(distance).toBeLessThanOrEqual(48);
        expect(near.whole).toBeGreaterThan(distance);
      }
    }
  });
});
