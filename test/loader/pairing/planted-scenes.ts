import type { SceneHead, StoredPicture } from "../../../src/core/records.ts";
import type { PairingOptions } from "../../../src/loader/options.ts";
import { pairSample } from "../../../src/loader/pairing/pair-sample.ts";
import type { TextRules } from "../../../src/loader/pairing/scene-texts.ts";
import { lookup, scene, tokenizer } from "./scenes.ts";

/** Scenes with what is true of them by construction, told without looking at the scenes. */
export interface PlantedScenes {
  readonly heads: readonly SceneHead[];
  /** Scenes of one number show one picture. */
  readonly pictures: Int32Array;
  /** For each scene the meanings of its texts. */
  readonly meanings: readonly (readonly number[])[];
}

const NUM_SCENES = 900;
const NUM_MEANINGS = 500;
/** The rest of a text is cut away, so that two texts of a meaning and another end are one to the model. */
const rules: TextRules = { tokenizer, maxTokens: 14, longer: "cut" };

// How the second scene of a picture is known to show it; the first has number `id`.
const EVIDENCE: readonly ((id: number) => [Partial<StoredPicture>, Partial<StoredPicture>])[] = [
  (id) => [{ key: `coco:${id}` }, { key: `coco:${id}` }],
  (id) => [{ key: `coco:${id}` }, { key: `vg:${id}`, linkedKeys: [`coco:${id}`] }],
  (id) => [{ key: `vg:${id}`, linkedKeys: [`coco:${id}`] }, { key: `coco:${id}` }],
  (id) => [
    { key: `vg:${id}`, linkedKeys: [`coco:x${id}`] },
    { key: `vg:second${id}`, linkedKeys: ["coco:other", `coco:x${id}`] },
  ],
  (id) => [{ flickrPhotoId: `7${id}` }, { flickrPhotoId: `7${id}` }],
  (id) => [{ sha256: `bytes ${id}` }, { sha256: `bytes ${id}` }],
  (id) => [{ sourceSha256: `file ${id}` }, { sourceSha256: `file ${id}` }],
  (id) => [{ pixelSha256: `pixels ${id}` }, { pixelSha256: `pixels ${id}` }],
];

// Spellings of one meaning; the last two differ beyond what is left after cutting.
const SPELLINGS: readonly ((word: string) => string)[] = [
  (word) => word,
  (word) => `${word.toUpperCase()}!`,
  (word) => `  "${word.replace("a", "\u00E1")}"\u3000`,
  (word) => Array.from(word, (letter) => `${letter}\u200B`).join(""),
  (word) => word.replaceAll(/[a-z]/g, (letter) => fullWidth(letter)),
  (word) => `${word}zzzz and a dog`,
  (word) => `${word}zzzz or a cat`,
];

/** Every second picture is shown by two scenes; every text is there in several spellings. */
export function plantedScenes(): PlantedScenes {
  const pictures = Int32Array.from({ length: NUM_SCENES }, (_, index) =>
    index % 4 < 2 ? Math.floor(index / 4) : NUM_SCENES + index,
  );
  const meanings: number[][] = [];
  const heads = Array.from({ length: NUM_SCENES }, (_, index) => {
    const own = Array.from({ length: 1 + (index % 5) }, (_unused, part) =>
      meaningOf(index * 7 + part * part * 13),
    );
    meanings.push(own.map(({ meaning }) => meaning));
    const pair = Math.floor(index / 4);
    const evidence = EVIDENCE[pair % EVIDENCE.length]?.(pair);
    const facts = index % 4 < 2 ? evidence?.[index % 4] : { key: `coco:alone${index}` as const };
    return scene(
      index,
      own.map(({ text }) => text),
      facts,
    );
  });
  return { heads, pictures, meanings };
}

function meaningOf(place: number): { meaning: number; text: string } {
  const meaning = place % NUM_MEANINGS;
  const spelling = SPELLINGS[place % SPELLINGS.length] ?? String;
  // The cut spellings mean another thing than the plain ones: their words end differently.
  const isCut = place % SPELLINGS.length >= 5;
  const text = spelling(`a${String(meaning).padStart(6, "0")}x`);
  return { meaning: isCut ? NUM_MEANINGS + meaning : meaning, text };
}

function fullWidth(letter: string): string {
  return String.fromCodePoint(letter.charCodeAt(0) + 0xfee0);
}

/** What became of so many unmatched pairs. */
export interface PairCount {
  readonly numPairs: number;
  /** Unmatched pairs whose picture or text is the same by construction. */
  readonly falseNegatives: number;
  /** How often each scene was the unmatched one. */
  readonly drawn: Int32Array;
  readonly numRedraws: number;
}

/** Draws at least `count` unmatched pairs and judges each by construction. */
export async function countFalseNegatives(
  count: number,
  planted: PlantedScenes,
  pairing: PairingOptions,
): Promise<PairCount> {
  const { heads, meanings, pictures } = planted;
  const scenes = lookup(heads);
  const meaningOfText = new Map(
    heads.flatMap(({ texts }, index) =>
      texts.map(({ id }, part) => [id, meanings[index]?.[part]] as const),
    ),
  );
  const drawn = new Int32Array(heads.length);
  let [numPairs, falseNegatives, numRedraws] = [0, 0, 0];
  for (let draw = 0; numPairs < count; draw += 1) {
    const sampleIndex = draw % heads.length;
    const key = { seed: 22, epoch: Math.floor(draw / heads.length), sampleIndex };
    const found = await pairSample(key, { scenes, pairing, rules });
    numRedraws += found.numRedraws;
    for (const pair of found.pairs) {
      if (pair.matched) continue;
      const owner = pair.sampleIndex;
      const isSamePicture = pictures[owner] === pictures[found.pictureIndex];
      const isTrue = meanings[found.pictureIndex]?.includes(meaningOfText.get(pair.text.id) ?? -1);
      falseNegatives += Number(isSamePicture || isTrue === true);
      numPairs += 1;
      const other = found.pictureIndex === sampleIndex ? owner : found.pictureIndex;
      drawn[other] = (drawn[other] ?? 0) + 1;
    }
  }
  return { numPairs, falseNegatives, drawn, numRedraws };
}
