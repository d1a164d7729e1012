import * as tf from "@tensorflow/tfjs-core";
import type { ImageKey } from "../core/keys.ts";
import type { Progress } from "../core/progress.ts";
import {
  evaluationPictures,
  evaluationTexts,
  type EvaluationText,
  type PictureOptions,
} from "../loader/evaluation.ts";
import type { SceneReader } from "../loader/sample-source.ts";
import type { WordPieceTokenizer } from "../loader/text/word-piece.ts";
import { loadTensorFlow } from "../tensor/load.ts";
import type { LoadedModel } from "./model-on-device.ts";
import { PairScorer, TextChunks } from "./pair-scorer.ts";
import { retrievalMetrics, type RetrievalMetrics, type ScoreMatrix } from "./retrieval-ranks.ts";

export interface RetrievalOptions extends PictureOptions {
  readonly model: LoadedModel;
  readonly split: SceneReader;
  readonly tokenizer: WordPieceTokenizer;
  readonly maxTextTokens: number;
  readonly progress: Progress;
}

export interface RetrievalResult {
  readonly metrics: RetrievalMetrics;
  readonly matrix: ScoreMatrix;
  readonly pictures: readonly ImageKey[];
  readonly texts: readonly EvaluationText[];
  readonly pairsPerSecond: number;
}

/** Scores every picture of a split with every text of it and ranks both ways. Scenes show one picture each. */
export async function evaluateRetrieval(options: RetrievalOptions): Promise<RetrievalResult> {
  await loadTensorFlow();
  const { split, progress } = options;
  const texts = await Array.fromAsync(evaluationTexts(split, options));
  using scorer = new PairScorer(options.model);
  using chunks = new TextChunks(texts);
  const numPictures = split.numScenes;
  const scores = new Float32Array(texts.length * numPictures);
  const pictures: ImageKey[] = [];
  const startMs = performance.now();
  for await (const picture of evaluationPictures(split, options)) {
    const embedded = scorer.embed(picture);
    const column = scorer.scores(embedded, chunks);
    tf.dispose([embedded.tokens, embedded.mask]);
    for (const [text, score] of column.entries()) {
      scores[text * numPictures + picture.sceneIndex] = score;
    }
    pictures.push(picture.key);
    progress.report({
      activity: "scoring pairs",
      done: pictures.length * texts.length,
      total: scores.length,
      unit: "pairs",
    });
  }
  const pictureOfText = Int32Array.from(texts, ({ sceneIndex }) => sceneIndex);
  const matrix = { scores, numPictures, pictureOfText };
  const seconds = (performance.now() - startMs) / 1000;
  return {
    metrics: retrievalMetrics(matrix),
    matrix,
    pictures,
    texts,
    pairsPerSecond: scores.length / seconds,
  };
}

/** The best columns or rows of the score matrix for one query, best first, with their scores. */
export interface Hit {
  readonly index: number;
  readonly score: number;
}

/** The pictures that score best with text `text`. */
export function bestPictures(
  { scores, numPictures }: ScoreMatrix,
  text: number,
  count: number,
): Hit[] {
  const row = scores.subarray(text * numPictures, (text + 1) * numPictures);
  return best(row, count);
}

/** The texts that score best with picture `picture`. */
export function bestTexts(matrix: ScoreMatrix, picture: number, count: number): Hit[] {
  const { numPictures, pictureOfText, scores } = matrix;
  const column = Float32Array.from(
    pictureOfText,
    (_, text) => scores[text * numPictures + picture] ?? 0,
  );
  return best(column, count);
}

function best(scores: Float32Array, count: number): Hit[] {
  const hits = Array.from(scores, (score, index) => ({ index, score }));
  return hits.toSorted((a, b) => b.score - a.score || a.index - b.index).slice(0, count);
}
