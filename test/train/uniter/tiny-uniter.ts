import { imageKey } from "../../../src/core/keys.ts";
import type { Batch } from "../../../src/loader/options.ts";
import { uniterReleased } from "../../../src/models/uniter/switches.ts";
import { recipeNamed } from "../../../src/train/recipes/recipe-named.ts";
import type { UniterRecipe, UniterTask } from "../../../src/train/recipes/uniter-recipe.ts";
import type { TrainingRecipe } from "../../../src/train/recipe.ts";
import { uniform } from "../../models/parity-fixture.ts";

/** The recipe, which must be one of UNITER. */
function requireUniter(recipe: TrainingRecipe): UniterRecipe {
  if (recipe.system === "uniter") return recipe;
  throw new RangeError(`${recipe.name} trains ${recipe.system}`);
}

const demo = requireUniter(recipeNamed("demo-uniter"));

export const VOCABULARY_SIZE = 24;
const [CLS, SEP, MASK, FIRST_WORD] = [1, 2, 3, 4];
const [TEXT_TOKENS, REGIONS, FEATURES, CLASSES] = [8, 5, 8, 6];
const PICTURE_SIDE = 100;

/** A model of some thousand weights; texts of up to 8 tokens, up to 5 regions of 8 features. */
export const tinyUniterRecipe: UniterRecipe = {
  ...demo,
  name: "tiny-uniter",
  switches: uniterReleased,
  model: {
    initialScale: "fan-in",
    regionFeatures: FEATURES,
    regionClasses: CLASSES,
    transformer: {
      hiddenSize: 32,
      layers: 2,
      heads: 4,
      intermediateSize: 64,
      maxPositions: 12,
      tokenTypes: 2,
      dropout: 0,
      recompute: false,
    },
  },
  data: { ...demo.data, maxTextTokens: TEXT_TOKENS, maxRegions: REGIONS },
  objectives: { ...demo.objectives, ratios: { itm: 1, mlm: 1, mrfr: 1, mrc: 1, "mrc-kl": 1 } },
};

/** A text and a picture of a made-up world, each by its number; the text of a number is true of the picture of that number. */
export interface TinyPair {
  readonly text: number;
  readonly picture: number;
}

/** Text `text`: [CLS], three to six words, [SEP]. */
function tinyWords(text: number): number[] {
  const draws = uniform(text, "words", [6]);
  const words = [...draws].map((draw) => FIRST_WORD + Math.floor(((draw + 1) / 2) * (VOCABULARY_SIZE - FIRST_WORD))); // prettier-ignore
  return [CLS, ...words.slice(0, 3 + (text % 4)), SEP];
}

const regionCount = (picture: number): number => 2 + (picture % 4);

/** One batch of a task; every second word of matched texts is predicted, and region 1 of each picture. */
export function tinyLoaderBatch(task: UniterTask, pairs: readonly TinyPair[]): Batch {
  const numPairs = pairs.length;
  const isMatched = ({ picture, text }: TinyPair): boolean => text === picture;
  const masksWords = task === "mlm";
  const masksRegions = task !== "mlm" && task !== "itm";
  const texts = pairs.map((pair) => {
    const ids = tinyWords(pair.text);
    return ids.map((id, place) => {
      const isMasked = masksWords && place % 2 === 1 && id >= FIRST_WORD;
      return { id: isMasked ? MASK : id, label: isMasked && isMatched(pair) ? id : -1 };
    });
  });
  const padded = (
    valueOf: (token: { id: number; label: number }) => number,
    pad: number,
  ): Int32Array =>
    // prettier-ignore
    Int32Array.from(
      texts.flatMap((tokens) =>
        Array.from({ length: TEXT_TOKENS }, (_, at) => {
          const token = tokens[at];
          return token === undefined ? pad : valueOf(token);
        }),
      ),
    );
  return {
    epoch: 0,
    batchIndex: 0,
    task,
    shape: {
      numPictures: numPairs,
      textsPerPicture: 1,
      textTokens: TEXT_TOKENS,
      pictureHeight: 0,
      pictureWidth: 0,
      regionsPerPicture: REGIONS,
      featuresPerRegion: FEATURES,
      classesPerRegion: CLASSES,
      hasTextBoxes: false,
      hasRegionMasks: true,
    },
    numPictures: numPairs,
    numPairs,
    numRealPictures: numPairs,
    pixels: new Uint8Array(),
    validHeights: new Int32Array(numPairs).fill(PICTURE_SIDE),
    validWidths: new Int32Array(numPairs).fill(PICTURE_SIDE),
    pictureOfPair: Int32Array.from(pairs.keys()),
    tokenIds: padded(({ id }) => id, 0),
    tokenMask: padded(() => 1, 0),
    mlmLabels: padded(({ label }) => label, -1),
    matched: Int32Array.from(pairs, (pair) => Number(isMatched(pair))),
    numRegions: Int32Array.from(pairs, ({ picture }) => regionCount(picture)),
    regionBoxes: regionValues(pairs, {
      name: "boxes",
      width: 4,
      valueOf: (draw) => 25 * (draw + 1),
    }),
    regionFeatures: regionValues(pairs, {
      name: "features",
      width: FEATURES,
      valueOf: (draw) => draw,
    }),
    classProbabilities: classProbabilitiesOf(pairs),
    maskedRegions: Int32Array.from(
      pairs.flatMap((pair) => Array.from({ length: REGIONS }, (_, at) => Number(masksRegions && at === 1 && isMatched(pair)))), // prettier-ignore
    ),
    textBoxes: new Float32Array(),
    hasTextBox: new Int32Array(),
    keys: pairs.map(({ picture }) => imageKey("coco", picture)),
    textIds: pairs.map(({ text }) => `${text}`),
    statistics: { numRedraws: 0, numRepeats: 0, numCutTexts: 0, numDroppedTexts: 0, skipped: [] },
  };
}

function regionValues(
  pairs: readonly TinyPair[],
  { name, valueOf, width }: { name: string; width: number; valueOf: (draw: number) => number },
): Float32Array {
  const rows = pairs.flatMap(({ picture }) => {
    const drawn = uniform(picture, name, [REGIONS, width]);
    return [...drawn].map((draw, at) =>
      Math.floor(at / width) < regionCount(picture) ? valueOf(draw) : 0,
    );
  });
  return Float32Array.from(rows);
}

/** A softmax as 16-bit floats keep it. */
function classProbabilitiesOf(pairs: readonly TinyPair[]): Float32Array {
  const raw = regionValues(pairs, { name: "classes", width: CLASSES, valueOf: (draw) => Math.exp(3 * draw) }); // prettier-ignore
  const sums = Array.from({ length: raw.length / CLASSES }, (_, row) =>
    raw.subarray(row * CLASSES, (row + 1) * CLASSES).reduce((sum, value) => sum + value, 0),
  );
  return Float32Array.from(
    Float16Array.from(raw, (value, at) => value / (sums[Math.floor(at / CLASSES)] || 1)),
  );
}
