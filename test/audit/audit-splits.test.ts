import { describe, expect, it } from "vitest";
import { auditSplits } from "../../src/audit/audit-splits.ts";
import type { LeakRule } from "../../src/audit/rules.ts";
import { isSealed, verdictJson } from "../../src/audit/verdict-json.ts";
import { ConfigError } from "../../src/core/errors.ts";
import { canonicalJson, sha256 } from "../../src/core/digest.ts";
import { imageKey } from "../../src/core/keys.ts";
import type { PictureInfo, SceneHead } from "../../src/core/records.ts";
import type { AuditedSplit } from "../../src/audit/verdict.ts";
import { pictureOf, sceneOf, splitOf, splitOfScenes } from "./picture-fixtures.ts";

const PHOTO = "2945213105";
const PHOTO_PAGE = `https://www.flickr.com/photos/someone/${PHOTO}`;
const DIGEST = sha256("x");

describe("the five rules", () => {
  it.each<{
    rule: LeakRule;
    train: Partial<PictureInfo>;
    evaluation: Partial<PictureInfo>;
    evidence: string;
  }>([
    { rule: "same-key", train: { key: "vg:7" }, evaluation: { key: "vg:7" }, evidence: "key vg:7" },
    {
      rule: "linked-key",
      train: { key: "vg:7", linkedKeys: ["coco:900", "coco:901"] },
      evaluation: { key: "coco:901" },
      evidence: "linked key coco:901",
    },
    {
      rule: "linked-key",
      train: { key: "coco:901" },
      evaluation: { key: "vg:7", linkedKeys: ["coco:901"] },
      evidence: "linked key coco:901",
    },
    {
      rule: "linked-key",
      train: { key: "vg:7", linkedKeys: ["coco:901"] },
      evaluation: { key: "vg:8", linkedKeys: ["coco:901"] },
      evidence: "linked key coco:901",
    },
    {
      rule: "same-flickr-photo",
      train: { flickrPhotoId: PHOTO },
      evaluation: { flickrPhotoId: PHOTO },
      evidence: PHOTO,
    },
    {
      rule: "same-flickr-photo",
      train: { url: `http://farm4.staticflickr.com/3204/${PHOTO}_9be0ea4312_z.jpg` },
      evaluation: { url: `https://live.staticflickr.com/3204/${PHOTO}_0a0b0c_o.png` },
      evidence: PHOTO,
    },
    {
      rule: "same-flickr-photo",
      train: { url: PHOTO_PAGE },
      evaluation: { key: imageKey("flickr30k", PHOTO) },
      evidence: PHOTO,
    },
    {
      rule: "same-flickr-photo",
      train: { flickrPhotoId: "1", url: PHOTO_PAGE },
      evaluation: { flickrPhotoId: PHOTO },
      evidence: PHOTO,
    },
    {
      rule: "same-bytes",
      train: { sourceSha256: DIGEST },
      evaluation: { sourceSha256: DIGEST },
      evidence: DIGEST,
    },
    {
      rule: "same-bytes",
      train: { sha256: DIGEST },
      evaluation: { sha256: DIGEST },
      evidence: DIGEST,
    },
    {
      rule: "same-bytes",
      train: { sha256: DIGEST },
      evaluation: { sourceSha256: DIGEST },
      evidence: DIGEST,
    },
    {
      rule: "same-pixels",
      train: { pixelSha256: DIGEST },
      evaluation: { pixelSha256: DIGEST },
      evidence: DIGEST,
    },
  ])(
    "finds a pair by $rule of $train and $evaluation",
    async ({ rule, train, evaluation, evidence }) => {
      const verdict = await auditSplits([
        splitOf("coco/train", "train", [pictureOf(1), pictureOf(2, train), pictureOf(3)]),
        splitOf("other/test", "eval", [pictureOf(11), pictureOf(12, evaluation), pictureOf(13)]),
      ]);
      expect(verdict.outcome).toBe("leaking");
      expect(verdict.leaks).toHaveLength(1);
      expect(verdict.leaks[0]).toMatchObject({
        rule,
        alsoBy: [],
        train: { set: "coco", split: "train", picture: pictureOf(2, train).key },
        eval: { set: "other", split: "test", picture: pictureOf(12, evaluation).key },
      });
      expect(verdict.leaks[0]?.evidence).toContain(evidence);
      const told = verdict.yields.filter((its) => its.pairs > 0 && its.rule !== "chain");
      const implied = rule === "same-key" ? [{ rule: "linked-key", pairs: 1, added: 0 }] : [];
      expect(told).toMatchObject([{ rule, pairs: 1, added: 1 }, ...implied]);
    },
  );

  it("lists a pair once, by its strongest rule, with the others beside it", async () => {
    const { leaks, yields } = await auditSplits([
      splitOf("coco/train", "train", [pictureOf(1)]),
      splitOf("coco/test", "eval", [pictureOf(1)]),
    ]);
    expect(leaks).toMatchObject([{ rule: "same-key", alsoBy: ["same-bytes", "same-pixels"] }]);
    expect(yields.map(({ pairs, added }) => [pairs, added])).toEqual([
      [1, 1],
      [1, 0],
      [0, 0],
      [0, 0],
      [1, 0],
      [1, 0],
      [0, 0],
      [0, 0],
      [1, 0],
    ]);
  });

  it.each([
    ["no Flickr photo id", { flickrPhotoId: null }],
    ["an empty Flickr photo id", { flickrPhotoId: "" }],
    ["the Flickr photo id 0", { flickrPhotoId: "0" }],
    ["all-zero digests", { sha256: "0".repeat(64), pixelSha256: "0".repeat(64) }],
  ])("takes %s for no link", async (_, same) => {
    const verdict = await auditSplits([
      splitOf("coco/train", "train", [pictureOf(1, same)]),
      splitOf("coco/test", "eval", [pictureOf(2, same)]),
    ]);
    expect(verdict.outcome).toBe("clean");
  });
});

