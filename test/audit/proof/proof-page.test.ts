import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { auditSplits } from "../../../src/audit/audit-splits.ts";
import { signingKey } from "../../../src/audit/proof/keys.ts";
import { makeProof } from "../../../src/audit/proof/make-proof.ts";
import { readProof } from "../../../src/audit/proof/read-proof.ts";
import { type DsseEnvelope, envelopeText } from "../../../src/core/attestation/dsse.ts";
import { pictureOf, splitOf } from "../picture-fixtures.ts";

const page = join(import.meta.dirname, "../../../PROOF.md");
const fixture = join(import.meta.dirname, "fixtures/securesystemslib.json");

/** The fenced block of a language on the page. */
async function block(language: string): Promise<string> {
  const found = new RegExp(`\`\`\`${language}\n(.*?)\n\`\`\``, "s").exec(
    await readFile(page, "utf8"),
  );
  return found?.[1] ?? "";
}

async function exampleProof(): Promise<DsseEnvelope> {
  const training = splitOf("a/train", "train", [pictureOf(1), pictureOf(2)]);
  const verdict = await auditSplits([training, splitOf("b/test", "eval", [pictureOf(3)])]);
  const rules = ["same-key", "same-bytes", "chain"] as const;
  const fixed = { checked: { ...verdict.checked, rules }, yields: [], digest: "d".repeat(64) };
  const set = {
    name: "a",
    digest: training.setDigest,
    exclusionList: null,
    bound: true,
    shards: [{ file: "train/00000.arrow", sha256: "0".repeat(64) }],
  };
  const { privateKey } = z
    .object({ privateKey: z.string() })
    .parse(JSON.parse(await readFile(fixture, "utf8")));
  const source = { verdict: { ...verdict, ...fixed }, toolVersion: "0.1.0", sets: [set] };
  return makeProof(source, signingKey(privateKey, "key"));
}

describe("PROOF.md", () => {
  it("shows a statement and a signature that are still made", async () => {
    const envelope = await exampleProof();
    const statement: unknown = JSON.parse(Buffer.from(envelope.payload).toString());
    expect(JSON.stringify(statement, null, 1)).toBe(await block("statement"));
    const [signed] = envelope.signatures;
    const signature = Buffer.from(signed?.signature ?? []).toString("base64");
    expect(signature).toBe(await block("signature"));
  });

  it("lists every member of a predicate", async () => {
    const { predicate } = readProof(envelopeText(await exampleProof()), "proof.json");
    const text = await readFile(page, "utf8");
    for (const name of Object.keys(predicate))
      expect(text).toMatch(new RegExp(`\\| \`${name}(\\[\\])?\` `));
    for (const name of Object.keys(predicate.settings)) expect(text).toContain(`\`${name}\``);
  });
});
