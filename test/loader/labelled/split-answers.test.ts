import { describe, expect, it } from "vitest";

import type { SceneHead, SceneText } from "../../../src/core/records.ts";
import { answersOfSplits } from "../../../src/loader/labelled/split-answers.ts";
import { caption } from "../shard-set-fixture.ts";

function split(labels: readonly (string | null)[], kind: SceneText["kind"] = "question") {
  const texts = labels.map((label, index) => ({ ...caption(`${index}`, "what"), kind, label }));
  return {
    async *heads(): AsyncGenerator<SceneHead> {
      for (const text of texts) yield { sceneKey: text.id, pictures: [], texts: [text] };
    },
  };
}

function times(label: string, count: number): string[] {
  return Array.from({ length: count }, () => label);
}

describe("the answers of splits", () => {
  it("are those given 9 times, over all splits and in the official spelling, the most frequent first", async () => {
    const train = split([...times("yes", 6), ...times("Two", 5), ...times("red", 8), null]);
    const val = split([...times("yes", 6), ...times("2", 4), null]);
    const statements = split(times("True", 20), "statement");
    const { answers, labels } = await answersOfSplits([train, val, statements]);
    expect(answers).toEqual(["yes", "2"]);
    expect(labels.get("2")).toBe(1);
    const all = await answersOfSplits([train, val], { minCount: 1 });
    expect(all.answers).toEqual(["yes", "2", "red"]);
  });
});
