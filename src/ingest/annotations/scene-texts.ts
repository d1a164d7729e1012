import type { SceneText } from "../../core/records.ts";

const NOTHING_ELSE = { label: null, answers: [], choices: [], box: null, context: null } as const;

/** A text of a scene; what the publisher says nothing of is null or empty. */
export function sceneText(
  fields: Pick<SceneText, "id" | "kind" | "text"> & Partial<SceneText>,
): SceneText {
  return { ...NOTHING_ELSE, ...fields };
}
