import type { TrainedSystem } from "./demo-systems.ts";
import type { DemoResult } from "./demo.ts";

/** What held-out small-world scenes have to reach: a model that ignores pictures or texts stays at chance. */
const EXPECTED_MATCHING = 0.8;
const EXPECTED_TIMES_CHANCE = 10;
/** A masked color, which only the picture decides (T-17). */
const EXPECTED_COLORS = 0.95;
/** Deviations from chance beside another picture. */
const ALLOWED_DEVIATIONS = 3;

export interface KeptPromise {
  readonly text: string;
  readonly isKept: boolean;
}

/** What the demo promises and whether it came true. */
export function promisesOf({ audit, evaluated, planted, trained }: DemoResult): KeptPromise[] {
  const { matching, retrieval } = evaluated;
  const { chance, pictureToText, textToPicture } = retrieval.metrics;
  const timesImage = textToPicture.at1 / chance.textToPicture.at1;
  const timesText = pictureToText.at1 / chance.pictureToText.at1;
  return [
    {
      text: `the audit finds every planted leak inside COCO and nothing else: ${planted.numFound} of ${planted.numPlanted}`,
      isKept: planted.numFound === planted.numPlanted,
    },
    {
      text: "nothing is left once the exclusions are applied",
      isKept: audit.after.outcome === "clean",
    },
    {
      text: `image-text matching on held-out scenes at least ${EXPECTED_MATCHING}: ${matching.accuracy.toFixed(3)} (chance ${matching.chance.toFixed(2)})`,
      isKept: matching.accuracy >= EXPECTED_MATCHING,
    },
    {
      text: `R@1 at least ${EXPECTED_TIMES_CHANCE} times chance: text to picture ${timesImage.toFixed(1)} times, picture to text ${timesText.toFixed(1)} times`,
      isKept: timesImage >= EXPECTED_TIMES_CHANCE && timesText >= EXPECTED_TIMES_CHANCE,
    },
    ...trained.map((system) => colorPromise(system)),
  ];
}

function colorPromise({ colors, system }: TrainedSystem): KeptPromise {
  const { accuracy, chance, numQuestions, numScenes, shuffledAccuracy } = colors;
  const deviation = Math.sqrt((chance * (1 - chance)) / numScenes);
  return {
    text: `${system.name} tells masked colors of held-out scenes, over ${EXPECTED_COLORS} with the picture, chance (${chance.toFixed(3)}) beside another: ${accuracy.toFixed(3)} and ${shuffledAccuracy.toFixed(3)} of ${numQuestions}`,
    isKept:
      accuracy > EXPECTED_COLORS && shuffledAccuracy <= chance + ALLOWED_DEVIATIONS * deviation,
  };
}
