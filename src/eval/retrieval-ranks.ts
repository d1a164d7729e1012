import { NumericError } from "../core/errors.ts";

/** Recall at 1, 5 and 10 as shares in [0, 1]. */
export interface Recall {
  readonly at1: number;
  readonly at5: number;
  readonly at10: number;
}

export interface RetrievalMetrics {
  /** Image retrieval: for each text the rank of its picture among all pictures. */
  readonly textToPicture: Recall;
  /** Text retrieval: for each picture whether any of its texts is among the first k of all texts. */
  readonly pictureToText: Recall;
  readonly chance: { readonly textToPicture: Recall; readonly pictureToText: Recall };
  readonly numPictures: number;
  readonly numTexts: number;
  /** Queries whose best right answer has the score of a wrong one; recall is then its mean over all orders of the tied. */
  readonly numTiedQueries: number;
}

/** Scores of all pairs: row t, column p is `scores[t * numPictures + p]`; `pictureOfText[t]` is the right column. */
export interface ScoreMatrix {
  readonly scores: Float32Array;
  readonly numPictures: number;
  readonly pictureOfText: Int32Array;
}

/** How a query's right answers stand among the others. */
interface Standing {
  /** Wrong answers that score higher than the best right one. */
  readonly wrongAbove: number;
  /** Wrong answers with exactly its score. */
  readonly wrongTied: number;
  /** Right answers with exactly its score. */
  readonly rightTied: number;
}

/**
 * R@1, R@5 and R@10 in both directions, as in Visual Parsing's table 1 (Karpathy's protocol: a picture
 * counts when any of its texts is found). Ties are counted by their expectation: the mean over all orders of
 * the tied items, so that a scorer that says the same of every pair has the recall of chance. NumericError when a
 * score is no finite number: it would rank as the best.
 */
export function retrievalMetrics(matrix: ScoreMatrix): RetrievalMetrics {
  requireFinite(matrix);
  const byText = Array.from(matrix.pictureOfText, (_, text) => standingOfText(matrix, text));
  const byPicture = standingsOfPictures(matrix);
  const { numPictures, pictureOfText } = matrix;
  const numTexts = pictureOfText.length;
  const textsOf = textCounts(matrix).filter((count) => count > 0);
  return {
    textToPicture: meanRecall(byText),
    pictureToText: meanRecall(byPicture),
    chance: {
      textToPicture: meanRecall([{ wrongAbove: 0, wrongTied: numPictures - 1, rightTied: 1 }]),
      pictureToText: meanRecall(
        textsOf.map((count) => ({ wrongAbove: 0, wrongTied: numTexts - count, rightTied: count })),
      ),
    },
    numPictures,
    numTexts,
    numTiedQueries: [...byText, ...byPicture].filter(({ wrongTied }) => wrongTied > 0).length,
  };
}

function requireFinite({ scores, numPictures }: ScoreMatrix): void {
  const place = scores.findIndex((score) => !Number.isFinite(score));
  if (place < 0) return;
  const text = Math.floor(place / numPictures);
  throw new NumericError(
    `the score of text ${text} with picture ${place % numPictures} is ${scores[place]}`,
    { remedy: "evaluate an earlier checkpoint, or train again with a lower learning rate" },
  );
}

function standingOfText(matrix: ScoreMatrix, text: number): Standing {
  const { scores, numPictures, pictureOfText } = matrix;
  const start = text * numPictures;
  const right = pictureOfText[text] ?? 0;
  const best = scores[start + right] ?? 0;
  let [wrongAbove, wrongTied] = [0, 0];
  for (let picture = 0; picture < numPictures; picture += 1) {
    const score = scores[start + picture] ?? 0;
    if (score > best) wrongAbove += 1;
    else if (score === best && picture !== right) wrongTied += 1;
  }
  return { wrongAbove, wrongTied, rightTied: 1 };
}

function standingsOfPictures(matrix: ScoreMatrix): Standing[] {
  const { scores, numPictures, pictureOfText } = matrix;
  const standings: Standing[] = [];
  for (let picture = 0; picture < numPictures; picture += 1) {
    let [best, rightTied] = [-Infinity, 0];
    for (const [text, owner] of pictureOfText.entries()) {
      const score = scores[text * numPictures + picture] ?? 0;
      if (owner !== picture || score < best) continue;
      rightTied = score === best ? rightTied + 1 : 1;
      best = score;
    }
    if (rightTied === 0) continue;
    let [wrongAbove, wrongTied] = [0, 0];
    for (const [text, owner] of pictureOfText.entries()) {
      const score = scores[text * numPictures + picture] ?? 0;
      if (owner === picture || score < best) continue;
      if (score > best) wrongAbove += 1;
      else wrongTied += 1;
    }
    standings.push({ wrongAbove, wrongTied, rightTied });
  }
  return standings;
}

function textCounts({ numPictures, pictureOfText }: ScoreMatrix): number[] {
  const counts = Array.from({ length: numPictures }, () => 0);
  for (const picture of pictureOfText) counts[picture] = (counts[picture] ?? 0) + 1;
  return counts;
}

function meanRecall(standings: readonly Standing[]): Recall {
  const at = (k: number): number =>
    standings.reduce((sum, standing) => sum + probabilityWithin(standing, k), 0) /
    Math.max(1, standings.length);
  return { at1: at(1), at5: at(5), at10: at(10) };
}

// The probability that a right answer is among the first k when the tied ones stand in random order:
// 1 - C(wrong, places) / C(wrong + right, places), as a product.
function probabilityWithin({ wrongAbove, wrongTied, rightTied }: Standing, k: number): number {
  const places = Math.min(k - wrongAbove, wrongTied + rightTied);
  if (places <= 0) return 0;
  let missed = 1;
  for (let place = 0; place < places; place += 1) {
    missed *= Math.max(0, wrongTied - place) / (wrongTied + rightTied - place);
  }
  return 1 - missed;
}
