import { z } from "zod";
import { canonicalJson, type JsonValue, sha256 } from "../../core/digest.ts";
import {
  type AuditSettings,
  auditSettingsSchema,
  settingsJson,
} from "../manifests/audit-settings.ts";

const PREDICATE_FAMILY = "urn:crossweave:leak-audit:";
/** Raised whenever the members of a proof change. */
export const PREDICATE_VERSION = 1;
/** What kind of statement a proof is. */
export const PREDICATE_TYPE: string = `${PREDICATE_FAMILY}${PREDICATE_VERSION}`;

/** The version at the end of a predicate's type, or undefined for a type that is not ours. */
export function predicateVersion(predicateType: string): string | undefined {
  return predicateType.startsWith(PREDICATE_FAMILY)
    ? predicateType.slice(PREDICATE_FAMILY.length)
    : undefined;
}

/** A set that is trained on, as a proof speaks of it. */
export interface ProvenSet {
  readonly name: string;
  readonly digest: string;
  /** The digest of the exclusion manifest that it was prepared with, or null. */
  readonly exclusionList: string | null;
  /** Whether the proof was put into its folder, so that its index has to name it. */
  readonly bound: boolean;
}

interface ProvenCounts {
  readonly trainingPictures: number;
  readonly evaluationPictures: number;
  /** Pairs that hashes suggest and pixels did not verify. */
  readonly suspects: number;
  readonly textLeaks: number;
  /** For each rule, pictures that it could speak of. */
  readonly comparable: readonly {
    readonly rule: string;
    readonly train: number;
    readonly eval: number;
  }[];
}

/** What a proof states. */
export interface LeakAuditPredicate {
  readonly outcome: "clean";
  /** The whole statement in a sentence. */
  readonly claim: string;
  /** The digest of the verdict. */
  readonly auditDigest: string;
  readonly settings: AuditSettings;
  /** SHA-256 of the canonical JSON of the settings: equal for two audits that were asked the same. */
  readonly settingsDigest: string;
  readonly sets: readonly ProvenSet[];
  readonly counts: ProvenCounts;
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();
export const predicateSchema: z.ZodType<LeakAuditPredicate> = z.strictObject({
  outcome: z.literal("clean"),
  claim: z.string(),
  auditDigest: digest,
  settings: auditSettingsSchema,
  settingsDigest: digest,
  sets: z.array(
    z.strictObject({
      name: z.string(),
      digest,
      exclusionList: digest.nullable(),
      bound: z.boolean(),
    }),
  ),
  counts: z.strictObject({
    trainingPictures: count,
    evaluationPictures: count,
    suspects: count,
    textLeaks: count,
    comparable: z.array(z.strictObject({ rule: z.string(), train: count, eval: count })),
  }),
});

/** The predicate as a document. */
export function predicateJson(predicate: LeakAuditPredicate): JsonValue {
  const { counts, sets, settings } = predicate;
  return {
    ...predicate,
    settings: settingsJson(settings),
    sets: sets.map((set) => ({ ...set })),
    counts: { ...counts, comparable: counts.comparable.map((rule) => ({ ...rule })) },
  };
}

export function digestOfSettings(settings: AuditSettings): string {
  return sha256(canonicalJson(settingsJson(settings)));
}
