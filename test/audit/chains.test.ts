import { describe, expect, it } from "vitest";
import { auditSplits } from "../../src/audit/audit-splits.ts";
import { explainPicture, nearestKeys } from "../../src/audit/explain-picture.ts";
import type { NearFindings } from "../../src/audit/near/near-findings.ts";
import { relateSplits } from "../../src/audit/relate-splits.ts";
import type { AuditedSplit, PicturePlace } from "../../src/audit/verdict.ts";
import { sha256 } from "../../src/core/digest.ts";
import type { ImageKey } from "../../src/core/keys.ts";
import type { PictureInfo, SceneText } from "../../src/core/records.ts";
import { pictureOf, splitOf, splitOfScenes } from "./picture-fixtures.ts";

type NearPair = NearFindings["verified"][number];

const PHOTO = "1007129816";

/** Visual Genome's picture is COCO's by a link, and COCO's is Flickr30K's by its photo; the list has COCO's. */
function chainedSplits(through: AuditedSplit["role"]): AuditedSplit[] {
  return [
    splitOf("vg/train", "train", [
      pictureOf(1, { key: "vg:7", linkedKeys: ["coco:900"] }),
      pictureOf(2, { key: "vg:8" }),
    ]),
    splitOf("lists/coco", through, [pictureOf(3, { key: "coco:900", flickrPhotoId: PHOTO })]),
    splitOf("flickr30k/test", "eval", [pictureOf(4, { key: `flickr30k:${PHOTO}` })]),
  ];
}

describe("a chain through a third picture", () => {
  it.each(["witness", "train"] as const)(
    "is a leak with its steps, also through a picture of role %s",
    async (role) => {
      const { checked, exclusions, leaks } = await auditSplits(chainedSplits(role));
      const leak = leaks.find(({ train }) => train.picture === "vg:7");
      expect(leak).toMatchObject({
        rule: "chain",
        alsoBy: [],
        eval: { picture: `flickr30k:${PHOTO}` },
        kind: { modality: "picture", coverage: "between-datasets", degree: "identical" },
        chain: [
          {
            from: "vg:7",
            to: "coco:900",
            rule: "linked-key",
            fromPlace: "vg/train",
            toPlace: "lists/coco",
            evidence:
              "linked key coco:900 (linked key of vg:7 in vg/train; key of coco:900 in lists/coco)",
          },
          {
            from: "coco:900",
            to: `flickr30k:${PHOTO}`,
            rule: "same-flickr-photo",
            evidence: `Flickr photo ${PHOTO} (Flickr photo id of coco:900 in lists/coco; file name of flickr30k:${PHOTO} in flickr30k/test)`,
          },
        ],
      });
      const excluded = exclusions.find(({ key }) => key === "vg:7");
      expect(excluded?.rule).toBe("chain");
      expect(excluded?.evidence).toContain(
        `, then Flickr photo ${PHOTO} (Flickr photo id of coco:900`,
      );
      expect(excluded?.chain).toEqual(leak?.chain);
      expect(checked.through.map(({ split }) => split)).toEqual(role === "witness" ? ["coco"] : []);
    },
  );

  it("is none when the third picture is not there", async () => {
    const verdict = await auditSplits(
      chainedSplits("witness").filter(({ set }) => set !== "lists"),
    );
    expect(verdict.outcome).toBe("clean");
  });

  it("counts a picture on neither side as neither trained nor evaluated on", async () => {
    const { checked, numPairs, yields } = await auditSplits(chainedSplits("witness"));
    expect(checked).toMatchObject({ train: 2, eval: 1, through: [{ set: "lists", pictures: 1 }] });
    expect(numPairs).toBe(1);
    expect(yields.filter(({ added }) => added > 0)).toMatchObject([{ rule: "chain", added: 1 }]);
  });
});

function placeOf(set: string, split: string, picture: ImageKey): PicturePlace {
  return { set, split, sceneKey: picture, picture };
}

const near = { distanceBits: 9, trainView: "as it is", evalView: "as it is", correlation: 0.97 };

function verifiedPair(train: PicturePlace, evaluated: PicturePlace): NearPair {
  return { train, eval: evaluated, near, evidence: "aligned pixels correlate by 0.97" };
}

function findings(verified: readonly NearPair[], suspects: readonly NearPair[] = []): NearFindings {
  return {
    summary: {
      method: "made up",
      settings: {},
      hashed: { train: 0, eval: 0 },
      notComparable: { train: 0, eval: 0 },
      listedNotComparable: [],
      candidates: verified.length,
      verified: verified.length,
      suspects: suspects.length,
      recall: null,
    },
    verified,
    suspects: suspects.map((pair) => ({ train: pair.train, eval: pair.eval, near, score: 0.5 })),
  };
}

