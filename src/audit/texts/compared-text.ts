const WORDS = /[\p{L}\p{M}\p{N}]+/gu;

/**
 * The words of a text as texts are compared: Unicode's compatibility form (NFKC), small letters, and runs of letters, marks
 * and digits alone. So capitals, spaces, punctuation, control and bidirectional marks do not tell two texts apart; a half of a
 * surrogate pair is no letter. No locale is asked.
 */
export function comparedWords(text: string): readonly string[] {
  return text.toWellFormed().normalize("NFKC").toLowerCase().match(WORDS) ?? [];
}
