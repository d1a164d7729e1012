import { describe, expect, it } from "vitest";
import { matchingAccuracy } from "../../src/eval/matching.ts";
import type { ScoreMatrix } from "../../src/eval/retrieval-ranks.ts";
import type { EvaluationPair } from "../../src/loader/evaluation.ts";
import { caption } from "../loader/shard-set-fixture.ts";

// Texts 0 and 1 with pictures 0 and 1.
const matrix: ScoreMatrix = {
  scores: Float32Array.of(3, -1, 0, 2),
  numPictures: 2,
  pictureOfText: Int32Array.of(0, 1),
};

function pairOf(text: number, sceneIndex: number, matched: boolean): EvaluationPair {
  const row = { tokenIds: new Int32Array(3), tokenMask: new Int32Array(3) };
  return {
    sceneIndex,
    matched,
    text: { sceneIndex: text, text: caption(String(text), "a text"), ...row },
  };
}

async function* streamOf(pairs: readonly EvaluationPair[]): AsyncGenerator<EvaluationPair> {
  yield* pairs;
}

const accuracyOf = (...pairs: EvaluationPair[]): ReturnType<typeof matchingAccuracy> =>
  matchingAccuracy(streamOf(pairs), matrix, ({ text }) => Number(text.text.id));

describe("matching accuracy", () => {
  it("counts a score above 0 as matched, and tells what a constant answer reaches", async () => {
    const result = await accuracyOf(
      pairOf(0, 0, true), // 3: right
      pairOf(0, 1, false), // -1: right
      pairOf(1, 0, true), // 0: wrong
      pairOf(1, 1, false), // 2: wrong
      pairOf(1, 0, false), // 0: right
    );
    expect(result).toEqual({ accuracy: 3 / 5, numPairs: 5, chance: 3 / 5 });
  });

  it("of no pairs is 0", async () => {
    expect(await accuracyOf()).toMatchObject({ accuracy: 0, numPairs: 0 });
  });

  it("is refused for a text that was not scored", async () => {
    await expect(accuracyOf(pairOf(2, 0, true))).rejects.toThrow("not scored");
  });
});
