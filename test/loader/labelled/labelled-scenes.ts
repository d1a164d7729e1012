import type { Scene, SceneText, TextKind } from "../../../src/core/records.ts";
import { boxedScenes } from "../boxed-scenes.ts";
import { caption, drawnScenes } from "../shard-set-fixture.ts";

function textOf(kind: TextKind, id: string, facts: Partial<SceneText>): SceneText {
  return { ...caption(id, `is ${id} red`), kind, ...facts };
}

/** Scenes with one question each that has an answer of the vocabulary, one that has none, and a caption. */
export async function questionScenes(numScenes: number): Promise<Scene[]> {
  return (await drawnScenes(numScenes)).map((scene, index) => ({
    ...scene,
    texts: [
      caption(`${index}-caption`, "a red ball"),
      textOf("question", `${index}-known`, {
        answers: [
          { answer: "yes", count: 1 + (index % 4) },
          { answer: "who knows", count: 3 },
        ],
      }),
      textOf("question", `${index}-other`, { answers: [{ answer: "who knows", count: 10 }] }),
    ],
  }));
}

/** Statements about two pictures: those of scenes i and i + 1. */
export async function statementScenes(numScenes: number): Promise<Scene[]> {
  const scenes = await drawnScenes(numScenes + 1);
  return scenes.slice(0, -1).flatMap((scene, index) => {
    const [left, right] = [scene.pictures[0], scenes[index + 1]?.pictures[0]];
    if (left === undefined || right === undefined) return [];
    const label = index % 3 === 0 ? "True" : "False";
    const pictures = [left, right];
    return [{ ...scene, pictures, texts: [textOf("statement", String(index), { label })] }];
  });
}

const relations = ["entailment", "neutral", "contradiction"];

/** Three hypotheses a picture, each with its premise. */
export async function hypothesisScenes(numScenes: number): Promise<Scene[]> {
  return (await drawnScenes(numScenes)).map((scene, index) => ({
    ...scene,
    texts: relations.map((label) =>
      textOf("hypothesis", `${index}-${label}`, { label, context: `a ball number ${index}` }),
    ),
  }));
}

/** A question with four answers and four reasons for each picture. */
export async function choiceScenes(numScenes: number): Promise<Scene[]> {
  const choices = ["a red ball", "a blue box", "a green boat", "a yellow bird or a purple tree"];
  return (await drawnScenes(numScenes)).map((scene, index) => {
    const label = String(index % 4);
    const context = `is it a ${choices[index % 4]}`;
    return {
      ...scene,
      texts: [
        textOf("question", `${index}-question`, { choices, label }),
        textOf("rationale", `${index}-rationale`, { choices, label, context }),
      ],
    };
  });
}

/** Scenes whose texts mean each one of three regions of their picture. */
export async function expressionScenes(numScenes: number): Promise<Scene[]> {
  return (await boxedScenes(numScenes)).map((scene) => ({
    ...scene,
    texts: scene.texts.map((text) => ({ ...text, kind: "expression" as const })),
  }));
}
