import { type DsseEnvelope, preAuthEncoding } from "../../core/attestation/dsse.ts";
import {
  SET_DIGEST,
  STATEMENT_PAYLOAD_TYPE,
  statementBytes,
  type StatementSubject,
} from "../../core/attestation/statement.ts";
import { ConfigError, LeakError } from "../../core/errors.ts";
import { settingsOf } from "../manifests/audit-settings.ts";
import type { AuditVerdict } from "../verdict.ts";
import { verdictSummary } from "../verdict-text.ts";
import { claimOf } from "./claim.ts";
import type { SigningKey } from "./keys.ts";
import {
  digestOfSettings,
  type LeakAuditPredicate,
  PREDICATE_TYPE,
  predicateJson,
  type ProvenSet,
} from "./predicate.ts";

/** A set that is trained on, with the files of its training splits. */
export interface TrainingSet extends ProvenSet {
  readonly shards: readonly { readonly file: string; readonly sha256: string }[];
}

/** What a proof is made from. */
export interface ProofSource {
  readonly verdict: AuditVerdict;
  readonly toolVersion: string;
  /** Every audited set that has a training split. */
  readonly sets: readonly TrainingSet[];
}

/**
 * The proof of a verdict, signed, or without a signature where `key` is undefined; the same for the same verdict and key.
 * Throws LeakError for a leaking verdict and ConfigError for one that compared nothing: there is nothing to prove.
 */
export function makeProof(source: ProofSource, key: SigningKey | undefined): DsseEnvelope {
  refuseOtherOutcome(source.verdict);
  const sets = source.sets.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const payload = statementBytes({
    subject: sets.flatMap(subjectsOf),
    predicateType: PREDICATE_TYPE,
    predicate: predicateJson(predicateOf({ ...source, sets })),
  });
  const unsigned = { payloadType: STATEMENT_PAYLOAD_TYPE, payload, signatures: [] };
  if (key === undefined) return unsigned;
  const signature = key.sign(preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload));
  return { ...unsigned, signatures: [{ keyId: key.keyId, signature }] };
}

function refuseOtherOutcome(verdict: AuditVerdict): void {
  const trained = verdict.policy?.trainsOnEvaluation ?? [];
  if (verdict.clean && trained.length > 0) {
    throw new LeakError(`no proof is made of this: ${verdictSummary(verdict)}`, {
      remedy: `prepare ${trained.join(", ")} with a recipe that evaluates on these parts or leaves them out, or audit with sets that hold them as evaluation`,
    });
  }
  if (verdict.outcome === "leaking") {
    throw new LeakError(`no proof is made of this: ${verdictSummary(verdict)}`, {
      remedy: "leave the leaks out with --exclusions and prepare --exclude, then audit again",
    });
  }
  if (verdict.outcome === "unchecked") {
    throw new ConfigError(`no proof is made of this: ${verdictSummary(verdict)}`, {
      remedy: "name training sets and the evaluation sets to compare them with",
    });
  }
}

function predicateOf({ sets, toolVersion, verdict }: ProofSource): LeakAuditPredicate {
  const settings = settingsOf(verdict, toolVersion);
  return {
    outcome: "clean",
    claim: claimOf(settings),
    auditDigest: verdict.digest,
    settings,
    settingsDigest: digestOfSettings(settings),
    sets: sets.map(({ bound, digest, exclusionList, name }) => {
      return { name, digest, exclusionList, bound };
    }),
    counts: {
      trainingPictures: verdict.checked.train,
      evaluationPictures: verdict.checked.eval,
      suspects: verdict.numSuspects,
      textLeaks: verdict.numTextLeaks,
      comparable: verdict.yields.map(({ comparable, rule }) => ({ rule, ...comparable })),
    },
  };
}

const DIGEST_LENGTH = 12;

/** Two sets may have one name: with the digest, each has its own. */
function nameOf({ digest, name }: ProvenSet): string {
  return `${name}@${digest.slice(0, DIGEST_LENGTH)}`;
}

/** The set, by the digest that names it, then every file of its training splits. */
export function subjectsOf(set: TrainingSet): readonly StatementSubject[] {
  const name = nameOf(set);
  return [
    { name, digest: { [SET_DIGEST]: set.digest } },
    ...set.shards.map(({ file, sha256 }) => ({ name: `${name}/${file}`, digest: { sha256 } })),
  ];
}
