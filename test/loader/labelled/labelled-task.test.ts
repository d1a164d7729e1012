import { describe, expect, it } from "vitest";

import type { SceneText } from "../../../src/core/records.ts";
import { labelledText, type LabelledTask } from "../../../src/loader/labelled/labelled-task.ts";
import { caption } from "../shard-set-fixture.ts";

function text(facts: Partial<SceneText>): SceneText {
  return { ...caption("1", "what is it"), ...facts };
}

const vqa: LabelledTask = {
  kind: "answers",
  answers: ["yes", "no", "red"],
  scoring: "official",
  withoutTarget: "keep",
};
const answers = [
  { answer: "red", count: 2 },
  { answer: "blue", count: 7 },
  { answer: "no", count: 1 },
];
const question = text({ kind: "question", answers });
const snli: LabelledTask = {
  kind: "labels",
  textKind: "hypothesis",
  labels: ["contradiction", "entailment", "neutral"],
  reads: "text",
  pictures: 1,
};

describe("questions with people's answers", () => {
  it("E-1: have min(1, 0.3 c) of each answer of the vocabulary, or min(1, c / 3) as soft3", () => {
    expect(labelledText(question, vqa)).toEqual({
      rows: [{ first: "what is it", second: null }],
      label: -1,
      targets: [
        { label: 2, target: 0.6 },
        { label: 1, target: 0.3 },
      ],
    });
    const soft = labelledText(question, { ...vqa, scoring: "soft3" });
    expect(soft?.targets.map(({ target }) => target)).toEqual([2 / 3, 1 / 3]);
    for (let count = 0; count <= 10; count += 1) {
      const one = text({ kind: "question", answers: [{ answer: "yes", count }] });
      const [official, soft3] = (["official", "soft3"] as const).map(
        (scoring) => labelledText(one, { ...vqa, scoring })?.targets[0]?.target,
      );
      expect(official).toBeCloseTo(Math.min(1, 0.3 * count), 12);
      expect(soft3).toBeCloseTo(Math.min(1, count / 3), 12);
    }
  });

  it("are kept without any target, or dropped, as the task says", () => {
    const other = text({ kind: "question", answers: [{ answer: "blue", count: 10 }] });
    expect(labelledText(other, vqa)?.targets).toEqual([]);
    expect(labelledText(other, { ...vqa, withoutTarget: "drop" })).toBeUndefined();
    expect(labelledText(text({ kind: "question", answers: [] }), vqa)).toBeUndefined();
  });
});

describe("texts with a label", () => {
  const hypothesis = text({ kind: "hypothesis", label: "neutral", context: "a premise" });

  it("E-5: have the number that the task's order gives the label", () => {
    expect(labelledText(hypothesis, snli)?.label).toBe(2);
    const labels = ["neutral", "entailment", "contradiction"];
    expect(labelledText(hypothesis, { ...snli, labels })?.label).toBe(0);
  });

  it("stand alone, or behind their premise", () => {
    expect(labelledText(hypothesis, snli)?.rows).toEqual([{ first: "what is it", second: null }]);
    expect(labelledText(hypothesis, { ...snli, reads: "context-and-text" })?.rows).toEqual([
      { first: "a premise", second: "what is it" },
    ]);
  });

  it.each<[string, Partial<SceneText>]>([
    ["of another kind", { kind: "statement" }],
    ["without a label", { label: null }],
    ["with a label that the task does not know", { label: "-" }],
    ["without the premise that is read", { context: null }],
  ])("are none of the task's %s", (_, facts) => {
    const other = { ...hypothesis, ...facts };
    expect(labelledText(other, { ...snli, reads: "context-and-text" })).toBeUndefined();
  });
});

describe("texts with choices (VCR)", () => {
  const choices = ["one", "two", "three", "four"];
  const reason = text({ kind: "rationale", label: "3", choices, context: "what is it It is two." });

  it("H-3: have four rows: each answer behind the question, each reason behind question and right answer", () => {
    const asked = text({ kind: "question", label: "1", choices });
    expect(labelledText(asked, { kind: "choices", textKind: "question" })).toEqual({
      rows: choices.map((second) => ({ first: "what is it", second })),
      label: 1,
      targets: [],
    });
    expect(labelledText(reason, { kind: "choices", textKind: "rationale" })).toEqual({
      rows: choices.map((second) => ({ first: "what is it It is two.", second })),
      label: 3,
      targets: [],
    });
  });

  it("are none of the task's where the right choice is not told", () => {
    const task = { kind: "choices", textKind: "rationale" } as const;
    expect(labelledText({ ...reason, label: null }, task)).toBeUndefined();
    expect(labelledText({ ...reason, context: null }, task)).toBeUndefined();
    expect(labelledText(reason, { ...task, textKind: "question" })).toBeUndefined();
    expect(labelledText({ ...reason, choices: choices.slice(1) }, task)).toBeUndefined();
  });
});

describe("expressions", () => {
  it("are asked for where their box is known", () => {
    const box = { x: 1, y: 2, width: 3, height: 4 };
    const expression = text({ kind: "expression", box });
    expect(labelledText(expression, { kind: "expressions" })?.rows).toHaveLength(1);
    expect(labelledText({ ...expression, box: null }, { kind: "expressions" })).toBeUndefined();
  });
});
