import { z } from "zod";
import { type DsseEnvelope, parseEnvelope, preAuthEncoding } from "../../core/attestation/dsse.ts";
import { type Statement, statementIn } from "../../core/attestation/statement.ts";
import { sha256 } from "../../core/digest.ts";
import { StateError } from "../../core/errors.ts";
import { madeByNewer, newerSettings } from "../manifests/audit-settings.ts";
import type { VerifyingKey } from "./keys.ts";
import {
  digestOfSettings,
  type LeakAuditPredicate,
  PREDICATE_TYPE,
  PREDICATE_VERSION,
  predicateSchema,
  predicateVersion,
} from "./predicate.ts";

/** A proof as it was read; who signed it was not looked at. */
export interface Proof {
  readonly file: string;
  readonly envelope: DsseEnvelope;
  readonly statement: Statement;
  readonly predicate: LeakAuditPredicate;
  /** SHA-256 of the file: what an index and a run name the proof by. */
  readonly sha256: string;
}

/**
 * Reads a proof from `text`, the content of `file`. Throws StateError when it is none, is of a format that this version
 * does not know, or contradicts itself.
 */
export function readProof(text: string, file: string): Proof {
  const envelope = parseEnvelope(text, file);
  const statement = statementIn(envelope, file);
  if (statement.predicateType !== PREDICATE_TYPE) throw otherFormat(statement, file);
  const newer = newerSettings(settingsIn(statement));
  if (newer !== undefined) throw fault(file, `its settings are ${madeByNewer(newer)}`);
  const predicate = predicateSchema.safeParse(statement.predicate);
  if (!predicate.success) {
    const [issue] = predicate.error.issues;
    const where = `/predicate/${issue?.path.join("/")}: ${issue?.message}`;
    throw fault(file, `its statement is not one of ${PREDICATE_TYPE}: ${where}`);
  }
  const { settings, settingsDigest } = predicate.data;
  if (settingsDigest !== digestOfSettings(settings)) {
    throw fault(file, "its settings are not those of their digest");
  }
  return { file, envelope, statement, predicate: predicate.data, sha256: sha256(text) };
}

const withSettings = z.looseObject({ settings: z.unknown() });

function settingsIn({ predicate }: Statement): unknown {
  return withSettings.safeParse(predicate).data?.settings;
}

function otherFormat({ predicateType }: Statement, file: string): StateError {
  const version = predicateVersion(predicateType);
  if (version === undefined) {
    return fault(file, `it is a statement of another kind: ${predicateType.slice(0, 80)}`);
  }
  return fault(
    file,
    isNewer(version)
      ? `it was ${madeByNewer(version)}; this version of crossweave reads ${PREDICATE_TYPE}`
      : `it has the format version ${version.slice(0, 20)}; this version of crossweave reads ${PREDICATE_TYPE}`,
  );
}

function isNewer(version: string): boolean {
  return /^\d{1,9}$/.test(version) && Number(version) > PREDICATE_VERSION;
}

/** Throws StateError unless the private half of `key` signed the proof. */
export function requireSignature({ envelope, file }: Proof, key: VerifyingKey): void {
  const { payload, payloadType, signatures } = envelope;
  if (signatures.length === 0) {
    throw fault(file, "it carries no signature, so nobody vouches for it");
  }
  const own = signatures.filter(({ keyId }) => keyId === key.keyId);
  if (own.length === 0) {
    const keys = signatures.map(({ keyId }) => keyId.slice(0, 80)).join(", ");
    throw fault(file, `it was signed with another key: ${keys}, not ${key.keyId}`);
  }
  const signed = preAuthEncoding(payloadType, payload);
  if (own.every(({ signature }) => key.verifies(signed, signature))) return;
  throw fault(
    file,
    `its signature does not verify with the key ${key.keyId}: a shard digest, a threshold or another statement of it was changed after it was signed`,
  );
}

function fault(file: string, found: string): StateError {
  return new StateError(`${file}: the proof does not verify: ${found}`, {
    file,
    remedy: "take the proof from where it was published, or audit the sets again",
  });
}
