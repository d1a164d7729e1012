import { pictureNames } from "../../core/keys.ts";
import type { SceneHead } from "../../core/records.ts";

/** All names of a scene's pictures, each once; scenes with one in common show the same picture. */
export function sceneNames({ pictures }: SceneHead): readonly string[] {
  const [only, second] = pictures;
  if (only !== undefined && second === undefined) return pictureNames(only);
  return [...new Set(pictures.flatMap((picture) => pictureNames(picture)))];
}
