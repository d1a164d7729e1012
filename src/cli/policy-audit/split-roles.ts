import type { AuditRole } from "../../audit/verdict.ts";
import type { AuditedPolicy } from "./audited-policy.ts";
import { covers, type DatasetPart, meets, partNames } from "./dataset-parts.ts";

/** A split with what its set's recipe puts into it. */
export interface HeldSplit {
  /** "set/split". */
  readonly place: string;
  /** What the recipe says; "witness" for sets that are named to be on neither side. */
  readonly role: AuditRole;
  readonly numPictures: number;
  /** Undefined where the index names no recipe. */
  readonly holds: readonly DatasetPart[] | undefined;
  /** What the policy that its set was prepared by has kept out of training, by keys; undefined where that is not known. */
  readonly preparation?:
    | { readonly policy: string; readonly leavesOut: readonly DatasetPart[] }
    | undefined;
}

/** A split as a policy has it. */
export interface PolicySplit extends HeldSplit {
  /** What of the policy's evaluation parts a split holds that its recipe trains on. */
  readonly trainedEvaluations: readonly DatasetPart[];
  /** Where recipe and policy differ, or where the policy does not speak of the split. */
  readonly note: string | undefined;
}

const roleWords = { train: "training", eval: "evaluation", witness: "neither side" } as const;

/**
 * The role of a split by a policy. What holds nothing but evaluation parts is evaluated on; nothing that a recipe evaluates
 * on is ever trained on; a split that mixes evaluation parts with others stays what it is, because its pictures cannot be
 * told apart, and as training all of them are compared.
 */
export function roleByPolicy(split: HeldSplit, policy: AuditedPolicy): PolicySplit {
  const { holds = [], preparation, role } = split;
  const evaluations = role === "train" ? evaluatedParts(holds, policy.evaluates) : [];
  const isLeftOut = (part: DatasetPart): boolean =>
    preparation?.leavesOut.some((one) => covers(one, part)) === true;
  const trainedEvaluations = evaluations.filter((part) => !isLeftOut(part));
  const kept = { ...split, trainedEvaluations };
  if (holds.length === 0) {
    const note = `${split.place} keeps its role (${roleWords[role]}): its index names no recipe, so that the policy says nothing of it`;
    return { ...kept, note };
  }
  const isEvaluated = holds.every((part) => policy.evaluates.some((one) => covers(one, part)));
  if (role === "train" && isEvaluated) {
    const names = namesOf(holds);
    const note = `${split.place} counts as evaluation although its recipe trains on it: the policy evaluates on ${names}; its pictures are not compared as training pictures`;
    return { ...kept, role: "eval", note };
  }
  const leftOut = evaluations.filter(isLeftOut);
  const note = leftOutNote(kept, leftOut) ?? keptNote(kept, holds, policy);
  return { ...kept, note };
}

/** The evaluation parts that have pictures in common with what is held; the smaller of two that meet. */
function evaluatedParts(
  holds: readonly DatasetPart[],
  evaluates: readonly DatasetPart[],
): readonly DatasetPart[] {
  return holds.flatMap((held) =>
    evaluates.filter((one) => meets(one, held)).map((one) => (covers(one, held) ? held : one)),
  );
}

/** A split whose evaluation pictures its own preparation has left out trains on none of these. */
function leftOutNote(
  { place, preparation, trainedEvaluations }: Omit<PolicySplit, "note">,
  leftOut: readonly DatasetPart[],
): string | undefined {
  if (preparation === undefined || leftOut.length === 0 || trainedEvaluations.length > 0) {
    return undefined;
  }
  return `${place} is training alone: it was prepared by the policy ${preparation.policy}, which has left ${namesOf(leftOut)} out of it`;
}

function keptNote(
  { place, role, trainedEvaluations }: PolicySplit | Omit<PolicySplit, "note">,
  holds: readonly DatasetPart[],
  policy: AuditedPolicy,
): string | undefined {
  if (trainedEvaluations.length > 0) {
    return `${place} stays training although its recipe takes ${namesOf(trainedEvaluations)} as well, which the policy evaluates on: the index does not tell which of its pictures these are`;
  }
  const isEvaluated = holds.some((part) => policy.evaluates.some((one) => meets(one, part)));
  if (role === "witness") {
    const note = `${place} stays on neither side, as --through says, although the policy evaluates on pictures of it`;
    return isEvaluated ? note : undefined;
  }
  const trained = holds.filter((part) => policy.trains.some((one) => meets(one, part)));
  if (isEvaluated) return undefined;
  if (role === "eval" && trained.length > 0) {
    return `${place} stays evaluation, as its recipe says, although the policy trains on ${namesOf(trained)}: what is evaluated on stays protected`;
  }
  if (trained.length > 0) return undefined;
  const isProtected = holds.every((part) => policy.protects.some((one) => covers(one, part)));
  const leftOut = isProtected ? "; it only keeps these pictures out of what it trains on" : "";
  return `${place} keeps the role of its recipe (${roleWords[role]}): the policy neither trains nor evaluates on ${namesOf(holds)}${leftOut}`;
}

function namesOf(parts: readonly DatasetPart[]): string {
  return partNames(parts).join(", ");
}
