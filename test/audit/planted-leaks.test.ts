import {
  array,
  assert,
  asyncProperty,
  constantFrom,
  infiniteStream,
  nat,
  option,
  record,
  uniqueArray,
  type Arbitrary,
} from "fast-check";
import { describe, expect, it } from "vitest";
import { auditSplits } from "../../src/audit/audit-splits.ts";
import { leakRules, type LeakRule } from "../../src/audit/rules.ts";
import type { AuditedSplit } from "../../src/audit/verdict.ts";
import { sha256 } from "../../src/core/digest.ts";
import { imageKey } from "../../src/core/keys.ts";
import type { PictureInfo } from "../../src/core/records.ts";
import { pictureOf, splitOf } from "./picture-fixtures.ts";

// A picture as the tokens it may share: few values, so that pairs are frequent.
const smallId = nat({ max: 20 });
const tokens = record({
  key: smallId,
  photo: option(smallId),
  linked: option(smallId),
  source: smallId,
  stored: smallId,
  pixels: smallId,
  links: uniqueArray(smallId, { maxLength: 3 }),
  hash: nat({ max: 2 }),
});
type Tokens = typeof tokens extends Arbitrary<infer T> ? T : never;
const side = array(tokens, { maxLength: 12 });
const worlds = record({ train: side, evaluation: side, spread: constantFrom(1, 7919) });
type Worlds = typeof worlds extends Arbitrary<infer T> ? T : never;
const everything = { maxPairs: 1e6, maxPairsPerGroup: 1e6, maxPartners: 1e6 };

/** None, and two hashes that differ in 32 bits. */
function hashNumbered(number: number): string | null {
  return number === 0 ? null : (number === 1 ? "0" : "f").repeat(8).padEnd(64, "0");
}

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

/** Pictures of one number are one picture, by whatever chain of names. */
function identitiesAmong(pictures: readonly PictureInfo[]): readonly number[] {
  let identities = pictures.map((_, index) => index);
  for (;;) {
    const next = pictures.map((picture, one) =>
      Math.min(
        ...pictures.map((other, at) =>
          one === at || rulesBetween(picture, other).length > 0 ? (identities[at] ?? 0) : one,
        ),
      ),
    );
    if (next.every((identity, index) => identity === identities[index])) return identities;
    identities = next;
  }
}

function isTold(rule: LeakRule): boolean {
  return !["near-duplicate", "denied-by-reviewer", "chain"].includes(rule);
}

function hashesOf(world: Worlds): (string | null)[] {
  return [...world.train, ...world.evaluation].map((shared) => hashNumbered(shared.hash));
}

describe("an audit of small worlds", () => {
  it("finds all pairs that a comparison of every pair and their closure find, and no other", async () => {
    await assert(
      asyncProperty(worlds, async (world) => {
        const trainSide = world.train.map((shared) => pictureWith(shared, world.spread));
        const evalSide = world.evaluation.map((shared) => pictureWith(shared, 1));
        const verdict = await auditSplits(
          [splitOf("a/train", "train", trainSide), splitOf("b/test", "eval", evalSide)],
          { listing: everything },
        );
        const identities = identitiesAmong([...trainSide, ...evalSide]);
        const isOne = (train: number, other: number): boolean =>
          identities[train] === identities[trainSide.length + other];
        const pairs = trainSide.flatMap((a, train) =>
          evalSide.flatMap((b, other) => (isOne(train, other) ? [rulesBetween(a, b)] : [])),
        );
        const found = verdict.leaks.map(({ rule, alsoBy }) => [rule, ...alsoBy].join());
        const expected = pairs.map((rules) => (rules.length === 0 ? "chain" : toldRules(rules)));
        expect(found.toSorted()).toEqual(expected.toSorted());
        expect(verdict.numPairs).toBe(pairs.length);
        const counted = verdict.yields.filter(({ rule }) => isTold(rule));
        expect(counted.map((ruleYield) => ruleYield.pairs)).toEqual(
          counted.map(({ rule }) => pairs.filter((rules) => rules.includes(rule)).length),
        );
        const leaking = trainSide.filter((_, train) => evalSide.some((__, at) => isOne(train, at)));
        expect(verdict.exclusions.map(({ key }) => key)).toEqual(
          [...new Set(leaking.map(({ key }) => key))].toSorted(),
        );
        expect(verdict.checked.training[0]?.leaked).toBe(leaking.length);
        expect(verdict.checked.against[0]?.leaked).toBe(
          evalSide.filter((_, at) => trainSide.some((__, train) => isOne(train, at))).length,
        );
        const added = verdict.yields.reduce((sum, ruleYield) => sum + ruleYield.added, 0);
        expect(added).toBe(leaking.length);
        expect(verdict.kinds.reduce((sum, { pictures }) => sum + pictures, 0)).toBe(leaking.length);
      }),
      { numRuns: 150 },
    );
  });

  it("counts by rule how many matches the hashes contradict", async () => {
    await assert(
      asyncProperty(worlds, async (world) => {
        const hashes = hashesOf(world);
        const trainSide = world.train.map((shared, at) => ({
          ...pictureWith(shared, world.spread),
          perceptualHash: hashes[at] ?? null,
        }));
        const evalSide = world.evaluation.map((shared, at) => ({
          ...pictureWith(shared, 1),
          perceptualHash: hashes[world.train.length + at] ?? null,
        }));
        const verdict = await auditSplits([
          splitOf("a/train", "train", trainSide),
          splitOf("b/test", "eval", evalSide),
        ]);
        const compared = trainSide.flatMap((a) =>
          evalSide.flatMap((b) => {
            const areHashed = a.perceptualHash !== null && b.perceptualHash !== null;
            const rules = rulesBetween(a, b);
            const isContent = rules.includes("same-bytes") || rules.includes("same-pixels");
            const isFar = a.perceptualHash !== b.perceptualHash;
            return areHashed ? [{ rules, contradicted: isFar && !isContent }] : [];
          }),
        );
        const byName = verdict.yields.slice(0, 4);
        expect(byName.map((its) => [its.compared, its.contradicted])).toEqual(
          byName.map(({ rule }) => {
            const held = compared.filter(({ rules }) => rules.includes(rule));
            return [held.length, held.filter(({ contradicted }) => contradicted).length];
          }),
        );
      }),
      { numRuns: 100 },
    );
  });

  it("comes to the same verdict whatever the order of splits", async () => {
    await assert(
      asyncProperty(worlds, infiniteStream(nat()), async (world, ranks) => {
        const splits = (): AuditedSplit[] => [
          splitOf("a/train", "train", thirdOf(world.train, 0)),
          splitOf("b/train", "train", thirdOf(world.train, 1)),
          splitOf("c/list", "witness", thirdOf(world.train, 2)),
          splitOf("a/test", "eval", thirdOf(world.evaluation, 0)),
          splitOf("b/test", "eval", thirdOf(world.evaluation, 1)),
          splitOf("d/list", "witness", thirdOf(world.evaluation, 2)),
        ];
        const shuffled = splits()
          .map((split) => ({ split, rank: ranks.next().value }))
          .toSorted((a, b) => a.rank - b.rank)
          .map(({ split }) => split);
        expect(await auditSplits(shuffled)).toEqual(await auditSplits(splits()));
      }),
      { numRuns: 60 },
    );
  });
});

function thirdOf(pictures: readonly Tokens[], third: number): PictureInfo[] {
  return pictures.filter((_, at) => at % 3 === third).map((shared) => pictureWith(shared, 1));
}
