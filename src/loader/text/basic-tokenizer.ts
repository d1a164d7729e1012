/** Whether a text's letters are lower-cased and lose their accents (uncased vocabularies) or stay as they are. */
export type LetterCase = "lower" | "keep";

// BERT counts all ASCII signs as punctuation, such as "^" and "$", which Unicode does not.
const PUNCTUATION = /([!-/:-@[-`{-~]|\p{P})/gu;
// The blocks that BERT spaces out; Hangul and the kana are not among them.
const CJK =
  /([\u{4E00}-\u{9FFF}\u{3400}-\u{4DBF}\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B820}-\u{2CEAF}\u{F900}-\u{FAFF}\u{2F800}-\u{2FA1F}])/gu;
const CONTROL = /[^\P{Cc}\t\n\r]|\p{Cf}|\uFFFD/gu;
const ACCENTS = /\p{Mn}/gu;
const SPACES = /\s+/u;

/**
 * Splits a text into words and single punctuation marks, as google-research/bert's BasicTokenizer:
 * control characters go, CJK characters and punctuation stand alone, accents are stripped after NFD.
 */
export function basicTokens(text: string, letterCase: LetterCase): string[] {
  const cleaned = text.replaceAll(CONTROL, "").replaceAll(CJK, " $1 ");
  return words(cleaned).flatMap((word) =>
    words(foldCase(word, letterCase).replaceAll(PUNCTUATION, " $1 ")),
  );
}

function foldCase(word: string, letterCase: LetterCase): string {
  return letterCase === "keep" ? word : word.toLowerCase().normalize("NFD").replaceAll(ACCENTS, "");
}

function words(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== "");
}
