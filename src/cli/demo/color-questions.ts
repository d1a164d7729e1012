import { pictureWordsOf } from "../../ingest/small-world/phrases.ts";
import type { MaskedQuestion } from "../../eval/word-questions.ts";
import { evaluationTexts, type TextOptions } from "../../loader/evaluation.ts";
import type { SceneReader } from "../../loader/sample-source.ts";
import { maskWord } from "../../loader/text/masking.ts";
import { writeTextRow } from "../../loader/text/text-rows.ts";

/** A question for each color of the small world's texts that the rest of its text leaves open (T-17). */
export async function colorQuestions(
  split: SceneReader,
  options: TextOptions,
): Promise<MaskedQuestion[]> {
  const { maxTextTokens, tokenizer } = options;
  const questions: MaskedQuestion[] = [];
  for await (const { sceneIndex, text } of evaluationTexts(split, options)) {
    for (const { candidates, kind, wordIndex } of pictureWordsOf(text.text)) {
      if (kind !== "color") continue;
      const masked = maskWord(text.text, wordIndex, tokenizer);
      const place = masked.labels.findIndex((label) => label >= 0);
      const row = {
        tokenIds: new Int32Array(maxTextTokens),
        tokenMask: new Int32Array(maxTextTokens),
      };
      const ids = masked.tokenIds.slice(0, maxTextTokens - 2); // beside [CLS] and [SEP]
      if (place >= ids.length) continue;
      writeTextRow(ids, tokenizer.specials, row);
      const answer = masked.labels[place] ?? 0;
      const ofCandidates = candidates.map((word) => tokenizer.id(word));
      questions.push({ sceneIndex, ...row, position: place + 1, answer, candidates: ofCandidates });
    }
  }
  return questions;
}
