import { ConfigError } from "../core/errors.ts";
import { evaluationTexts, type TextOptions } from "../loader/evaluation.ts";
import type { SceneReader } from "../loader/sample-source.ts";
import type { WordPieceTokenizer } from "../loader/text/word-piece.ts";

/** A text with one masked word, which a model has to tell. */
export interface MaskedQuestion {
  /** The scene that the text speaks of. */
  readonly sceneIndex: number;
  /** [n], [CLS], [SEP] and the mask included; equally long in all questions. */
  readonly tokenIds: Int32Array;
  /** [n] */
  readonly tokenMask: Int32Array;
  /** Where the masked word stands. */
  readonly position: number;
  /** The masked word's id. */
  readonly answer: number;
  /** Ids of the words that could stand there, between which a model has to choose; the whole vocabulary when left out. */
  readonly candidates?: readonly number[];
}

/**
 * A question for each appearance of one of `words` in the texts of a split, that word masked and nothing else. ConfigError
 * for a word that is no single token of the vocabulary, and where no text has any of the words.
 */
export async function wordQuestions(
  split: SceneReader,
  options: TextOptions & { readonly words: readonly string[] },
): Promise<MaskedQuestion[]> {
  const { tokenizer, words } = options;
  const answers = new Set(words.map((word) => singleToken(word, tokenizer)));
  const questions: MaskedQuestion[] = [];
  for await (const { sceneIndex, tokenIds, tokenMask } of evaluationTexts(split, options)) {
    for (const [position, answer] of tokenIds.entries()) {
      if (!answers.has(answer)) continue;
      const masked = tokenIds.slice();
      masked[position] = tokenizer.specials.mask;
      questions.push({ sceneIndex, tokenIds: masked, tokenMask, position, answer });
    }
  }
  if (questions.length > 0) return questions;
  throw new ConfigError(`none of the texts has any of the words ${words.join(", ")}`, {
    remedy: "name words of the split's texts with --words",
  });
}

function singleToken(word: string, tokenizer: WordPieceTokenizer): number {
  const [token, ...others] = tokenizer.encode(word);
  const isWord = token !== undefined && token !== tokenizer.specials.unknown;
  if (isWord && others.length === 0) return token;
  throw new ConfigError(
    `"${word}" is ${isWord ? `${1 + others.length} pieces` : "no word"} of the vocabulary, one token was expected`,
    { remedy: "name words that are in the vocabulary file as they are" },
  );
}
