import { SET_DIGEST, type StatementSubject } from "../../core/attestation/statement.ts";
import type { SettingsSplit } from "../manifests/audit-settings.ts";
import { subjectsOf } from "./make-proof.ts";
import type { ProvenSet } from "./predicate.ts";
import type { Proof } from "./read-proof.ts";

/** A shard set as its index describes it. */
export interface SetOnDisk {
  /** How the user named it. */
  readonly location: string;
  readonly name: string;
  readonly digest: string;
  /** The files of its training splits. */
  readonly trainingShards: readonly { readonly file: string; readonly sha256: string }[];
  /** The digest of the proof that its index names, or null. */
  readonly boundProof: string | null;
}

/** Which side of a proof a set is on; "unknown" when the proof does not speak of it. */
export type ProvenRole = "training" | "evaluation" | "through" | "unknown";

/** On which side of a proof a set is, by its digest. */
export function roleIn({ predicate }: Proof, { digest }: SetOnDisk): ProvenRole {
  const { settings, sets } = predicate;
  const isOf = (splits: readonly SettingsSplit[]): boolean =>
    splits.some((split) => split.digest === digest);
  if (sets.some((set) => set.digest === digest)) return "training";
  if (isOf(settings.evaluation)) return "evaluation";
  return isOf(settings.through) ? "through" : "unknown";
}

/** Where a set is not what a proof says of it; the bytes of its files are not looked at. */
export function* setFaults(proof: Proof, set: SetOnDisk): Generator<string> {
  const proven = proof.predicate.sets.find(({ digest }) => digest === set.digest);
  if (proven !== undefined) {
    yield* subjectFaults(proof, { ...proven, shards: set.trainingShards }, set.location);
    yield* bindingFaults(proof, proven, set);
    return;
  }
  if (roleIn(proof, set) === "unknown") yield* strangerFaults(proof, set);
}

function* subjectFaults(
  { statement }: Proof,
  set: Parameters<typeof subjectsOf>[0],
  location: string,
): Generator<string> {
  const stated = new Map(statement.subject.map((subject) => [subject.name, subject]));
  for (const { digest, name } of subjectsOf(set)) {
    const subject = stated.get(name);
    if (subject === undefined) yield `${location}: the proof does not speak of ${name}`;
    else if (!isSameDigest(subject, digest)) {
      yield `${location}: the proof gives ${name} another digest than the index`;
    }
  }
}

function isSameDigest(subject: StatementSubject, digest: StatementSubject["digest"]): boolean {
  return Object.entries(digest).every(([name, value]) => subject.digest[name] === value);
}

function* bindingFaults(proof: Proof, proven: ProvenSet, set: SetOnDisk): Generator<string> {
  if (set.boundProof === proof.sha256) return;
  if (set.boundProof !== null) {
    yield `${set.location}: its index.json names another proof (sha256 ${set.boundProof}) than ${proof.file} (${proof.sha256})`;
  } else if (proven.bound) {
    yield `${set.location}: its index.json no longer names the proof`;
  }
}

/** A set that the proof does not speak of: the one of that name with other content, or another one altogether. */
function* strangerFaults({ predicate, statement }: Proof, set: SetOnDisk): Generator<string> {
  const { evaluation } = predicate.settings;
  const proven = predicate.sets.find(({ name }) => name === set.name);
  const evaluated = evaluation.find((split) => split.set === set.name);
  if (proven !== undefined) {
    yield `${set.location}: the set ${set.name} has the digest ${set.digest}, the proof says ${proven.digest}: it was built again or changed`;
    yield* changedShards(statement.subject, { proven, set });
  } else if (evaluated !== undefined) {
    yield `${set.location}: the evaluation set ${set.name} has the digest ${set.digest}; the proof is for another one, ${evaluated.digest}`;
  } else {
    const names = new Set([
      ...predicate.sets.map(({ name }) => name),
      ...evaluation.map((of) => of.set),
    ]);
    yield `${set.location}: the proof does not speak of the set ${set.name} (${set.digest}); it speaks of ${[...names].join(", ")}`;
  }
}

function* changedShards(
  subjects: readonly StatementSubject[],
  { proven, set }: { readonly proven: ProvenSet; readonly set: SetOnDisk },
): Generator<string> {
  const own = subjects.find(({ digest }) => digest[SET_DIGEST] === proven.digest);
  const prefix = `${own?.name}/`;
  const found = new Map(set.trainingShards.map(({ file, sha256 }) => [file, sha256]));
  for (const { digest, name } of subjects) {
    if (!name.startsWith(prefix)) continue;
    const file = name.slice(prefix.length);
    const sha256 = found.get(file);
    found.delete(file);
    if (sha256 === digest["sha256"]) continue;
    yield `${set.location}/${file}: ${sha256 === undefined ? "the file is missing" : `sha256 ${sha256}`}, the proof says ${digest["sha256"]}`;
  }
  for (const file of found.keys())
    yield `${set.location}/${file}: the proof does not list this file`;
}

/** Sets that a proof has as training sets and that were not named. */
export function missingSets(proof: Proof, given: readonly SetOnDisk[]): readonly string[] {
  const { sets } = proof.predicate;
  const digests = new Set(given.map(({ digest }) => digest));
  // A set of that name with other content: that it was changed is said of it already.
  const changed = new Set(
    given.filter((set) => roleIn(proof, set) === "unknown").map(({ name }) => name),
  );
  return sets
    .filter(({ digest, name }) => !digests.has(digest) && !changed.has(name))
    .map(
      ({ digest, name }) =>
        `the proof also speaks of the training set ${name} (${digest}), which is missing here`,
    );
}

/** Where the hashes of a hidden test set are not those that a proof is for. */
export function hashesFault(
  { predicate }: Proof,
  hidden: { readonly file: string; readonly digest: string },
): string | undefined {
  const { evaluation } = predicate.settings;
  if (evaluation.some(({ digest }) => digest === hidden.digest)) return undefined;
  const names = evaluation.map(({ digest, set, split }) => `${set}/${split} (${digest})`);
  return `${hidden.file}: these hashes have the digest ${hidden.digest}; the proof is for ${names.join(", ")}`;
}

/** Where a reviewer's list is not the one that the audit kept to. */
export function decisionsFault(
  { predicate }: Proof,
  list: { readonly file: string; readonly sha256: string },
): string | undefined {
  const { review } = predicate.settings;
  if (review === list.sha256) return undefined;
  const expected = review === null ? "the audit had none" : `the proof says ${review}`;
  return `${list.file}: this list of decisions has the digest ${list.sha256}, ${expected}`;
}

/** Where an exclusion manifest is none of those that a proof's sets were prepared with. */
export function exclusionListFault(
  { predicate }: Proof,
  list: { readonly file: string; readonly digest: string },
): string | undefined {
  const digests = predicate.sets.flatMap(({ exclusionList }) => exclusionList ?? []);
  if (digests.includes(list.digest)) return undefined;
  const expected =
    digests.length === 0
      ? "the proof's sets were prepared without one"
      : `the proof says ${[...new Set(digests)].join(", ")}`;
  return `${list.file}: this exclusion list has the digest ${list.digest}, ${expected}`;
}
