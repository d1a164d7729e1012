import type { SampleSource } from "../sample-source.ts";
import { basicTokens } from "../text/basic-tokenizer.ts";

const SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const MAX_SCENES = 1000;

/**
 * A WordPiece vocabulary of the words of a source's first scenes and of their letters, for measuring where there
 * is none: cutting texts takes as long with it as with a published one. No model knows its ids.
 */
export async function ownVocabulary(source: SampleSource, signal?: AbortSignal): Promise<string[]> {
  const words = new Set<string>();
  for (let index = 0; index < Math.min(MAX_SCENES, source.numSamples); index += 1) {
    signal?.throwIfAborted();
    const { texts } = await source.head(index);
    for (const { text } of texts) for (const word of basicTokens(text, "lower")) words.add(word);
  }
  const letters = new Set([...words].flatMap((word) => Array.from(word)));
  const pieces = [...letters].map((letter) => `##${letter}`);
  return [...new Set([...SPECIALS, ...letters, ...pieces, ...words])];
}
