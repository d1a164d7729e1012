import {
  array,
  assert,
  asyncProperty,
  constantFrom,
  nat,
  option,
  record,
  uniqueArray,
  type Arbitrary,
} from "fast-check";
import { expect, it } from "vitest";
import { auditSplits } from "../../src/audit/audit-splits.ts";
import { leakRules, type LeakRule } from "../../src/audit/rules.ts";
import { sha256 } from "../../src/core/digest.ts";
import { imageKey } from "../../src/core/keys.ts";
import type { PictureInfo } from "../../src/core/records.ts";
import { pictureOf, splitOf } from "./picture-fixtures.ts";

// A picture as the tokens it may share: few values, so that pairs are frequent.
const smallId = nat({ max: 12 });
const tokens = record({
  key: smallId,
  photo: option(smallId),
  linked: option(smallId),
  source: smallId,
  stored: smallId,
  pixels: smallId,
  links: uniqueArray(smallId, { maxLength: 3 }),
});
type Tokens = typeof tokens extends Arbitrary<infer T> ? T : never;

function pictureWith(shared: Tokens, spread: number): PictureInfo {
  const photo = (id: number | null): string | null =>
    id === null ? null : `${1000 + id * spread}`;
  return pictureOf(0, {
    key: imageKey("vg", shared.key * spread),
    flickrPhotoId: photo(shared.photo),
    url: shared.linked === null ? null : `https://flickr.com/photos/a/${photo(shared.linked)}`,
    sourceSha256: sha256(`file ${shared.source * spread}`),
    sha256: sha256(`file ${shared.stored * spread}`),
    pixelSha256: sha256(`pixels ${shared.pixels * spread}`),
    linkedKeys: shared.links.map((id) => imageKey("vg", id * spread)),
  });
}

function photosOf({ flickrPhotoId, url }: PictureInfo): string[] {
  return [flickrPhotoId, url?.split("/").at(-1)].filter((id) => typeof id === "string");
}

function filesOf(picture: PictureInfo): string[] {
  return [picture.sha256, picture.sourceSha256];
}

function meet(a: readonly string[], b: readonly string[]): boolean {
  return a.some((token) => b.includes(token));
}

function rulesBetween(a: PictureInfo, b: PictureInfo): LeakRule[] {
  const holds: Record<LeakRule, boolean> = {
    "same-key": a.key === b.key,
    "linked-key": meet([a.key, ...a.linkedKeys], [b.key, ...b.linkedKeys]),
    "same-flickr-photo": meet(photosOf(a), photosOf(b)),
    "same-url": a.url !== null && a.url === b.url,
    "same-bytes": meet(filesOf(a), filesOf(b)),
    "same-pixels": a.pixelSha256 === b.pixelSha256,
    "near-duplicate": false,
    "denied-by-reviewer": false,
    chain: false,
  };
  return leakRules.filter((rule) => holds[rule]);
}

/** A picture of the same key is linked, which goes without saying. */
function toldRules(rules: readonly LeakRule[]): string {
  const isSame = rules.includes("same-key");
  return rules.filter((rule) => !isSame || rule !== "linked-key").join();
}

const comparing = leakRules.slice(0, 6);

it("finds all pairs that a comparison of every pair finds, and no other", async () => {
  const side = array(tokens, { maxLength: 12 });
  await assert(
    asyncProperty(side, side, constantFrom(1, 7919), async (train, evaluation, spread) => {
      const trainSide = train.map((shared) => pictureWith(shared, spread));
      const evalSide = evaluation.map((shared) => pictureWith(shared, 1));
      const verdict = await auditSplits(
        [splitOf("a/train", "train", trainSide), splitOf("b/test", "eval", evalSide)],
        { listing: { maxPairs: 1e6, maxPairsPerGroup: 1e6, maxPartners: 1e6 } },
      );
      const pairs = trainSide.flatMap((a) => evalSide.map((b) => rulesBetween(a, b)));
      const found = verdict.leaks.map(({ rule, alsoBy }) => [rule, ...alsoBy].join());
      const expected = pairs.filter((rules) => rules.length > 0).map(toldRules);
      expect(found.toSorted()).toEqual(expected.toSorted());
      expect(verdict.yields.map((ruleYield) => ruleYield.pairs)).toEqual(
        comparing.map((rule) => pairs.filter((rules) => rules.includes(rule)).length),
      );
      const leaking = trainSide.filter((a) => evalSide.some((b) => rulesBetween(a, b).length > 0));
      expect(verdict.exclusions.map(({ key }) => key)).toEqual(
        [...new Set(leaking.map(({ key }) => key))].toSorted(),
      );
      expect(verdict.checked.training[0]?.leaked).toBe(leaking.length);
      expect(verdict.checked.against[0]?.leaked).toBe(
        evalSide.filter((b) => trainSide.some((a) => rulesBetween(a, b).length > 0)).length,
      );
    }),
    { numRuns: 200 },
  );
});
