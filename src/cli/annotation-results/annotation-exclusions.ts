import { type AuditSettings, settingsOfTool } from "../../audit/manifests/audit-settings.ts";
import {
  type ExclusionManifest,
  manifestOfExclusions,
} from "../../audit/manifests/exclusion-manifest.ts";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import type { GroupReport } from "../annotation-audit/annotation-report.ts";
import type { SummedAudit } from "./result-files.ts";

/** The rules by which names in annotation files make two pictures one. */
const rules = ["same-key", "linked-key", "same-flickr-photo", "same-url", "chain"] as const;

/** The list of what a policy's training has to go without; the digest of the files that were read stands for each side. */
export function annotationExclusions({
  audit,
  digest,
  policyDigest,
  version,
}: SummedAudit & { readonly policyDigest: string }): ExclusionManifest {
  const { evaluations, exclusions = [], files, groups, policy, texts, training } = audit;
  const filesDigest = sha256(canonicalJson(files.map((file) => ({ ...file }))));
  const named = (numbers: readonly number[]): readonly GroupReport[] =>
    numbers.flatMap((number) => groups[number] ?? []);
  const sideOf = (numbers: readonly number[]): AuditSettings["training"] =>
    named(numbers)
      .filter(({ pictures }) => pictures > 0)
      .map(({ name: set, pictures }) => ({ set, split: "", digest: filesDigest, pictures }));
  const notCompared = named(evaluations)
    .filter(({ pictures }) => pictures === 0)
    .map(({ name }) => name);
  const settings: AuditSettings = {
    ...settingsOfTool(version),
    rules,
    near: null,
    texts: texts === undefined ? null : { settings: { ...texts.summary.settings } },
    policy: policy === undefined ? null : { name: policy.name, digest: policyDigest, notCompared },
    review: null,
    training: sideOf(training),
    evaluation: sideOf(evaluations),
    through: [],
  };
  return manifestOfExclusions(exclusions, settings, digest);
}
