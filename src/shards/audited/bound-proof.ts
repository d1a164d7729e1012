import { join } from "node:path";
import { parseEnvelope } from "../../core/attestation/dsse.ts";
import { setDigestsOf, statementIn } from "../../core/attestation/statement.ts";
import { sha256 } from "../../core/digest.ts";
import { errnoOf, ShardError, StateError } from "../../core/errors.ts";
import { explainedWriteError, writeFileAtomically } from "../../core/files.ts";
import { fileAt } from "../remote/location.ts";
import type { NetworkOptions } from "../remote/remote-files.ts";
import {
  PROOF_FILE,
  readIndex,
  readSetText,
  rewriteIndex,
  type ShardSetIndex,
} from "../shard-set-index.ts";

const REMEDY = "put the file back, or audit the set again: crossweave audit <set…> --proof FILE";

/**
 * Puts a proof, the text of an envelope, into the folder of a set that it speaks of, and names it in the set's index.
 * The set's digest stays what it was. Killed in between, it leaves a set that is whole and names no proof.
 * Throws StateError when the proof speaks of other sets.
 */
export async function bindProof(folder: string, text: string): Promise<ShardSetIndex> {
  const { proof: earlier, ...index } = await readIndex(folder);
  const path = join(folder, PROOF_FILE);
  requireProofOf(index, text, path);
  const bound: ShardSetIndex = { ...index, proof: { file: PROOF_FILE, sha256: sha256(text) } };
  try {
    if (earlier !== undefined) await rewriteIndex(folder, index);
    await writeFileAtomically(path, text);
  } catch (error) {
    throw explainedWriteError(error, folder);
  }
  await rewriteIndex(folder, bound);
  return bound;
}

/**
 * The text of the proof that a set's index names, or undefined where it names none. Throws ShardError when it is missing,
 * is another file than the index says, or speaks of other sets. Who signed it is not looked at.
 */
export async function readBoundProof(
  location: string,
  index: ShardSetIndex,
  network: NetworkOptions = {},
): Promise<string | undefined> {
  if (index.proof === undefined) return undefined;
  const file = fileAt(location, PROOF_FILE);
  const text = await readSetText(location, PROOF_FILE, network).catch((error: unknown) => {
    if (!MISSING.has(errnoOf(error) ?? "")) throw error;
    throw damaged(file, "the file is missing, but the index names it", error);
  });
  const actual = sha256(text);
  if (actual !== index.proof.sha256) {
    throw damaged(file, `it has the sha256 ${actual}, the index says ${index.proof.sha256}`);
  }
  try {
    requireProofOf(index, text, file);
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    throw damaged(file, "it is no proof of this set", error);
  }
  return text;
}

const MISSING: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EISDIR"]);

function requireProofOf({ digest, name }: ShardSetIndex, text: string, file: string): void {
  const digests = setDigestsOf(statementIn(parseEnvelope(text, file), file));
  if (digests.includes(digest)) return;
  throw new StateError(`${file}: the proof does not speak of ${name} with the digest ${digest}`, {
    file,
    remedy: REMEDY,
  });
}

function damaged(file: string, found: string, cause?: unknown): ShardError {
  return new ShardError(`${file}: ${found}`, { file, remedy: REMEDY, cause });
}
