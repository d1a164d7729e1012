import { ConfigError } from "../core/errors.ts";
import type { EvaluationPair } from "../loader/evaluation.ts";
import type { ScoreMatrix } from "./retrieval-ranks.ts";

export interface MatchingResult {
  /** Share of pairs that the matching head tells right at its own threshold (score 0). */
  readonly accuracy: number;
  readonly numPairs: number;
  /** What the better of the two constant answers reaches. */
  readonly chance: number;
}

/**
 * The accuracy of image-text matching on given pairs, from scores that retrieval has computed already.
 * `textIndex` finds a text's row by its scene and id.
 */
export async function matchingAccuracy(
  pairs: AsyncIterable<EvaluationPair>,
  matrix: ScoreMatrix,
  textIndex: (pair: EvaluationPair) => number,
): Promise<MatchingResult> {
  let [numPairs, numRight, numMatched] = [0, 0, 0];
  for await (const pair of pairs) {
    const score = matrix.scores[textIndex(pair) * matrix.numPictures + pair.sceneIndex];
    if (score === undefined) throw new ConfigError("a pair names a text that was not scored");
    numPairs += 1;
    if (pair.matched) numMatched += 1;
    if (score > 0 === pair.matched) numRight += 1;
  }
  const share = numMatched / Math.max(1, numPairs);
  return {
    accuracy: numRight / Math.max(1, numPairs),
    numPairs,
    chance: Math.max(share, 1 - share),
  };
}
