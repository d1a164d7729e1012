import type { Proof } from "../../audit/proof/read-proof.ts";
import { predicateJson } from "../../audit/proof/predicate.ts";
import type { JsonValue } from "../../core/digest.ts";
import { escapeControls } from "../../core/text.ts";
import { shellWord } from "../terminal/shell-word.ts";
import { textTable } from "../text-table.ts";
import type { WrittenKeys } from "./proof-files.ts";
import type { Verification } from "./proof-verification.ts";
import type { WrittenProof } from "./proof-writing.ts";

/** What a new key pair is for. */
export function keyWrittenText({ keyId, privateKey, publicKey }: WrittenKeys): string {
  return [
    `${escapeControls(privateKey)}: the private key; keep it to yourself, whoever has it can sign in your name`,
    `${escapeControls(publicKey)}: the public key, for all who verify your proofs`,
    `key ${keyId}`,
    `next: crossweave audit <set…> --proof proof.json --key ${word(privateKey)}`,
  ].join("\n");
}

/** What became of a proof, for the end of an audit's output. */
export function proofWrittenText({ boundTo, file, keyId, sha256 }: WrittenProof): string {
  const signer = keyId === null ? "not signed by anybody" : `signed with the key ${keyId}`;
  const lines = [`proof ${escapeControls(file)} (sha256 ${sha256}), ${signer}`];
  if (boundTo.length > 0)
    lines.push(`named by the index of ${boundTo.map(escapeControls).join(", ")}`);
  return lines.join("\n");
}

/** A verified proof, with who signed it. */
export interface VerifiedProof extends Verification {
  readonly proof: Proof;
  /** Null where the signature was not checked. */
  readonly keyId: string | null;
}

/** What was verified, the claim first. */
export function verificationText({ keyId, notes, proof, sets }: VerifiedProof): string {
  const { claim, counts } = proof.predicate;
  const signer = keyId === null ? "not by whom it was made" : `signed with the key ${keyId}`;
  const rows = sets.map(({ digest, location, name, numFiles, role, sizeBytes }) => [
    location,
    name,
    role,
    numFiles,
    sizeBytes,
    digest,
  ]);
  const closing = [
    `suspects that nobody has looked at: ${counts.suspects}; texts on both sides: ${counts.textLeaks}`,
    ...notes.map((note) => `note: ${escapeControls(note)}`),
  ];
  return [
    `The proof verifies: every byte is as it says, ${signer}.`,
    `It says: ${escapeControls(claim)}.`,
    textTable([["set", "name", "role", "files", "bytes", "digest"], ...rows]),
    closing.join("\n"),
  ].join("\n\n");
}

/** The same as a document. */
export function verificationJson({ keyId, notes, proof, sets }: VerifiedProof): JsonValue {
  return {
    verified: true,
    signed: keyId !== null,
    keyId,
    proof: { file: proof.file, sha256: proof.sha256, predicateType: proof.statement.predicateType },
    claim: proof.predicate.claim,
    sets: sets.map((set) => ({ ...set })),
    notes,
    predicate: predicateJson(proof.predicate),
  };
}

function word(path: string): string {
  return shellWord(escapeControls(path));
}