describe("equal pixels", () => {
  const wide = { pixelSha256: DIGEST, sourceWidth: 20, sourceHeight: 10 };
  const tall = { pixelSha256: DIGEST, sourceWidth: 10, sourceHeight: 20 };

  it.each([
    ["are the same picture whatever the metadata", wide, { ...tall, orientation: 6 }, "leaking"],
    ["are not the same picture in another size", wide, tall, "clean"],
  ])("%s", async (...[, train, evaluation, outcome]) => {
    const verdict = await auditSplits([
      splitOf("coco/train", "train", [pictureOf(1, train)]),
      splitOf("coco/test", "eval", [pictureOf(2, evaluation)]),
    ]);
    expect(verdict.outcome).toBe(outcome);
  });
});

describe("what is compared", () => {
  it("compares across sets and splits, but never within one side", async () => {
    const verdict = await auditSplits([
      splitOf("a/train", "train", [pictureOf(1), pictureOf(1)]),
      splitOf("a/val", "eval", [pictureOf(2)]),
      splitOf("b/train", "train", [pictureOf(1), pictureOf(3)]),
      splitOf("b/test", "eval", [pictureOf(2), pictureOf(3)]),
    ]);
    expect(verdict.leaks.map(({ train, eval: other }) => [train.set, other.set])).toEqual([
      ["b", "b"],
    ]);
    expect(verdict.checked).toMatchObject({
      train: 4,
      eval: 3,
      training: [
        { set: "a", split: "train", pictures: 2, leaked: 0 },
        { set: "b", split: "train", pictures: 2, leaked: 1 },
      ],
      against: [
        { set: "a", split: "val", pictures: 1, leaked: 0, digest: sha256("a") },
        { set: "b", split: "test", pictures: 2, leaked: 1, digest: sha256("b") },
      ],
    });
  });

  it("looks at both pictures of a scene", async () => {
    const { leaks } = await auditSplits([
      splitOfScenes("nlvr2/train", "train", [sceneOf(pictureOf(1), pictureOf(2))]),
      splitOfScenes("nlvr2/dev", "eval", [sceneOf(pictureOf(2), pictureOf(3))]),
    ]);
    expect(leaks).toMatchObject([
      {
        train: { sceneKey: "coco:1+coco:2", picture: "coco:2" },
        eval: { sceneKey: "coco:2+coco:3", picture: "coco:2" },
      },
    ]);
  });

  it("is unchecked, never clean, without pictures on both sides", async () => {
    const onlyTrain = await auditSplits([splitOf("a/train", "train", [pictureOf(1)])]);
    const onlyEval = await auditSplits([splitOf("a/test", "eval", [pictureOf(1)])]);
    const emptyEval = await auditSplits([
      splitOf("a/train", "train", [pictureOf(1)]),
      splitOf("a/test", "eval", []),
    ]);
    const verdicts = [onlyTrain, onlyEval, emptyEval, await auditSplits([])];
    expect(verdicts.map(({ outcome, clean }) => [outcome, clean])).toEqual(
      verdicts.map(() => ["unchecked", false]),
    );
  });

  it("refuses a split that is given twice", async () => {
    const twice = auditSplits([
      splitOf("a/train", "train", [pictureOf(1)]),
      splitOf("a/train", "train", [pictureOf(1)]),
    ]);
    await expect(twice).rejects.toThrow(ConfigError);
    await expect(twice).rejects.toThrow(/given twice/);
  });

  it("stops with the abort reason", async () => {
    const reason = new Error("stop");
    const audit = auditSplits([splitOf("a/train", "train", [pictureOf(1)])], {
      signal: AbortSignal.abort(reason),
    });
    await expect(audit).rejects.toBe(reason);
  });
});

