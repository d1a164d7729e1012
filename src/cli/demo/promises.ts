import type { DemoResult } from "./demo.ts";

/** What held-out small-world scenes have to reach: a model that ignores pictures or texts stays at chance. */
const EXPECTED_MATCHING = 0.8;
const EXPECTED_TIMES_CHANCE = 10;

export interface KeptPromise {
  readonly text: string;
  readonly isKept: boolean;
}

/** What the demo promises and whether it came true. */
export function promisesOf({ audit, evaluated, planted }: DemoResult): KeptPromise[] {
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
  ];
}
