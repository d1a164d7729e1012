import { z } from "zod";
import { makeProof, type TrainingSet } from "../../audit/proof/make-proof.ts";
import type { SigningKey } from "../../audit/proof/keys.ts";
import type { AuditVerdict } from "../../audit/verdict.ts";
import { envelopeText } from "../../core/attestation/dsse.ts";
import { STATEMENT_PAYLOAD_TYPE } from "../../core/attestation/statement.ts";
import { sha256 } from "../../core/digest.ts";
import { ConfigError, StateError } from "../../core/errors.ts";
import { refuseOtherFile, writeResultFile } from "../../core/files.ts";
import { bindProof } from "../../shards/audited/bound-proof.ts";
import { isRemote } from "../../shards/remote/location.ts";
import { readIndex, type ShardSetIndex } from "../../shards/shard-set-index.ts";
import { lockFolder, removeLeftovers } from "../preparation/set-folder.ts";
import { packageVersion } from "../program.ts";
import { readSigningKey } from "./proof-files.ts";
import type { AuditedSet } from "../auditing/shard-set-audit.ts";

/** What a user asks of a proof. */
export interface ProofFlags {
  readonly proof?: string;
  readonly key?: string;
  readonly unsigned?: true;
  readonly bind: boolean;
  readonly dryRun?: true;
}

/** A proof that is to be made if the audit finds nothing. */
export interface ProofPlan {
  readonly file: string;
  /** Undefined for a proof without a signature. */
  readonly key: SigningKey | undefined;
  /** Whether it is also put into the folders of the sets. */
  readonly bind: boolean;
}

/** What was written. */
export interface WrittenProof {
  readonly file: string;
  readonly sha256: string;
  /** The key that signed it, or null. */
  readonly keyId: string | null;
  /** The folders whose index now names it. */
  readonly boundTo: readonly string[];
}

/**
 * Reads the key before anything is compared. ConfigError for flags that do not fit together, RefusedError when the file is
 * there and no proof.
 */
export async function planProof(flags: ProofFlags): Promise<ProofPlan | undefined> {
  const { bind, key, proof: file, unsigned = false } = flags;
  if (file === undefined) {
    if (key === undefined && !unsigned) return undefined;
    throw new ConfigError(
      "--key and --unsigned say how a proof is made, but no --proof is asked for",
      {
        remedy: "add --proof FILE",
      },
    );
  }
  if ((key === undefined) !== unsigned) {
    const found = unsigned ? "--key and --unsigned exclude one another" : "a proof needs a key";
    throw new ConfigError(found, {
      remedy:
        "name a private key with --key (crossweave proof keygen makes one), or say --unsigned for a proof that nobody vouches for",
    });
  }
  if (flags.dryRun === true) return undefined;
  await refuseOtherFile(file, {
    isEarlier: (bytes) => bytes.includes(STATEMENT_PAYLOAD_TYPE),
    whatItIsNot: "is no proof",
  });
  return { file, key: key === undefined ? undefined : await readSigningKey(key), bind };
}

/** Why a proof that was asked for was not made. */
export function proofNotes(plan: ProofPlan | undefined, { outcome }: AuditVerdict): string[] {
  if (plan === undefined || outcome === "clean") return [];
  const why = outcome === "leaking" ? "these sets leak" : "nothing was compared";
  return [`no proof was written to ${plan.file}: ${why}`];
}

/** Makes the proof of a clean verdict, writes it, and puts it into the folders of the sets that are trained on. */
export async function writeProof(
  plan: ProofPlan,
  { sets, verdict }: { readonly verdict: AuditVerdict; readonly sets: readonly AuditedSet[] },
): Promise<WrittenProof> {
  const trained: { readonly folder: string; readonly set: TrainingSet }[] = [];
  // Of pictures through which the audit only looked, a proof says nothing.
  const compared = new Set(verdict.checked.training.map(({ digest }) => digest));
  for (const audited of sets) {
    if (!compared.has(audited.digest)) continue;
    const set = trainingSet(await sameIndex(audited), plan.bind && !isRemote(audited.folder));
    if (set !== undefined) trained.push({ folder: audited.folder, set });
  }
  const source = { verdict, toolVersion: packageVersion(), sets: trained.map(({ set }) => set) };
  const text = envelopeText(makeProof(source, plan.key));
  await writeResultFile(plan.file, text);
  const boundTo = trained.filter(({ set }) => set.bound).map(({ folder }) => folder);
  for (const folder of boundTo) await bindToFolder(folder, text);
  return { file: plan.file, sha256: sha256(text), keyId: plan.key?.keyId ?? null, boundTo };
}

/** The index of a set, which must be the one that was audited. */
async function sameIndex({ digest, folder }: AuditedSet): Promise<ShardSetIndex> {
  const index = await readIndex(folder);
  if (index.digest === digest) return index;
  throw otherSet(folder, { digest, now: index.digest });
}

/** Says that a set was replaced after it was audited. */
export function otherSet(
  folder: string,
  { digest, now }: { readonly digest: string; readonly now: string },
): StateError {
  return new StateError(`${folder} was another set while it was audited: ${digest}, now ${now}`, {
    file: folder,
    remedy: "audit it again",
  });
}

const exclusionList = z.object({ exclusions: z.object({ listDigest: z.string() }) });

function trainingSet(index: ShardSetIndex, bound: boolean): TrainingSet | undefined {
  const splits = index.splits.filter(({ role }) => role === "train");
  if (splits.length === 0) return undefined;
  return {
    name: index.name,
    digest: index.digest,
    bound,
    exclusionList: exclusionList.safeParse(index.recipe).data?.exclusions.listDigest ?? null,
    shards: trainingShards(index),
  };
}

/** The files of the training splits of a set, in order. */
export function trainingShards({ splits }: ShardSetIndex): TrainingSet["shards"] {
  return splits
    .filter(({ role }) => role === "train")
    .flatMap(({ shards }) => shards.map(({ file, sha256: digest }) => ({ file, sha256: digest })));
}

async function bindToFolder(folder: string, text: string): Promise<void> {
  using held = new DisposableStack();
  held.use(await lockFolder(folder));
  await bindProof(folder, text);
  held.dispose();
  await removeLeftovers(folder);
}
