import { assert as check, nat, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { auditSplits } from "../../../src/audit/audit-splits.ts";
import {
  decisionsFault,
  exclusionListFault,
  hashesFault,
  missingSets,
  roleIn,
  type SetOnDisk,
  setFaults,
} from "../../../src/audit/proof/compare-set.ts";
import { generateKeyPair, signingKey, verifyingKey } from "../../../src/audit/proof/keys.ts";
import { makeProof, type TrainingSet } from "../../../src/audit/proof/make-proof.ts";
import { type Proof, readProof, requireSignature } from "../../../src/audit/proof/read-proof.ts";
import type { AuditedSplit, AuditVerdict } from "../../../src/audit/verdict.ts";
import { type DsseEnvelope, envelopeText } from "../../../src/core/attestation/dsse.ts";
import { ConfigError, LeakError, StateError } from "../../../src/core/errors.ts";
import { pictureOf, splitOf } from "../picture-fixtures.ts";

const pair = generateKeyPair();
const key = signingKey(pair.privateKey, "key");
const publicKey = verifyingKey(pair.publicKey, "key.pub");
const exclusionList = "e".repeat(64);
const training = trainingSplit();
const evaluation = evaluationSplit(3);
const shards = [
  { file: "train/00000.arrow", sha256: "0".repeat(64) },
  { file: "train/00001.arrow", sha256: "1".repeat(64) },
];
const set: TrainingSet = {
  name: "a",
  digest: training.setDigest,
  exclusionList,
  bound: true,
  shards,
};

// The heads of a split are read once.
function trainingSplit(): AuditedSplit {
  return splitOf("a/train", "train", [pictureOf(1), pictureOf(2)]);
}

function evaluationSplit(id: number): AuditedSplit {
  return splitOf("b/test", "eval", [pictureOf(id)]);
}

function cleanVerdict(): Promise<AuditVerdict> {
  return auditSplits([trainingSplit(), evaluationSplit(3)]);
}

function madeOf(verdict: AuditVerdict): DsseEnvelope {
  return makeProof({ verdict, toolVersion: "0.1.0", sets: [set] }, key);
}

async function proofText(change: Partial<TrainingSet> = {}): Promise<string> {
  const source = {
    verdict: await cleanVerdict(),
    toolVersion: "0.1.0",
    sets: [{ ...set, ...change }],
  };
  return envelopeText(makeProof(source, key));
}

async function proofWith(change: Partial<TrainingSet> = {}): Promise<Proof> {
  return readProof(await proofText(change), "proof.json");
}

function onDisk(proof: Proof, change: Partial<SetOnDisk> = {}): SetOnDisk {
  const { digest, name } = set;
  const found = { location: "sets/a", name, digest, trainingShards: shards };
  return { ...found, boundProof: proof.sha256, ...change };
}

describe("a proof", () => {
  it("is the same for the same verdict and key, and names sets, shards, settings and counts", async () => {
    const text = await proofText();
    expect(await proofText()).toBe(text);
    const { predicate, statement } = readProof(text, "proof.json");
    const name = `a@${set.digest.slice(0, 12)}`;
    expect(statement.predicateType).toBe("urn:crossweave:leak-audit:1");
    expect(statement.subject).toEqual([
      { name, digest: { crossweaveSet: set.digest } },
      ...shards.map(({ file, sha256 }) => ({ name: `${name}/${file}`, digest: { sha256 } })),
    ]);
    expect(predicate).toMatchObject({
      outcome: "clean",
      settings: {
        tool: { name: "crossweave", version: "0.1.0" },
        evaluation: [{ set: "b", split: "test", digest: evaluation.setDigest, pictures: 1 }],
      },
      sets: [{ name: "a", digest: set.digest, exclusionList, bound: true }],
      counts: { trainingPictures: 2, evaluationPictures: 1, suspects: 0 },
    });
  });

  it("says against what nothing was found, and what was not looked for", async () => {
    const { claim } = (await proofWith()).predicate;
    expect(claim).toContain("no known identity link (key, linked key, Flickr photo id");
    expect(claim).toContain(
      `1 evaluation picture of b/test (${evaluation.setDigest.slice(0, 12)})`,
    );
    expect(claim).toContain("near-duplicates were not looked for");
  });

  it("is not made of sets that leak, nor of nothing", async () => {
    const leaking = await auditSplits([trainingSplit(), evaluationSplit(2)]);
    const unchecked = await auditSplits([trainingSplit()]);
    expect(() => madeOf(leaking)).toThrow(LeakError);
    expect(() => madeOf(unchecked)).toThrow(ConfigError);
  });

  it("verifies with the key that signed it and no other", async () => {
    const proof = await proofWith();
    requireSignature(proof, publicKey);
    const other = verifyingKey(generateKeyPair().publicKey, "other.pub");
    expect(() => requireSignature(proof, other)).toThrow(/signed with another key/);
    const envelope = { ...proof.envelope, signatures: [] };
    const unsigned = readProof(envelopeText(envelope), "proof.json");
    expect(() => requireSignature(unsigned, publicKey)).toThrow(/carries no signature/);
  });

  it("does not verify with any byte of its envelope changed", async () => {
    const text = await proofText();
    check(
      property(nat(text.length - 1), nat(254), (position, step) => {
        const bytes = Buffer.from(text);
        bytes[position] = ((bytes[position] ?? 0) + 1 + step) % 256;
        const changed = bytes.toString("latin1");
        expect(() => requireSignature(readProof(changed, "proof.json"), publicKey)).toThrow(
          StateError,
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [
      "a threshold, with its digest left",
      /settings are not those of their digest/,
      ["same-bytes", "same-mood"],
    ],
    [
      "an older format",
      /format version 0; this version of crossweave reads urn:/,
      ["leak-audit:1", "leak-audit:0"],
    ],
    [
      "a newer format",
      /made by a newer crossweave: its format has the version 2; update crossweave/,
      ["leak-audit:1", "leak-audit:2"],
    ],
    [
      "newer settings",
      /its settings are made by a newer crossweave: its format has the version 2/,
      ['"version":1}', '"version":2,"whatever":1}'],
    ],
    [
      "another statement",
      /statement of another kind/,
      ["urn:crossweave:leak-audit:1", "urn:other"],
    ],
    ["a missing member", /settingsDigest/, ['"settingsDigest"', '"settingsDigits"']],
  ] as const)("names %s even where nobody signed", async (_, message, [found, replacement]) => {
    const { envelope } = await proofWith();
    const payload = Buffer.from(envelope.payload).toString().replaceAll(found, replacement);
    const forged = { ...envelope, payload: Buffer.from(payload), signatures: [] };
    expect(() => readProof(envelopeText(forged), "proof.json")).toThrow(message);
  });
});

describe("a set beside its proof", () => {
  it("has no fault where it is what was audited", async () => {
    const proof = await proofWith();
    expect([...setFaults(proof, onDisk(proof))]).toEqual([]);
    expect(roleIn(proof, onDisk(proof))).toBe("training");
    expect(missingSets(proof, [onDisk(proof)])).toEqual([]);
    const evaluated = onDisk(proof, { name: "b", digest: evaluation.setDigest, boundProof: null });
    expect([...setFaults(proof, evaluated)]).toEqual([]);
    expect(roleIn(proof, evaluated)).toBe("evaluation");
  });

  it.each([
    ["names another proof", { boundProof: "9".repeat(64) }, [/names another proof/]],
    ["names none", { boundProof: null }, [/no longer names the proof/]],
    [
      "has a shard that was built again",
      {
        digest: "7".repeat(64),
        trainingShards: [{ file: "train/00000.arrow", sha256: "5".repeat(64) }],
      },
      [
        /has the digest 777.*built again/,
        /00000\.arrow: sha256 555.*proof says 000/,
        /00001\.arrow: the file is missing/,
      ],
    ],
    [
      "has a shard more",
      {
        digest: "7".repeat(64),
        trainingShards: [...shards, { file: "train/00002.arrow", sha256: "5" }],
      },
      [/built again/, /00002\.arrow: the proof does not list this file/],
    ],
    [
      "is another evaluation set",
      { name: "b", digest: "7".repeat(64) },
      [/the proof is for another one/],
    ],
    [
      "is a stranger",
      { name: "c", digest: "7".repeat(64) },
      [/does not speak of the set c .*speaks of a, b/],
    ],
  ] as const)("is named where it %s", async (_, change, messages) => {
    const proof = await proofWith();
    const faults = [...setFaults(proof, onDisk(proof, change))];
    expect(faults).toEqual(messages.map((message) => expect.stringMatching(message)));
  });

  it("may name no proof where it was not to", async () => {
    const proof = await proofWith({ bound: false });
    expect([...setFaults(proof, onDisk(proof, { boundProof: null }))]).toEqual([]);
  });

  it("is missed where the proof speaks of it", async () => {
    const proof = await proofWith();
    expect(missingSets(proof, [])).toEqual([
      expect.stringContaining(`training set a (${set.digest})`),
    ]);
  });

  it("is missed where only another training set of its name is there", async () => {
    const other = { ...set, digest: "6".repeat(64) };
    const source = { verdict: await cleanVerdict(), toolVersion: "0.1.0", sets: [set, other] };
    const proof = readProof(envelopeText(makeProof(source, key)), "proof.json");
    expect(missingSets(proof, [onDisk(proof)])).toEqual([
      expect.stringContaining(`training set a (${other.digest})`),
    ]);
    expect(missingSets(proof, [onDisk(proof), onDisk(proof, { digest: other.digest })])).toEqual(
      [],
    );
    // Which of the two it was is not known; that it was changed is told with its faults.
    expect(missingSets(proof, [onDisk(proof, { digest: "5".repeat(64) })])).toEqual([]);
  });

  it("was compared with the hidden test sets that the proof names, and no others", async () => {
    const proof = await proofWith();
    const { setDigest: digest } = evaluation;
    expect(hashesFault(proof, { file: "b.hashes", digest })).toBeUndefined();
    expect(hashesFault(proof, { file: "c.hashes", digest: "9" })).toMatch(
      /^c\.hashes: these hashes have the digest 9; the proof is for b\/test/,
    );
  });

  it("was reviewed by the list that the audit kept to, or by none", async () => {
    const proof = await proofWith();
    const list = { file: "decisions.json", sha256: "f".repeat(64) };
    expect(decisionsFault(proof, list)).toMatch(/decisions\.json: .* fff.*, the audit had none/);
    const settings = { ...proof.predicate.settings, review: list.sha256 };
    const reviewed = { ...proof, predicate: { ...proof.predicate, settings } };
    expect(decisionsFault(reviewed, list)).toBeUndefined();
    expect(decisionsFault(reviewed, { ...list, sha256: "0" })).toMatch(/the proof says fff/);
  });

  it("was prepared with its own exclusion list and no other", async () => {
    const proof = await proofWith();
    expect(exclusionListFault(proof, { file: "x.json", digest: exclusionList })).toBeUndefined();
    expect(exclusionListFault(proof, { file: "x.json", digest: "f".repeat(64) })).toMatch(
      /x\.json: this exclusion list has the digest fff.*the proof says eee/,
    );
    const without = await proofWith({ exclusionList: null });
    expect(exclusionListFault(without, { file: "x.json", digest: exclusionList })).toMatch(
      /were prepared without one/,
    );
  });
});
