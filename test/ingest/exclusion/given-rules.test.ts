import { expect, it } from "vitest";
import type { ImageKey } from "../../../src/core/keys.ts";
import type {
  Exclusion,
  ExclusionRules,
  PictureIdentity,
} from "../../../src/ingest/exclusion/exclusion-rules.ts";
import {
  allExclusions,
  listedExclusions,
  noExclusions,
} from "../../../src/ingest/exclusion/given-rules.ts";

function picture(key: ImageKey): PictureIdentity {
  return { key, linkedKeys: ["coco:1"], flickrPhotoId: "1", url: null };
}

function listOf(...entries: readonly (readonly [ImageKey, Exclusion])[]): ExclusionRules {
  return listedExclusions(new Map(entries));
}

const bytes: Exclusion = { rule: "same-bytes", evidence: "bytes with sha256 0" };
const pixels: Exclusion = { rule: "same-pixels", evidence: "upright pixels with sha256 1" };

it("a list leaves out the pictures that it names, for its own rule, and no others", () => {
  const rules = listOf(["coco:1", bytes]);
  expect(rules.match(picture("coco:1"))).toEqual(bytes);
  // What is linked to it is for a policy to say.
  expect(rules.match(picture("vg:1"))).toBeUndefined();
  expect(noExclusions.match(picture("coco:1"))).toBeUndefined();
});

it("a list is named by what it says, in any order", () => {
  const [one, other] = [["coco:1", bytes] as const, ["coco:2", pixels] as const];
  const { digest } = listOf(one, other);
  expect(listOf(other, one).digest).toBe(digest);
  const digests = [
    listOf(one).digest,
    listOf(["coco:1", pixels], other).digest,
    listOf(["coco:1", { ...bytes, evidence: "" }], other).digest,
    noExclusions.digest,
  ];
  expect(new Set([digest, ...digests]).size).toBe(5);
});

it("of several rules the first that leaves a picture out says why", () => {
  const first = listOf(["coco:1", bytes]);
  const second = listOf(["coco:1", pixels], ["coco:2", pixels]);
  const both = allExclusions([first, second]);
  expect(both.match(picture("coco:1"))).toEqual(bytes);
  expect(both.match(picture("coco:2"))).toEqual(pixels);
  expect(both.match(picture("coco:3"))).toBeUndefined();
  expect(both.digest).not.toBe(allExclusions([second, first]).digest);
  expect(allExclusions([first])).toBe(first);
});
