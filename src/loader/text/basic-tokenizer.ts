import { newerCharacters } from "./newer-characters.ts";

/** Whether a text's letters are lower-cased and lose their accents (uncased vocabularies) or stay as they are. */
export type LetterCase = "lower" | "keep";

// BERT counts all ASCII signs as punctuation, such as "^" and "$", which Unicode does not; and the tables of
// Hugging Face's tokenizers have two signs that Unicode has moved since.
const PUNCTUATION = new RegExp(
  String.raw`([!-/:-@[-\x60{-~\u166D\u{111C9}]|(?![${newerCharacters}])\p{P})`,
  "gu",
);
const ACCENTS = new RegExp(
  String.raw`[\u1734\u{1171E}]|(?![${newerCharacters}\u{111C9}])\p{Mn}`,
  "gu",
);
// What tokenizers does not know, it neither drops nor takes apart.
const CONTROL = new RegExp(
  String.raw`(?![\t\n\r${newerCharacters}])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\uFFFD]`,
  "gu",
);
const KNOWN = new RegExp(String.raw`[^${newerCharacters}]+`, "gu");
// The blocks that BERT spaces out, as tokenizers has them: extension E from U+2B920 on, not from U+2B820.
// Hangul and the kana are not among them.
const CJK =
  /([\u{4E00}-\u{9FFF}\u{3400}-\u{4DBF}\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{F900}-\u{FAFF}\u{2F800}-\u{2FA1F}])/gu;
const SPACES = /\s+/u;
const PLAIN = /^[\t\n\r -~]*$/;
// Of such a text, all but spaces: runs of letters and digits, and single signs.
const PLAIN_WORD = /[0-9A-Za-z]+|[!-/:-@[-`{-~]/g;

/**
 * Splits a text into words and single punctuation marks as Hugging Face's BertTokenizer does, which is
 * google-research/bert's BasicTokenizer but for private-use characters (dropped), a capital sigma at a word's
 * end and the characters that its Unicode tables lack: control characters go, CJK characters and
 * punctuation stand alone, accents are stripped after NFD.
 */
export function basicTokens(text: string, letterCase: LetterCase): string[] {
  if (PLAIN.test(text)) {
    const folded = letterCase === "keep" ? text : text.toLowerCase();
    return folded.match(PLAIN_WORD) ?? [];
  }
  const cleaned = text.replaceAll(CONTROL, "").replaceAll(CJK, " $1 ");
  return words(foldCase(cleaned, letterCase).replaceAll(PUNCTUATION, " $1 "));
}

function foldCase(text: string, letterCase: LetterCase): string {
  if (letterCase === "keep") return text;
  const bare = text.replaceAll(KNOWN, (known) => known.normalize("NFD")).replaceAll(ACCENTS, "");
  // Character by character: the whole string's lower case would end words with another sigma.
  return Array.from(bare, (character) => character.toLowerCase()).join("");
}

function words(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== "");
}
