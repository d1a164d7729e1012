import { RandomStream } from "../../core/random.ts";
import type { SceneText } from "../../core/records.ts";
import type { TextOptions } from "../evaluation.ts";
import type { SceneReader } from "../sample-source.ts";
import { bertMasking } from "../text/masking.ts";
import { type TextRow, writeTextRow } from "../text/text-rows.ts";
import { rowTokens } from "./labelled-rows.ts";
import { askedRows, knownTruth, type LabelledTask, type LabelledText } from "./labelled-task.ts";

/** A row as a model reads it, [T] each. */
interface QuestionRow extends TextRow {
  /** 1 on the second of two texts and its [SEP]. */
  readonly tokenTypes: Int32Array;
}

/** A text of which something is to be told, and what is right as far as the split says it. */
export interface EvaluationQuestion extends Omit<LabelledText, "rows"> {
  /** Its pictures are the scene's. */
  readonly sceneIndex: number;
  readonly text: SceneText;
  /** One, or one for each choice. */
  readonly rows: readonly QuestionRow[];
  readonly isCut: boolean;
}

const unmasked = { ...bertMasking, probability: 0 };

/**
 * All texts of a split that a task asks for, each once, in order, those without an answer as well: a submission has to have
 * all. Nothing is masked.
 */
export async function* evaluationQuestions(
  split: SceneReader,
  options: TextOptions & { readonly task: LabelledTask },
): AsyncGenerator<EvaluationQuestion> {
  const { maxTextTokens: maxTokens, signal, task, tokenizer } = options;
  for (let sceneIndex = 0; sceneIndex < split.numScenes; sceneIndex += 1) {
    signal?.throwIfAborted();
    const { texts } = await split.head(sceneIndex);
    for (const text of texts) {
      const asked = askedRows(text, task);
      if (asked === undefined) continue;
      const encoded = asked.map((row) =>
        rowTokens(row, new RandomStream(0), { tokenizer, rules: unmasked, maxTokens }),
      );
      const rows = encoded.map(({ secondStart, tokens }) => {
        const { tokenIds } = tokens;
        const row = {
          tokenIds: new Int32Array(maxTokens),
          tokenMask: new Int32Array(maxTokens),
          tokenTypes: new Int32Array(maxTokens),
        };
        writeTextRow(tokenIds, tokenizer.specials, row);
        if (secondStart !== null) row.tokenTypes.fill(1, 1 + secondStart, 2 + tokenIds.length);
        return row;
      });
      const isCut = encoded.some((row) => row.isCut);
      yield { sceneIndex, text, rows, isCut, ...knownTruth(text, task) };
    }
  }
}
