import type { AuditSettings, SettingsSplit } from "../manifests/audit-settings.ts";
import { sharedByRule } from "../rules.ts";

const DIGEST_LENGTH = 12;

/**
 * What a clean audit shows, in one sentence that says against what, by which methods and with which measured recall. It
 * claims nothing of sets that it does not name.
 */
export function claimOf(settings: AuditSettings): string {
  const { evaluation, near, policy, texts, training } = settings;
  const found = [`no known identity link (${linksOf(settings)})`];
  if (near !== null) found.push(nearClaim(near));
  const between = `between ${picturesOf(training, "training")} and ${picturesOf(evaluation, "evaluation")}`;
  const unsaid = near === null ? "; near-duplicates were not looked for" : "";
  const beside =
    texts === null
      ? "texts were not compared"
      : "texts that are on both sides are counted beside this";
  const plain = `${found.join(" and ")} ${between}${unsaid}; ${beside}`;
  return policy === null ? plain : byPolicy(plain, policy);
}

function byPolicy(
  claim: string,
  { digest, name, notCompared }: NonNullable<AuditSettings["policy"]>,
): string {
  const unsaid = notCompared.length === 0 ? "" : `; not compared with ${notCompared.join(", ")}`;
  return `by the policy ${name} (${digest.slice(0, DIGEST_LENGTH)}) ${claim}${unsaid}`;
}

function linksOf({ rules }: AuditSettings): string {
  const shared = Object.entries(sharedByRule).filter(([rule]) => rules.includes(rule));
  const names = shared.map(([, name]) => name).join(", ");
  return rules.includes("chain") ? `${names}, and chains of these` : names;
}

function nearClaim({ method, recall }: NonNullable<AuditSettings["near"]>): string {
  const measured =
    recall === null
      ? "whose recall was not measured"
      : `at a measured recall of ${recall.recall} (at least ${recall.lowerBound} with ${recall.confidence * 100} % confidence, ${recall.numPairs} planted copies) and a share of false verified pairs of at most ${recall.falseUpperBound} (${recall.differentPairs} pairs of different pictures)`;
  return `no verified near-duplicate (${method}; ${measured})`;
}

function picturesOf(splits: readonly SettingsSplit[], role: string): string {
  const numPictures = splits.reduce((sum, { pictures }) => sum + pictures, 0);
  const named = splits.map(
    ({ digest, set, split }) => `${set}/${split} (${digest.slice(0, DIGEST_LENGTH)})`,
  );
  const noun = numPictures === 1 ? "picture" : "pictures";
  return `${numPictures.toLocaleString("en-US")} ${role} ${noun} of ${named.join(", ")}`;
}
