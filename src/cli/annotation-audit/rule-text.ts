import type { RuleCounts } from "../../audit/crosswalk/count-cells.ts";

/** "2,000 same-key, 81 linked-key". */
export function ruleText(byRule: RuleCounts): string {
  return Object.entries(byRule)
    .map(([rule, number]) => `${number.toLocaleString("en-US")} ${rule}`)
    .join(", ");
}
