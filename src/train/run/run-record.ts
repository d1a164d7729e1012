import { canonicalJson, sha256, type JsonValue } from "../../core/digest.ts";
import { recipeEntries, type TrainingRecipe } from "../recipe.ts";
import type { InitialFile } from "./initial-weights.ts";

/** What a run is bound to: a checkpoint goes on only where all of it is the same. */
export interface RunInputs {
  readonly recipe: TrainingRecipe;
  readonly vocabularySha256: string;
  /** The digests that name the shard sets, in order. */
  readonly setDigests: readonly string[];
  /** Digest and outcome of the leak audit of the sets. */
  readonly audit: { readonly digest: string; readonly clean: boolean };
  /** The digests of the audits' proofs that the indexes of the sets name, in order, null where one names none; not there without any. */
  readonly proofs?: readonly (string | null)[] | undefined;
  /** The published files that it started from, in order; not there where all weights were drawn. */
  readonly initial?: readonly InitialFile[] | undefined;
}

/** A change of inputs in the middle of a run, which its user has accepted. */
export interface RunChange {
  /** The digest of the inputs before. */
  readonly from: string;
  readonly differences: readonly string[];
}

/** What a run's record says beside its inputs; the digest does not cover it. */
export interface RunHistory {
  /** Of the Crossweave that trains; a run whose record names none is not asked. */
  readonly codeVersion?: string | undefined;
  /** The oldest first; not there without any. */
  readonly changes?: readonly RunChange[] | undefined;
}

/** The run's record, `run.json`; each checkpoint holds it as well. */
export interface RunRecord extends RunInputs, RunHistory {
  readonly format: "crossweave-run";
  readonly version: 1;
  readonly digest: string;
}

export function runRecord(inputs: RunInputs, { changes, codeVersion }: RunHistory = {}): RunRecord {
  return {
    format: "crossweave-run",
    version: 1,
    ...inputs,
    digest: inputsDigest(inputs),
    ...(codeVersion !== undefined && { codeVersion }),
    ...(changes !== undefined && { changes }),
  };
}

/** Whether a checkpoint of inputs of this digest is one of the run's. */
export function isOfRun(
  { changes = [], digest }: Pick<RunRecord, "changes" | "digest">,
  checkpointDigest: string,
): boolean {
  return checkpointDigest === digest || changes.some(({ from }) => from === checkpointDigest);
}

/** What differs between a run and other inputs, in words: "optimisation.warmupSteps: 50 there, 100 now". */
export function differingInputs(
  there: RunInputs & RunHistory,
  now: RunInputs & RunHistory,
): string[] {
  const recipe = new Map(recipeEntries(there.recipe).map(({ name, value }) => [name, value]));
  const setsDiffer = there.setDigests.join() !== now.setDigests.join();
  return [
    ...recipeEntries(now.recipe)
      .filter(({ name }) => !WITHOUT_EFFECT.has(name))
      .filter(({ name, value }) => recipe.get(name) !== value)
      .map(({ name, value }) => `${name}: ${recipe.get(name)} there, ${value} now`),
    ...(there.vocabularySha256 === now.vocabularySha256 ? [] : ["the vocabulary's content"]),
    ...(setsDiffer ? [`the shard sets: ${setsText(there)} there, ${setsText(now)} now`] : []),
    // Other sets always have another audit.
    ...(setsDiffer || isSameAudit(there, now) ? [] : ["the audit of the sets"]),
    ...(proofsText(there) === proofsText(now)
      ? []
      : [`the proofs of the sets: ${proofsText(there)} there, ${proofsText(now)} now`]),
    ...(initialText(there) === initialText(now)
      ? []
      : [`the weights it starts from: ${initialText(there)} there, ${initialText(now)} now`]),
    ...versionDifference(there, now),
  ];
}

function versionDifference(there: RunHistory, now: RunHistory): string[] {
  if (there.codeVersion === undefined || now.codeVersion === undefined) return [];
  if (there.codeVersion === now.codeVersion) return [];
  return [`Crossweave: ${there.codeVersion} there, ${now.codeVersion} now`];
}

const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "data.numWorkers",
  "data.prefetchBatches",
  "data.vocabulary",
  "checkpoints.keepLast",
]);

function isSameAudit({ audit }: RunInputs, now: RunInputs): boolean {
  return audit.digest === now.audit.digest && audit.clean === now.audit.clean;
}

function setsText({ setDigests }: RunInputs): string {
  return setDigests.map((digest) => digest.slice(0, 12)).join(", ");
}

function proofsText({ proofs = [] }: RunInputs): string {
  if (proofs.length === 0) return "none";
  return proofs.map((digest) => digest?.slice(0, 12) ?? "none").join(", ");
}

function initialText({ initial = [] }: RunInputs): string {
  if (initial.length === 0) return "drawn";
  return initial.map(({ layout, sha256: digest }) => `${layout} ${digest.slice(0, 12)}`).join(", ");
}

/** Names the inputs; what changes no result is left out: workers, prefetch depth, where the vocabulary lies, old checkpoints. */
function inputsDigest(inputs: RunInputs): string {
  const { numWorkers: _, prefetchBatches: __, vocabulary: ___, ...data } = inputs.recipe.data;
  const { keepLast: ____, ...checkpoints } = inputs.recipe.checkpoints;
  const parsed: unknown = JSON.parse(
    JSON.stringify({ ...inputs, recipe: { ...inputs.recipe, data, checkpoints } }),
  );
  return sha256(canonicalJson(jsonValue(parsed)));
}

function jsonValue(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map((item: unknown) => jsonValue(item));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonValue(item)]));
  }
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  return null;
}
