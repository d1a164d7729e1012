import { z } from "zod";
import type { JsonValue } from "../../core/digest.ts";
import type { MeasuredRecall, PolicyNote } from "../findings.ts";
import type { AuditVerdict, WitnessSplit } from "../verdict.ts";

/** A split that an audit has read, and the digest that names its set. */
export interface SettingsSplit {
  readonly set: string;
  readonly split: string;
  readonly digest: string;
  readonly pictures: number;
}

/** Raised whenever the members of settings change; they stand in manifests and in proofs. */
const SETTINGS_VERSION = 1;

/** What an audit was asked to do: all that decides its result beside the pictures themselves. */
export interface AuditSettings {
  readonly version: typeof SETTINGS_VERSION;
  readonly tool: { readonly name: "crossweave"; readonly version: string };
  readonly rules: readonly string[];
  /** How near-duplicates were looked for; null when they were not. */
  readonly near: {
    readonly method: string;
    readonly settings: Readonly<Record<string, string | number | boolean>>;
    readonly recall: MeasuredRecall | null;
  } | null;
  /** How texts were compared; null when they were not. */
  readonly texts: { readonly settings: Readonly<Record<string, string | number | boolean>> } | null;
  readonly policy: {
    readonly name: string;
    readonly digest: string;
    /** What it evaluates on and nobody compared. */
    readonly notCompared: readonly string[];
  } | null;
  /** The digest of a reviewer's list, or null without one. */
  readonly review: string | null;
  readonly training: readonly SettingsSplit[];
  readonly evaluation: readonly SettingsSplit[];
  /** Splits on neither side, through which chains may lead. */
  readonly through: readonly SettingsSplit[];
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();
const splits = z.array(
  z.strictObject({ set: z.string(), split: z.string(), digest, pictures: count }),
);
const namedValues = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const recall: z.ZodType<MeasuredRecall> = z.strictObject({
  recall: z.number(),
  lowerBound: z.number(),
  confidence: z.number(),
  numPairs: count,
  differentPairs: count,
  falseVerified: count,
  falseUpperBound: z.number(),
  digest,
});

export const auditSettingsSchema: z.ZodType<AuditSettings> = z.strictObject({
  version: z.literal(SETTINGS_VERSION),
  tool: z.strictObject({ name: z.literal("crossweave"), version: z.string() }),
  rules: z.array(z.string()),
  near: z
    .strictObject({
      method: z.string(),
      settings: namedValues,
      recall: recall.nullable(),
    })
    .nullable(),
  texts: z.strictObject({ settings: namedValues }).nullable(),
  policy: z.strictObject({ name: z.string(), digest, notCompared: z.array(z.string()) }).nullable(),
  review: digest.nullable(),
  training: splits,
  evaluation: splits,
  through: splits,
});

/** The settings by which a version of the tool came to a verdict. */
export function settingsOf(verdict: AuditVerdict, toolVersion: string): AuditSettings {
  const { checked, near, policy, texts } = verdict;
  return {
    ...settingsOfTool(toolVersion),
    rules: checked.rules,
    near:
      near === null ? null : { method: near.method, settings: near.settings, recall: near.recall },
    texts: texts === null ? null : { settings: { ...texts.settings } },
    policy: policy === null ? null : policySettings(policy),
    review: verdict.review?.sha256 ?? null,
    training: checked.training.map(splitOf),
    evaluation: checked.against.map(splitOf),
    through: checked.through.map(splitOf),
  };
}

/** The settings that say by what they were made. */
export function settingsOfTool(version: string): Pick<AuditSettings, "tool" | "version"> {
  return { version: SETTINGS_VERSION, tool: { name: "crossweave", version } };
}

const versioned = z.looseObject({ version: z.number() });

/** The version of settings that this version of crossweave does not know yet; undefined for others. */
export function newerSettings(document: unknown): number | undefined {
  const { version = 0 } = versioned.safeParse(document).data ?? {};
  return version > SETTINGS_VERSION ? version : undefined;
}

/** What is said of a file whose format has this version, which is newer than the one that is read. */
export function madeByNewer(version: number | string): string {
  return `made by a newer crossweave: its format has the version ${version}; update crossweave`;
}

function policySettings({
  digest: policyDigest,
  name,
  notCompared,
}: PolicyNote): AuditSettings["policy"] {
  return { name, digest: policyDigest, notCompared };
}

function splitOf({ digest: setDigest, pictures, set, split }: WitnessSplit): SettingsSplit {
  return { set, split, digest: setDigest, pictures };
}

/** The settings as a document. */
export function settingsJson(settings: AuditSettings): { readonly [name: string]: JsonValue } {
  const { evaluation, near, policy, texts, through, tool, training } = settings;
  return {
    ...settings,
    tool: { ...tool },
    near: near === null ? null : nearJson(near),
    texts: texts === null ? null : { settings: { ...texts.settings } },
    policy: policy === null ? null : { ...policy },
    training: training.map((split) => ({ ...split })),
    evaluation: evaluation.map((split) => ({ ...split })),
    through: through.map((split) => ({ ...split })),
  };
}

function nearJson(near: NonNullable<AuditSettings["near"]>): JsonValue {
  return {
    method: near.method,
    settings: { ...near.settings },
    recall: near.recall === null ? null : { ...near.recall },
  };
}
