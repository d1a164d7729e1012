/** @import { Decision, ReviewData, ReviewState } from "./state.js" */

const FORMAT = "crossweave-decisions";
const VERSION = 1;

/**
 * The allow/deny list as `crossweave audit --decisions` reads it: canonical JSON (keys in order, no spaces) and a
 * line end, decisions by their keys.
 * @param {ReviewState} state
 */
export function decisionList(state) {
  const decisions = [...state.decisions.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, made]) => ({
      decision: made.decision,
      eval: made.eval,
      note: made.note,
      rule: made.rule,
      train: made.train,
    }));
  const { digest } = state.data;
  return `${JSON.stringify({ auditDigest: digest, decisions, format: FORMAT, version: VERSION })}\n`;
}

/**
 * The decisions of a saved list; throws an Error that says what is wrong with another file.
 * @param {string} text
 * @returns {Decision[]}
 */
export function parseDecisionList(text) {
  const list = JSON.parse(text);
  if (list?.format !== FORMAT || list.version !== VERSION || !Array.isArray(list.decisions)) {
    throw new Error(`it is no ${FORMAT} of version ${VERSION}`);
  }
  for (const { train, eval: evaluation, decision, rule, note } of list.decisions) {
    const texts = [train, evaluation, decision, rule, note];
    const isWhole = texts.every((value) => typeof value === "string");
    if (!isWhole || !["allow", "deny"].includes(decision)) {
      throw new Error("one of its decisions is not whole");
    }
  }
  return list.decisions;
}

/** Gives the list to the reader as a file. @param {ReviewState} state */
export function downloadList(state) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([decisionList(state)], { type: "application/json" }));
  link.download = `crossweave-decisions-${state.data.digest.slice(0, 12)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** What a browser keeps between two visits, where it does so for a page from the disk. */
export class KeptProgress {
  /** @param {ReviewData} data */
  constructor(data) {
    this.name = `crossweave-audit ${data.digest}`;
  }

  /** All decisions of the last visit; undefined where there was none. @returns {Decision[] | undefined} */
  read() {
    try {
      return parseDecisionList(localStorage.getItem(this.name) ?? "");
    } catch {
      return undefined; // nothing kept, or a browser that keeps nothing for files
    }
  }

  /** Whether it was kept. @param {ReviewState} state */
  write(state) {
    try {
      localStorage.setItem(this.name, decisionList(state));
      return true;
    } catch {
      return false;
    }
  }
}
