import type { PolicyNote } from "../../audit/findings.ts";
import type { MatrixCell } from "../../audit/verdict.ts";
import type { Backbone } from "../../ingest/exclusion/backbones.ts";
import { pictureIdentities } from "../../ingest/exclusion/leak-policy.ts";
import { shellWord } from "../terminal/shell-word.ts";
import type { AuditedPolicy } from "./audited-policy.ts";
import { covers, type DatasetPart, partNames, partsOf, spelledOut } from "./dataset-parts.ts";
import type { PolicySplit } from "./split-roles.ts";

/** What a policy adds to a verdict: roles that it changed, what it names and nobody compared, what its backbones had seen. */
export function policyNote(
  policy: AuditedPolicy,
  splits: readonly PolicySplit[],
  matrix: readonly MatrixCell[],
): PolicyNote {
  const { digest, setting } = policy;
  const unmet = notHeld(policy.evaluates, splits, { policy, role: "eval" });
  const notCompared = partNames(unmet);
  const notTrained = partNames(notHeld(policy.trains, splits, { policy, role: "train" }));
  const trainsOnEvaluation = splits.filter(
    (split) =>
      split.trainedEvaluations.length > 0 &&
      (split.role === "eval" ||
        split.trainedEvaluations.some((part) => isAmong(part, unmet, policy))),
  );
  const notes = [
    ...splits.flatMap(({ note }) => note ?? []),
    ...notComparedNotes(notCompared, policy),
    ...(notTrained.length === 0
      ? []
      : [`it also trains on ${notTrained.join(", ")}, which no given set holds as training`]),
    ...identityNotes(policy),
    ...policy.backbones.flatMap((backbone) => backboneNotes(backbone, { policy, splits, matrix })),
  ];
  return {
    name: setting.name,
    digest,
    summary: setting.summary,
    notes,
    notCompared,
    trainsOnEvaluation: trainsOnEvaluation.map(({ place }) => place),
  };
}

/** The parts of which no split of the role holds all pictures. */
function notHeld(
  parts: readonly DatasetPart[],
  splits: readonly PolicySplit[],
  { policy, role }: { readonly policy: AuditedPolicy; readonly role: "train" | "eval" },
): readonly DatasetPart[] {
  const ofRole = splits.filter((split) => split.role === role && split.numPictures > 0);
  return notIn(parts, ofRole, policy);
}

function notIn(
  parts: readonly DatasetPart[],
  splits: readonly PolicySplit[],
  { published }: AuditedPolicy,
): readonly DatasetPart[] {
  const held = splits.flatMap(({ holds = [] }) => holds);
  return parts
    .flatMap((part) => spelledOut(part, published))
    .filter((part) => !held.some((one) => covers(one, part)));
}

function isAmong(
  part: DatasetPart,
  others: readonly DatasetPart[],
  { published }: AuditedPolicy,
): boolean {
  return spelledOut(part, published).some((one) => others.some((other) => covers(one, other)));
}

function notComparedNotes(notCompared: readonly string[], policy: AuditedPolicy): string[] {
  if (notCompared.length === 0) return [];
  return [
    `not compared with ${notCompared.join(", ")}: no given set holds these as evaluation, and nothing is said of them; what their names alone tell: ${annotationAudit(policy)}`,
  ];
}

function annotationAudit({ flags }: AuditedPolicy): string {
  return `crossweave audit --annotations DIR ${flags.map(shellWord).join(" ")}`;
}

function identityNotes({ setting }: AuditedPolicy): string[] {
  const { identities } = setting;
  if (pictureIdentities.every((rule) => identities.includes(rule))) return [];
  const known = identities.length === 0 ? "nothing" : identities.join(", ");
  return [
    `when a set is prepared by it, it knows pictures by ${known}; this audit compares by every rule all the same`,
  ];
}

interface Audited {
  readonly policy: AuditedPolicy;
  readonly splits: readonly PolicySplit[];
  readonly matrix: readonly MatrixCell[];
}

/** What a backbone had seen of the evaluation splits, as far as splits tell that hold nothing but what it had seen. */
function backboneNotes({ name, sees, untold }: Backbone, audited: Audited): string[] {
  const { policy, splits } = audited;
  const seen = sees.flatMap((named) => partsOf(named, policy.published));
  const among = splits.filter(({ holds = [] }) => isSeen(holds, seen));
  const told = among.flatMap((split) => seenNotes(name, split, audited));
  const unheld = notIn(seen, among, policy);
  const fromFiles =
    unheld.length === 0
      ? []
      : [
          `backbone ${name} had seen ${partNames(unheld).join(", ")}: which evaluation pictures these are is known only from annotation files: ${annotationAudit(policy)}`,
        ];
  return [...told, ...fromFiles, ...untold.map((what) => `backbone ${name} had seen ${what}`)];
}

function isSeen(holds: readonly DatasetPart[], seen: readonly DatasetPart[]): boolean {
  return holds.length > 0 && holds.every((part) => seen.some((one) => covers(one, part)));
}

function seenNotes(name: string, { place, role }: PolicySplit, { matrix }: Audited): string[] {
  if (role === "eval") return [`backbone ${name} had seen every picture of ${place}`];
  if (role === "witness") return [];
  const cells = matrix.filter(({ train }) => train === place);
  const found =
    cells.length === 0
      ? "no evaluation picture that was compared is among them"
      : cells
          .map((cell) => `${cell.evalPictures.toLocaleString("en-US")} of ${cell.eval}`)
          .join(", ");
  const least = cells.length === 0 ? "" : "at least ";
  return [`backbone ${name} had seen the pictures of ${place}: ${least}${found}`];
}