function fourSplits(): AuditedSplit[] {
  return [
    splitOf("b/train", "train", [pictureOf(1), pictureOf(2)]),
    splitOf("a/train", "train", [pictureOf(3), pictureOf(2)]),
    splitOf("b/test", "eval", [pictureOf(2), pictureOf(3)]),
    splitOf("a/test", "eval", [pictureOf(1)]),
  ];
}

function leakingSplits(): AuditedSplit[] {
  return [
    splitOf("a/train", "train", [pictureOf(1), pictureOf(2)]),
    splitOf("a/test", "eval", [pictureOf(2), pictureOf(3)]),
  ];
}

describe("the order of the splits", () => {
  it("does not change the verdict", async () => {
    const verdict = await auditSplits(fourSplits());
    expect(verdict.leaks).toHaveLength(4);
    expect(await auditSplits(fourSplits().toReversed())).toEqual(verdict);
  });
});

describe("the digest", () => {
  it("is that of the document without it", async () => {
    const verdict = await auditSplits(leakingSplits());
    const document = JSON.parse(canonicalJson(verdictJson(verdict)));
    const { digest, ...rest } = document;
    expect(digest).toBe(verdict.digest);
    expect(sha256(canonicalJson(rest))).toBe(verdict.digest);
    expect(isSealed(verdict)).toBe(true);
  });

  it("changes with an exclusion, a limit or a set's digest", async () => {
    const verdict = await auditSplits(leakingSplits());
    expect(isSealed({ ...verdict, exclusions: [] })).toBe(false);
    const cut = await auditSplits(leakingSplits(), { listing: { maxPairs: 5 } });
    const setDigest = sha256("a, rebuilt");
    const rebuilt = await auditSplits(
      leakingSplits().map((split) => Object.assign(split, { setDigest })),
    );
    expect(new Set([verdict.digest, cut.digest, rebuilt.digest]).size).toBe(3);
  });
});

describe("a great many equal pictures", () => {
  it("counts the pairs of 200,000 identical pictures and lists a few (case 56)", async () => {
    const numPictures = 100_000;
    const digest = sha256("the one picture");
    function* identical(start: number): Generator<SceneHead> {
      for (let id = start; id < start + numPictures; id += 1) {
        const key = imageKey("coco", id);
        const picture = { ...template, key, sourceSha256: digest, sha256: digest };
        yield { sceneKey: key, pictures: [picture], texts: [] };
      }
    }
    const template = pictureOf(0);
    const { leaks, yields, exclusions, listing } = await auditSplits([
      splitOfScenes("a/train", "train", identical(0)),
      splitOfScenes("a/test", "eval", identical(numPictures)),
    ]);
    const told = yields.filter(({ pairs }) => pairs > 0).map(({ pairs, rule }) => [rule, pairs]);
    expect(told).toEqual([
      ["same-bytes", numPictures ** 2],
      ["same-pixels", numPictures ** 2],
      ["chain", numPictures ** 2],
    ]);
    expect(leaks).toHaveLength(listing.maxPairsPerGroup);
    expect(exclusions).toHaveLength(numPictures);
  });

  it("lists no more than it may in all, and still excludes every picture", async () => {
    const pictures = Array.from({ length: 50 }, (_, id) => pictureOf(id));
    const { leaks, exclusions } = await auditSplits(
      [splitOf("a/train", "train", pictures), splitOf("a/test", "eval", pictures)],
      { listing: { maxPairs: 20 } },
    );
    expect(leaks).toHaveLength(20);
    expect(exclusions).toHaveLength(50);
  });
});
