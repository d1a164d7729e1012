import {
  decisionsFault,
  exclusionListFault,
  hashesFault,
  missingSets,
  type ProvenRole,
  roleIn,
  type SetOnDisk,
  setFaults,
} from "../../audit/proof/compare-set.ts";
import type { VerifyingKey } from "../../audit/proof/keys.ts";
import { type Proof, requireSignature } from "../../audit/proof/read-proof.ts";
import { ShardError, SourceError, StateError } from "../../core/errors.ts";
import { readIndex } from "../../shards/shard-set-index.ts";
import { validateShardSet } from "../../shards/validation/validate-shard-set.ts";
import { readDecisions } from "../audit-report/decision-file.ts";
import type { CommandContext } from "../frame.ts";
import { readHashes } from "./hashes-files.ts";
import { readManifest } from "./manifest-files.ts";
import { trainingShards } from "./proof-writing.ts";

export interface VerificationCall {
  readonly proof: Proof;
  readonly folders: readonly string[];
  /** Undefined where a proof without a signature is to be accepted. */
  readonly key: VerifyingKey | undefined;
  /** Exclusion manifests that the sets were prepared with. */
  readonly exclusions: readonly string[];
  /** The reviewer's list that the audit kept to. */
  readonly decisions?: string | undefined;
  /** Files of hashes of hidden test sets that it was audited against. */
  readonly against?: readonly string[] | undefined;
}

/** A set whose every byte is as the proof says. */
interface VerifiedSet {
  readonly location: string;
  readonly name: string;
  readonly digest: string;
  readonly role: ProvenRole;
  readonly numFiles: number;
  readonly sizeBytes: number;
}

export interface Verification {
  readonly sets: readonly VerifiedSet[];
  /** What was not checked, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Checks a proof against its key, the sets, every byte of their files and the exclusion lists. Throws StateError that names
 * everything that is not as the proof says.
 */
export async function verifyProof(
  call: VerificationCall,
  context: CommandContext,
): Promise<Verification> {
  const { folders, key, proof } = call;
  if (key !== undefined) requireSignature(proof, key);
  const faults: string[] = [];
  const onDisk: SetOnDisk[] = [];
  for (const folder of folders) {
    const found = await setOnDisk(folder).catch((error: unknown) => faultOf(error));
    if (typeof found === "string") faults.push(found);
    else onDisk.push(found);
  }
  const sets: VerifiedSet[] = [];
  for (const set of onDisk) {
    const own = [...setFaults(proof, set)];
    faults.push(...own);
    if (own.length > 0) continue;
    const { faults: damaged, verified } = await checkBytes(proof, set, context);
    faults.push(...damaged);
    sets.push(verified);
  }
  // A set that could not be read may be the one that seems to be missing.
  if (onDisk.length === folders.length) faults.push(...missingSets(proof, onDisk));
  for (const file of call.exclusions) faults.push(...(await listFaults(proof, file)));
  faults.push(...(await reviewFaults(proof, call.decisions)));
  const hidden = await hiddenSets(proof, call.against ?? []);
  faults.push(...hidden.faults);
  refuse(proof, faults);
  const seen = new Set([...sets.map(({ digest }) => digest), ...hidden.digests]);
  return { sets, notes: notesOf(call, seen) };
}

async function setOnDisk(location: string): Promise<SetOnDisk> {
  const index = await readIndex(location);
  const { digest, name, proof } = index;
  const boundProof = proof?.sha256 ?? null;
  return { location, name, digest, boundProof, trainingShards: trainingShards(index) };
}

/** What a damaged or missing file tells; any other error is thrown on. */
function faultOf(error: unknown): string {
  if (error instanceof ShardError || error instanceof SourceError) return error.message;
  throw error;
}

async function checkBytes(
  proof: Proof,
  set: SetOnDisk,
  { progress, signal }: CommandContext,
): Promise<{ readonly faults: readonly string[]; readonly verified: VerifiedSet }> {
  const { digest, location, name } = set;
  const report = await validateShardSet(location, { digests: "files", progress, signal });
  const { numFiles, sizeBytes } = report.checked;
  return {
    faults: report.faults.map(({ file, message }) => `${location}/${file}: ${message}`),
    verified: { location, name, digest, role: roleIn(proof, set), numFiles, sizeBytes },
  };
}

async function listFaults(proof: Proof, file: string): Promise<readonly string[]> {
  try {
    const { digest } = await readManifest(file);
    return [exclusionListFault(proof, { file, digest }) ?? []].flat();
  } catch (error) {
    return [faultOf(error)];
  }
}

async function reviewFaults(proof: Proof, file: string | undefined): Promise<readonly string[]> {
  try {
    const list = await readDecisions(file);
    if (file === undefined || list === undefined) return [];
    return [decisionsFault(proof, { file, sha256: list.sha256 }) ?? []].flat();
  } catch (error) {
    return [faultOf(error)];
  }
}

/** The digests of hidden test sets, and where a proof is not for one of them. */
async function hiddenSets(
  proof: Proof,
  files: readonly string[],
): Promise<{ readonly digests: readonly string[]; readonly faults: readonly string[] }> {
  const digests: string[] = [];
  const faults: string[] = [];
  for (const file of files) {
    const found = await readHashes(file).catch((error: unknown) => faultOf(error));
    const fault = typeof found === "string" ? found : hashesFault(proof, { file, ...found });
    if (fault !== undefined) faults.push(fault);
    if (typeof found !== "string") digests.push(found.digest);
  }
  return { digests, faults };
}

const MAX_LISTED = 20;

function refuse({ file }: Proof, faults: readonly string[]): void {
  if (faults.length === 0) return;
  const listed = faults.slice(0, MAX_LISTED).map((fault) => `\n  ${fault}`);
  const more = faults.length > MAX_LISTED ? `\n  and ${faults.length - MAX_LISTED} more` : "";
  throw new StateError(`${file}: the proof does not verify:${listed.join("")}${more}`, {
    file,
    remedy: "restore the files that the proof speaks of, or audit the sets again for a new proof",
  });
}

function notesOf(
  { decisions, exclusions, key, proof }: VerificationCall,
  seen: ReadonlySet<string>,
): string[] {
  const { predicate } = proof;
  const notes: string[] = [];
  if (key === undefined) notes.push("the signature was not checked: nobody vouches for the proof");
  const lists = new Set(predicate.sets.flatMap(({ exclusionList }) => exclusionList ?? []));
  if (lists.size > exclusions.length) {
    notes.push(
      `exclusion lists that the sets were prepared with: ${[...lists].join(", ")}; name their files with --exclusions to check them`,
    );
  }
  if (predicate.settings.review !== null && decisions === undefined) {
    notes.push(
      `a reviewer's list that the audit kept to: ${predicate.settings.review}; name its file with --decisions to check it`,
    );
  }
  const { evaluation, through } = predicate.settings;
  const others = { "evaluation sets": evaluation, "sets that were looked through": through };
  for (const [what, splits] of Object.entries(others)) {
    const absent = splits.filter(({ digest }) => !seen.has(digest));
    if (absent.length === 0) continue;
    const names = absent.map(({ digest, set, split }) => `${set}/${split} (${digest})`);
    notes.push(
      `${what} that were not named here, so that only their digests are known: ${names.join(", ")}`,
    );
  }
  for (const { bound, name } of predicate.sets) {
    if (!bound) notes.push(`${name} was not bound: its index.json need not name the proof`);
  }
  return notes;
}
