import { describe, expect, it } from "vitest";
import { recordedViews } from "../../../src/audit/near/near-settings.ts";
import {
  PIXELS_WORDS,
  pictureRecord,
  PictureRecords,
  recordBytes,
  repeatedRecord,
} from "../../../src/audit/near/picture-records.ts";
import { PdqHasher, type RgbPicture } from "../../../src/audit/perceptual/pdq.ts";
import { hashViews } from "../../../src/audit/perceptual/window-bank.ts";
import type { PictureInfo } from "../../../src/core/records.ts";
import { madeUpPicture } from "../perceptual/made-up-picture.ts";
import { pictureOf } from "../picture-fixtures.ts";

const hasher = new PdqHasher();

function recordOf(pixels: RgbPicture, info: PictureInfo = pictureOf(1)): PictureRecords {
  const placed = { sceneIndex: 7, pictureIndex: 1, info, pixels };
  return new PictureRecords("bank", pictureRecord(hasher, "bank", placed));
}

describe("the record of a picture", () => {
  it("holds its place and the hash of each view", () => {
    const pixels = madeUpPicture(1, 320, 240);
    const records = recordOf(pixels);
    expect([records.numPictures, records.numViews]).toEqual([1, 56]);
    expect([records.sceneIndex(0), records.pictureIndex(0)]).toEqual([7, 1]);
    const views = hashViews(hasher.open(pixels), recordedViews.bank);
    expect(recordedViews.bank.map((_, view) => [...records.hash(0, view)])).toEqual(
      views.map(({ hash }) => [...hash]),
    );
    expect(records.isComparable(0)).toBe(true);
  });

  it("has the same place among many", () => {
    const one = {
      sceneIndex: 0,
      pictureIndex: 0,
      info: pictureOf(1),
      pixels: madeUpPicture(1, 64, 64),
    };
    const other = { ...one, sceneIndex: 3, info: pictureOf(2), pixels: madeUpPicture(2, 64, 64) };
    const both = [one, other].map((each) => pictureRecord(hasher, "passing", each));
    const records = new PictureRecords("passing", Buffer.concat(both));
    expect(both[0]).toHaveLength(recordBytes("passing"));
    expect([records.numPictures, records.sceneIndex(1)]).toEqual([2, 3]);
    expect([...records.hash(1, 0)]).toEqual([...hasher.open(other.pixels).hash().hash]);
  });

  it("is made from that of the same stored bytes under another name, elsewhere", () => {
    const first = {
      sceneIndex: 0,
      pictureIndex: 0,
      info: pictureOf(1),
      pixels: madeUpPicture(1, 64, 64),
    };
    const again = { ...first, sceneIndex: 9, pictureIndex: 1, info: pictureOf(2) };
    const record = pictureRecord(hasher, "bank", first);
    expect(repeatedRecord(record, again)).toEqual(pictureRecord(hasher, "bank", again));
    expect(record).toEqual(pictureRecord(hasher, "bank", first));
  });

  it("tells pictures with equal pixels, whatever their names, and no others", () => {
    const pixels = madeUpPicture(1, 64, 64);
    const of = (info: PictureInfo): Uint32Array => {
      const words = new Uint32Array(PIXELS_WORDS);
      recordOf(pixels, info).readPixels(0, words);
      return words;
    };
    expect(of(pictureOf(1))).toEqual(of(pictureOf(2, { pixelSha256: pictureOf(1).pixelSha256 })));
    expect(of(pictureOf(1))).not.toEqual(of(pictureOf(2)));
  });

  it.each([
    [1, 100_000],
    [1, 1],
    [4, 4],
  ])("says that a picture of %i x %i pixels cannot be compared (case 11)", (width, height) => {
    const data = new Uint8Array(width * height * 3).map((_, at) => (at * 89) % 256);
    const records = recordOf({ width, height, data });
    expect(records.isComparable(0)).toBe(false);
    expect(records.isViewComparable(0, 9)).toBe(false);
  });

  it("says that a picture of one colour cannot be compared (case 12)", () => {
    const data = new Uint8Array(64 * 64 * 3).fill(127);
    expect(recordOf({ width: 64, height: 64, data }).isComparable(0)).toBe(false);
  });
});
