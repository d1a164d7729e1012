// What is attached to "left" and "right": "leftmost", "left-hand", "right handed", "rightwards".
const ENDING = "(?:[- ]?(?:hand(?:ed|er|ers)?|side(?:d|s)?|most|wards?|facing)|s)";
const ANY_SIDE = new RegExp(
  String.raw`\b(?:left|right)${ENDING}?\b|\b(?:counter|anti)?[- ]?clockwise\b`,
  "i",
);
const COMPOUND = /[- ]?(?:hand(?:ed|er|ers)?|side(?:d|s)?|most|wards?|facing)\b/i;
// Words that "left" and "right" follow as sides: not "has left", "right next to", "all right".
const BEFORE = new RegExp(
  String.raw`\b(?:the|his|her|hers|its|it's|their|my|your|our|a|an|far|upper|lower|top|bottom|front|back|rear|middle|center|centre|cent(?:er|re)d|extreme|outer|stage|turn(?:s|ed|ing)?|fac(?:e|es|ed|ing)|look(?:s|ed|ing)?|head(?:s|ed|ing)?|point(?:s|ed|ing)?|lean(?:s|ed|ing)?|mov(?:e|es|ed|ing)|going|slight(?:ly)?|left|right|from|to|and|or|'s)[\s,/-]+$`,
  "i",
);
const AFTER =
  /^[\s-]+(?:of|corner|half|third|part|portion|edge|end|arm|leg|foot|feet|eye|ear|wing|wheel|paw|shoulder|knee|hip|wrist|elbow|thumb|glove|shoe|turn|arrow|lane|field|fielder|hands|arms|legs|paws|and\s+right|and\s+left|or\s+right|or\s+left|to\s+right|to\s+left)\b/i;
// After these words even "the right" is no side: "the right way", "right of way".
const NEVER =
  /^[\s-]+(?:of[\s-]way|to\s+(?!the\b|left\b|right\b|his\b|her\b|its\b)|angles?|angled|ways?|directions?|answers?|decisions?|time|size|place|moment|kind|amount|thing|one|now|over|overs|behind|alone|next|there|here|after|before)\b/i;
const SIDE =
  /\b(?<side>left|right)(?<ending>(?:hand(?:ed|er|ers)?|side(?:d|s)?|most|wards?|facing|s)?)\b|\b(?<against>(?:counter|anti)[- ]?)?(?<clock>clockwise)\b/gi;

/** Whether a text tells sides apart, so that it may be false of the mirrored picture; rather once too often. */
export function hasSideWords(text: string): boolean {
  return ANY_SIDE.test(text);
}

/**
 * The text that is true of the mirrored picture: left for right, clockwise for counterclockwise, letter case kept.
 * Undefined when it is not clear that a word speaks of a side: "the man left", "right next to a tree".
 */
export function swapSideWords(text: string): string | undefined {
  const matches = [...text.matchAll(SIDE)];
  const areClear = matches.every(({ 0: word, groups, index }) =>
    groups?.["side"] === undefined
      ? true
      : isSide(text, { index, word, ending: groups["ending"] ?? "" }),
  );
  if (!areClear) return undefined;
  return text.replaceAll(SIDE, (word: string, ...rest: unknown[]) => swapped(word, rest));
}

function isSide(text: string, at: { index: number; word: string; ending: string }): boolean {
  const { ending, index, word } = at;
  const before = text.slice(0, index);
  const after = text.slice(index + word.length);
  if (ending.toLowerCase() === "s") return false;
  if (ending !== "" || COMPOUND.exec(after)?.index === 0) return true;
  if (NEVER.test(after)) return false;
  return BEFORE.test(before) || AFTER.test(after);
}

function swapped(word: string, rest: readonly unknown[]): string {
  const [side, ending, against] = rest;
  if (typeof side === "string") {
    const other = side.toLowerCase() === "left" ? "right" : "left";
    return inCaseOf(side, other) + (typeof ending === "string" ? ending : "");
  }
  return inCaseOf(word, typeof against === "string" ? "clockwise" : "counterclockwise");
}

/** `text` in capitals, with a capital letter or without, as `model` is. */
function inCaseOf(model: string, text: string): string {
  if (model === model.toUpperCase()) return text.toUpperCase();
  const first = model.slice(0, 1);
  return first === first.toLowerCase() ? text : text.slice(0, 1).toUpperCase() + text.slice(1);
}
