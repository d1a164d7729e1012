import { expect, it } from "vitest";
import { auditSplits } from "../../../src/audit/audit-splits.ts";
import { generateKeyPair, signingKey, verifyingKey } from "../../../src/audit/proof/keys.ts";
import { makeProof } from "../../../src/audit/proof/make-proof.ts";
import { type Proof, readProof, requireSignature } from "../../../src/audit/proof/read-proof.ts";
import {
  type DsseEnvelope,
  envelopeText,
  preAuthEncoding,
} from "../../../src/core/attestation/dsse.ts";
import { StateError } from "../../../src/core/errors.ts";
import { pictureOf, splitOf } from "../picture-fixtures.ts";

const [own, stranger] = [generateKeyPair(), generateKeyPair()];
const key = signingKey(own.privateKey, "key");
const publicKey = verifyingKey(own.publicKey, "key.pub");
const strangersKey = signingKey(stranger.privateKey, "stranger");

async function signedEnvelope(): Promise<DsseEnvelope> {
  const verdict = await auditSplits([
    splitOf("a/train", "train", [pictureOf(1)]),
    splitOf("b/test", "eval", [pictureOf(2)]),
  ]);
  return makeProof({ verdict, toolVersion: "0.1.0", sets: [] }, key);
}

function read(envelope: DsseEnvelope): Proof {
  return readProof(envelopeText(envelope), "proof.json");
}

function signatureBy(
  signer: typeof key,
  { payload, payloadType }: DsseEnvelope,
): DsseEnvelope["signatures"][number] {
  const signature = signer.sign(preAuthEncoding(payloadType, payload));
  return { keyId: signer.keyId, signature };
}

it("a payload of another type is no proof, also where its type was signed", async () => {
  const envelope = await signedEnvelope();
  for (const payloadType of ["application/json", "application/vnd.in-toto+json ", ""]) {
    const swapped = { ...envelope, payloadType };
    expect(() => read(swapped)).toThrow(StateError);
    expect(() => read({ ...swapped, signatures: [signatureBy(key, swapped)] })).toThrow(StateError);
  }
});

it("a signature over another type of the payload does not verify", async () => {
  const envelope = await signedEnvelope();
  const signatures = [signatureBy(key, { ...envelope, payloadType: "application/json" })];
  const proof = read({ ...envelope, signatures });
  expect(() => requireSignature(proof, publicKey)).toThrow(/signature does not verify/);
});

it("a signature that somebody adds neither helps nor stands in for the key's own", async () => {
  const envelope = await signedEnvelope();
  const [first] = envelope.signatures;
  const added = signatureBy(strangersKey, envelope);
  const both = read({ ...envelope, signatures: [...envelope.signatures, added] });
  requireSignature(both, publicKey);
  // An index and a run name the proof by its file, which is another one now.
  expect(both.sha256).not.toBe(read(envelope).sha256);
  const only = read({ ...envelope, signatures: [added] });
  expect(() => requireSignature(only, publicKey)).toThrow(/signed with another key/);
  const posing = { ...added, keyId: key.keyId };
  for (const signatures of [
    [posing],
    [...envelope.signatures, posing],
    [posing, first ?? posing],
  ]) {
    const proof = read({ ...envelope, signatures });
    expect(() => requireSignature(proof, publicKey)).toThrow(/signature does not verify/);
  }
});