describe("case 57: chains of near-duplicates", () => {
  const pictureA = pictureOf(1, { key: "coco:1" });
  const pictureB = pictureOf(2, { key: "coco:2" });
  const pictureC = pictureOf(3, { key: "coco:3" });
  const splits = (): AuditedSplit[] => [
    splitOf("a/train", "train", [pictureA]),
    splitOf("b/test", "eval", [pictureB]),
    splitOf("c/train", "train", [pictureC]),
    splitOf("d/test", "eval", [pictureOf(4, { key: "coco:4" })]),
  ];
  const [a, b] = [placeOf("a", "train", "coco:1"), placeOf("b", "test", "coco:2")];
  const [c, d] = [placeOf("c", "train", "coco:3"), placeOf("d", "test", "coco:4")];

  it("lead over one verified pair, and no farther", async () => {
    const verdict = await auditSplits(splits(), {
      near: findings([verifiedPair(a, b), verifiedPair(c, b), verifiedPair(c, d)]),
    });
    const pairs = verdict.leaks.map(
      ({ train, eval: other }) => `${train.picture} ${other.picture}`,
    );
    // A is like B, B like C and C like D: but A is not D.
    expect(pairs).toEqual(["coco:1 coco:2", "coco:3 coco:2", "coco:3 coco:4"]);
    expect(verdict.numPairs).toBe(3);
    expect(verdict.leaks[0]).toMatchObject({
      rule: "near-duplicate",
      kind: { degree: "near-identical" },
      chain: [{ rule: "near-duplicate", near, evidence: "aligned pixels correlate by 0.97" }],
    });
  });

  it("lead through names before and after the verified pair", async () => {
    const verdict = await auditSplits(
      [
        ...splits(),
        splitOf("e/train", "train", [pictureOf(5, { key: "vg:5", linkedKeys: ["coco:1"] })]),
        splitOf("f/test", "eval", [pictureOf(6, { key: "vg:6", linkedKeys: ["coco:2"] })]),
      ],
      { near: findings([verifiedPair(a, b)]) },
    );
    const leak = verdict.leaks.find(
      ({ train, eval: other }) => train.picture === "vg:5" && other.picture === "vg:6",
    );
    expect(leak).toMatchObject({ rule: "chain", kind: { degree: "near-identical" } });
    expect(leak?.chain.map(({ rule }) => rule)).toEqual([
      "linked-key",
      "near-duplicate",
      "linked-key",
    ]);
    expect(verdict.numPairs).toBe(4);
  });

  it("are made of names where names lead as well, whatever pixels say of the two", async () => {
    const linked = { ...pictureA, linkedKeys: ["coco:9"] as const };
    const photo = { key: "coco:9", flickrPhotoId: PHOTO } as const;
    const verdict = await auditSplits(
      [
        splitOf("a/train", "train", [linked]),
        splitOf("b/test", "eval", [{ ...pictureB, flickrPhotoId: PHOTO }]),
        splitOf("c/list", "witness", [pictureOf(9, photo)]),
      ],
      { near: findings([verifiedPair(a, b)]) },
    );
    expect(verdict.leaks).toMatchObject([
      { rule: "chain", alsoBy: ["near-duplicate"], kind: { degree: "identical" } },
    ]);
    expect(verdict.leaks[0]?.chain.map(({ rule }) => rule)).toEqual([
      "linked-key",
      "same-flickr-photo",
    ]);
    expect(verdict.exclusions[0]?.rule).toBe("chain");
  });

  it("are not made of pairs that nothing verified: these stay suspects", async () => {
    const verdict = await auditSplits(splits(), { near: findings([], [verifiedPair(a, b)]) });
    expect(verdict.outcome).toBe("clean");
    expect(verdict).toMatchObject({ numSuspects: 1, suspects: [{ train: a, eval: b }] });
  });

  it("take no pair for a suspect that names show to be one picture", async () => {
    const verdict = await auditSplits(
      [
        splitOf("a/train", "train", [pictureA]),
        splitOf("b/test", "eval", [{ ...pictureB, linkedKeys: ["coco:1"] }]),
      ],
      { near: findings([], [verifiedPair(a, b)]) },
    );
    expect(verdict).toMatchObject({ outcome: "leaking", numSuspects: 0, suspects: [] });
  });
});

