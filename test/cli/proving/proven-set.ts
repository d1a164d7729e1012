import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { manifestOf } from "../../../src/audit/manifests/exclusion-manifest.ts";
import { auditShardSets, type ShardSetAudit } from "../../../src/cli/auditing/shard-set-audit.ts";
import { writeManifest } from "../../../src/cli/proving/manifest-files.ts";
import {
  readProofFile,
  readVerifyingKey,
  writeKeyPair,
} from "../../../src/cli/proving/proof-files.ts";
import {
  verifyProof,
  type Verification,
  type VerificationCall,
} from "../../../src/cli/proving/proof-verification.ts";
import { planProof, writeProof } from "../../../src/cli/proving/proof-writing.ts";
import type { CommandContext } from "../../../src/cli/frame.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { commitIndex, type ShardSetIndex } from "../../../src/shards/shard-set-index.ts";
import { madeUpScenes, writeShardSet } from "../../shards/small-set.ts";

const context: CommandContext = {
  progress: silentProgress,
  signal: new AbortController().signal,
  json: false,
};

/** Sets to train on and to evaluate on, an exclusion list that the first was prepared with, a key, and the proof. */
export interface ProvenSets {
  readonly folder: string;
  readonly trained: string;
  readonly evaluated: string;
  readonly proof: string;
  readonly publicKey: string;
  readonly exclusions: string;
}

/** Writes all of it below a folder; nothing leaks. */
export async function writeProvenSets(folder: string): Promise<ProvenSets> {
  const [trained, evaluated] = [join(folder, "trained"), join(folder, "evaluated")];
  const exclusions = join(folder, "exclusions.json");
  await writeShardSet(evaluated, [{ split: "test", role: "eval", scenes: madeUpScenes(5, 900) }]);
  const leaking = join(folder, "leaking");
  await writeShardSet(leaking, [{ split: "train", scenes: madeUpScenes(3, 899) }]);
  const { verdict } = await audit([leaking, evaluated]);
  const manifest = manifestOf(verdict, "0.1.0");
  await writeManifest(exclusions, manifest);
  const index = await writeShardSet(trained, [{ split: "train", scenes: madeUpScenes(23) }]);
  await nameSet(trained, index, { exclusions: { listDigest: manifest.digest } });
  const { privateKey, publicKey } = await writeKeyPair(join(folder, "key"));
  const proof = join(folder, "proof.json");
  const plan = await planProof({ proof, key: privateKey, bind: true });
  if (plan === undefined) throw new Error("a proof was asked for");
  await writeProof(plan, await audit([trained, evaluated]));
  return { folder, trained, evaluated, proof, publicKey, exclusions };
}

/** Gives a set the name of the one that is trained on, and a recipe. */
export async function nameSet(
  folder: string,
  index: ShardSetIndex,
  recipe: ShardSetIndex["recipe"],
): Promise<void> {
  const { digest: _, ...content } = index;
  await commitIndex(folder, { ...content, name: "trained", recipe });
}

export function audit(
  folders: readonly string[],
  through: readonly string[] = [],
): Promise<ShardSetAudit> {
  return auditShardSets(folders, { ...context, through });
}

/** Verifies everything, unless told otherwise. */
export async function verify(
  sets: ProvenSets,
  change: Partial<VerificationCall> = {},
): Promise<Verification> {
  const proof = await readProofFile(sets.proof);
  const key = await readVerifyingKey(sets.publicKey);
  const { evaluated, exclusions, trained } = sets;
  const call = { proof, key, folders: [trained, evaluated], exclusions: [exclusions], ...change };
  return verifyProof(call, context);
}

/** Runs `use` while one byte of a file is another one. */
export async function withChangedByte<T>(
  file: string,
  { position, step }: { readonly position: number; readonly step: number },
  use: () => Promise<T>,
): Promise<T> {
  const bytes = await readFile(file);
  const changed = Buffer.from(bytes);
  const at = position % bytes.byteLength;
  changed[at] = ((bytes[at] ?? 0) + 1 + (step % 255)) % 256;
  await writeFile(file, changed);
  try {
    return await use();
  } finally {
    await writeFile(file, bytes);
  }
}
