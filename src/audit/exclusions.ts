import { createHash } from "node:crypto";
import type { JsonValue } from "../core/digest.ts";
import type { EvidenceStep, NearEvidence } from "./findings.ts";
import type { Exclusion, PicturePlace } from "./verdict.ts";

/** Characters that are hashed at once. */
const CHUNK_LENGTH = 2 ** 16;

/** SHA-256 over the exclusions with their chains, one line of canonical JSON each. */
export function digestOfExclusions(exclusions: readonly Exclusion[]): string {
  const hash = createHash("sha256");
  let lines = "";
  for (const exclusion of exclusions) {
    lines += `${exclusionLine(exclusion)}\n`;
    if (lines.length < CHUNK_LENGTH) continue;
    hash.update(lines);
    lines = "";
  }
  return hash.update(lines).digest("hex");
}

// There may be millions: members are spelled in their order, which is canonical, without looking for it each time.
// What is said of all of a chain follows from its steps.
function exclusionLine({ chain, eval: evaluated, key, rule, train }: Exclusion): string {
  return JSON.stringify({
    chain: chain.map(orderedStep),
    eval: orderedPlace(evaluated),
    key,
    rule,
    train: orderedPlace(train),
  });
}

function orderedPlace({ picture, sceneKey, set, split }: PicturePlace): JsonValue {
  return { picture, sceneKey, set, split };
}

function orderedStep({
  evidence,
  from,
  fromPlace,
  near,
  rule,
  to,
  toPlace,
}: EvidenceStep): JsonValue {
  return { evidence, from, fromPlace, near: orderedNear(near), rule, to, toPlace };
}

function orderedNear(near: NearEvidence | undefined): JsonValue {
  if (near === undefined) return null;
  const { agreement, correlation, distanceBits, evalView, trainView } = near;
  return { agreement, correlation, distanceBits, evalView, trainView };
}

/** A step of a chain as it stands in documents. */
export function stepJson({ near, ...step }: EvidenceStep): JsonValue {
  return { ...step, near: near === undefined ? null : { ...near } };
}