describe("a match that hashes contradict", () => {
  const url = "https://images.example.org/picture?id=1";
  const far = "f".repeat(8).padEnd(64, "0");
  const zero = "0".repeat(64);
  const hashed = (id: number, perceptualHash: string | null): PictureInfo =>
    pictureOf(id, { url, perceptualHash });

  it("stays a leak, and is counted and listed as contradicted", async () => {
    const { exclusions, leaks, yields } = await auditSplits([
      splitOf("a/train", "train", [hashed(1, far), hashed(2, zero), hashed(3, null)]),
      splitOf("b/test", "eval", [hashed(4, zero)]),
    ]);
    expect(leaks.map(({ rule, contradiction }) => [rule, contradiction])).toEqual([
      ["same-url", { distanceBits: 32, hashBits: 256 }],
      ["same-url", null],
      ["same-url", null],
    ]);
    expect(exclusions).toHaveLength(3);
    expect(yields.find(({ rule }) => rule === "same-url")).toMatchObject({
      pairs: 3,
      compared: 2,
      contradicted: 1,
    });
  });

  it("is upheld by equal pixels or by a verified pair", async () => {
    const pixels = { pixelSha256: sha256("x") };
    const splits = (): AuditedSplit[] => [
      splitOf("a/train", "train", [hashed(1, far), { ...hashed(2, far), ...pixels }]),
      splitOf("b/test", "eval", [{ ...hashed(4, zero), ...pixels }]),
    ];
    const pair = verifiedPair(placeOf("a", "train", "coco:1"), placeOf("b", "test", "coco:4"));
    const { yields } = await auditSplits(splits(), { near: findings([pair]) });
    expect(yields.find(({ rule }) => rule === "same-url")).toMatchObject({
      compared: 2,
      contradicted: 0,
    });
  });

  it.each([
    ["e7e7e7e7e7e7e7e7", "e7e7e7e7e7e7e718", 8],
    ["e7e7e7e7e7e7e7e7", "e7e7e7e7e7e7e799", null],
    ["e7e7e7e7e7e7e7e7", zero, null],
  ])("is told by hashes of one length alone: %s and %s", async (one, other, distanceBits) => {
    const { leaks } = await auditSplits([
      splitOf("a/train", "train", [hashed(1, one)]),
      splitOf("b/test", "eval", [hashed(2, other)]),
    ]);
    expect(leaks[0]?.contradiction).toEqual(
      distanceBits === null ? null : { distanceBits, hashBits: 64 },
    );
  });
});

describe("the kinds of leaks", () => {
  const question: SceneText = {
    id: "1",
    kind: "question",
    text: "What is  this?",
    label: null,
    answers: [{ answer: "a dog", count: 9 }],
    choices: [],
    box: null,
    context: null,
  };

  it.each([
    [{}, "picture-and-text"],
    [{ text: "what is this?" }, "picture-and-text"],
    [{ answers: [{ answer: "a cat", count: 9 }] }, "picture"],
    [{ text: "Where is this?" }, "picture"],
  ])("say whether a text with its label is shared: %j", async (other, modality) => {
    const pictures = [pictureOf(1)];
    const scene = { sceneKey: "coco:1", pictures };
    const { kinds, leaks } = await auditSplits([
      splitOfScenes("a/train", "train", [{ ...scene, texts: [question] }]),
      splitOfScenes("b/test", "eval", [{ ...scene, texts: [{ ...question, ...other }] }]),
    ]);
    const kind = { modality, coverage: "within-dataset", degree: "identical" };
    expect(kinds).toEqual([{ kind, pictures: 1 }]);
    expect(leaks[0]?.kind).toEqual(kind);
  });
});

function away(one: string, other: string): number {
  return Math.abs(one.length - other.length) + (one[0] === other[0] ? 0 : 1) + 1;
}

describe("what a picture is", () => {
  it("is explained by its chain, by its own split, or as apart from all that was looked at", async () => {
    const { identities } = await relateSplits(chainedSplits("witness"));
    expect(explainPicture(identities, "vg:7")).toMatchObject({
      outcome: "joined",
      seen: [{ place: "vg/train", role: "train" }],
      chains: [{ eval: { picture: `flickr30k:${PHOTO}` }, steps: [{}, {}] }],
      numEvaluation: 1,
      numTraining: 1,
    });
    expect(explainPicture(identities, `flickr30k:${PHOTO}`)).toMatchObject({
      outcome: "evaluated",
      chains: [],
      numTraining: 1,
    });
    expect(explainPicture(identities, "vg:8")).toMatchObject({
      outcome: "apart",
      chains: [],
      sources: [{ set: "flickr30k" }, { set: "vg" }, { set: "lists", role: "witness" }],
    });
    expect(explainPicture(identities, "vg:9")).toBeUndefined();
  });

  it("is asked by a key; the nearest keys are those with that id, then those spelled most like it", async () => {
    const { identities } = await relateSplits(chainedSplits("witness"));
    expect(nearestKeys(identities, "900", away)[0]).toBe("coco:900");
    expect(nearestKeys(identities, "vg:77", away).slice(0, 2)).toEqual(["vg:7", "vg:8"]);
  });
});
