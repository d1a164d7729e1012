import type { SceneHead, SceneText, StoredPicture } from "../../../src/core/records.ts";
import { sceneNames } from "../../../src/loader/pairing/same-picture.ts";
import type { TextRules } from "../../../src/loader/pairing/scene-texts.ts";
import type { SceneLookup } from "../../../src/loader/pairing/unmatched-search.ts";
import { WordPieceTokenizer } from "../../../src/loader/text/word-piece.ts";
import { caption, storedPicture } from "../shard-set-fixture.ts";

/** A scene of one picture; `facts` are of the picture. */
export function scene(
  id: number,
  texts: readonly (string | SceneText)[],
  facts: Partial<StoredPicture> = {},
): SceneHead {
  return {
    sceneKey: `coco:${id}`,
    pictures: [storedPicture(String(id), Buffer.from(`picture ${id}`), facts)],
    texts: texts.map((text, part) =>
      typeof text === "string" ? caption(`${id}-${part}`, text) : text,
    ),
  };
}

export function sharesPicture(a: SceneHead, b: SceneHead): boolean {
  const names = sceneNames(a);
  return sceneNames(b).some((name) => names.includes(name));
}

export function lookup(scenes: readonly SceneHead[]): SceneLookup {
  return {
    numSamples: scenes.length,
    splitOf: () => ({ first: 0, size: scenes.length }),
    chainOf: () => undefined,
    mayStandFor: () => true,
    head: async (sampleIndex) => {
      const head = scenes[sampleIndex];
      if (head === undefined) throw new RangeError(`scene ${sampleIndex}`);
      return head;
    },
  };
}

const letters = Array.from("abcdefghijklmnopqrstuvwxyz0123456789.,!");

/** Words become letters: "dog" has three tokens. */
export const tokenizer: WordPieceTokenizer = WordPieceTokenizer.fromVocabulary([
  "[PAD]",
  "[UNK]",
  "[CLS]",
  "[SEP]",
  "[MASK]",
  ...letters,
  ...letters.map((letter) => `##${letter}`),
]);

export const rules: TextRules = { tokenizer, maxTokens: 100, longer: "cut" };
