import { createHash } from "node:crypto";
import { canonicalJson, type JsonValue } from "../core/digest.ts";
import type { EvidenceStep } from "./findings.ts";
import type { Exclusion } from "./verdict.ts";

/** SHA-256 over the exclusions with their chains, one line of canonical JSON each. */
export function digestOfExclusions(exclusions: readonly Exclusion[]): string {
  const hash = createHash("sha256");
  for (const { chain, eval: evaluated, train, ...named } of exclusions) {
    const places = { train: { ...train }, eval: { ...evaluated } };
    hash.update(`${canonicalJson({ ...named, ...places, chain: chain.map(stepJson) })}\n`);
  }
  return hash.digest("hex");
}

/** A step of a chain as it stands in documents. */
export function stepJson({ near, ...step }: EvidenceStep): JsonValue {
  return { ...step, near: near === undefined ? null : { ...near } };
}
