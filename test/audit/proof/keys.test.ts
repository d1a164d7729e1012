import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { generateKeyPair, signingKey, verifyingKey } from "../../../src/audit/proof/keys.ts";
import {
  envelopeText,
  parseEnvelope,
  preAuthEncoding,
} from "../../../src/core/attestation/dsse.ts";
import { ConfigError } from "../../../src/core/errors.ts";

// RFC 8032, section 7.1: secret key, message, signature of TEST 1, 2 and 3.
const vectors = [
  [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
  [
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ],
] as const;

// What stands before the 32 bytes of a secret key in PKCS #8.
const PKCS8_HEAD = "302e020100300506032b657004220420";

function pemOf(secret: string): string {
  const key = createPrivateKey({
    key: Buffer.from(PKCS8_HEAD + secret, "hex"),
    format: "der",
    type: "pkcs8",
  });
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

const fixtureSchema = z.object({
  privateKey: z.string(),
  publicKey: z.string(),
  preAuthEncoding: z.string(),
  envelope: z.object({
    payload: z.string(),
    payloadType: z.string(),
    signatures: z.array(z.object({ keyid: z.string(), sig: z.string() })),
  }),
});

describe("a key", () => {
  it.each(vectors)("signs what RFC 8032 signs with %s", (secret, message, signature) => {
    const signed = signingKey(pemOf(secret), "key").sign(Buffer.from(message, "hex"));
    expect(Buffer.from(signed).toString("hex")).toBe(signature);
  });

  it("verifies what its other half signed, and nothing else", () => {
    const pair = generateKeyPair();
    const [own, other] = [pair, generateKeyPair()].map(({ publicKey }) =>
      verifyingKey(publicKey, "key.pub"),
    );
    const key = signingKey(pair.privateKey, "key");
    const message = Buffer.from("a message");
    const signature = key.sign(message);
    expect([own?.keyId, key.keyId]).toEqual([pair.keyId, pair.keyId]);
    expect(own?.verifies(message, signature)).toBe(true);
    expect(own?.verifies(Buffer.from("a massage"), signature)).toBe(false);
    expect(own?.verifies(message, signature.subarray(1))).toBe(false);
    expect(other?.verifies(message, signature)).toBe(false);
  });

  it("signs and names keys as securesystemslib and cryptography do", async () => {
    const path = join(import.meta.dirname, "fixtures/securesystemslib.json");
    const made = fixtureSchema.parse(JSON.parse(await readFile(path, "utf8")));
    const { envelope } = made;
    const payload = Buffer.from(envelope.payload, "base64");
    const encoded = preAuthEncoding(envelope.payloadType, payload);
    expect(Buffer.from(encoded).toString("hex")).toBe(made.preAuthEncoding);
    const key = signingKey(made.privateKey, "key");
    const signatures = [{ keyId: key.keyId, signature: key.sign(encoded) }];
    const text = envelopeText({ payloadType: envelope.payloadType, payload, signatures });
    expect(JSON.parse(text)).toEqual(envelope);
    const [read] = parseEnvelope(text, "proof.json").signatures;
    const publicKey = verifyingKey(made.publicKey, "key.pub");
    expect(publicKey.verifies(encoded, read?.signature ?? new Uint8Array())).toBe(true);
  });

  it.each([
    ["nothing", "", /no private key in PEM/],
    ["a public key", generateKeyPair().publicKey, /no private key in PEM/],
    [
      "a key of another kind",
      otherKind(),
      /a private key of the kind "x25519", expected "ed25519"/,
    ],
  ])("is not made of %s", (_, pem, message) => {
    expect(() => signingKey(pem, "key")).toThrow(ConfigError);
    expect(() => signingKey(pem, "key")).toThrow(message);
  });

  it("is asked for by its public half where one verifies", () => {
    const { privateKey } = generateKeyPair();
    expect(() => verifyingKey(privateKey, "key")).toThrow(/key: this is a private key/);
    expect(() => verifyingKey("nothing", "key")).toThrow(/no public key in PEM/);
  });
});

function otherKind(): string {
  const { privateKey } = generateKeyPairSync("x25519");
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
