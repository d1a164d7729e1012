// node bench/rand-augment.ts: RandAugment on a photograph of 384 x 384 at magnitude 9: each operation, and two drawn ones.
import sharp from "sharp";

import { RandomStream } from "../src/core/random.ts";
import { randAugmentChoices, randAugmented } from "../src/loader/pictures/rand-augment.ts";
import { randAugmentNames } from "../src/loader/pictures/rand-augment-options.ts";
import { realData, realPhotographs } from "../test/real-data.ts";

const SIDE = 384;
const ROUNDS = 25;
const MAGNITUDE = 9;
const [photograph = ""] = await realPhotographs();
const pixels = await sharp(realData("images/coco", photograph))
  .resize(SIDE, SIDE, { fit: "fill" })
  .removeAlpha()
  .raw()
  .toBuffer();
const picture = { pixels, width: SIDE, height: SIDE };

/** The median of so many runs, in milliseconds. */
function medianMs(run: (round: number) => unknown, rounds = ROUNDS): string {
  const times = Array.from({ length: rounds }, (_, round) => {
    const startMs = performance.now();
    run(round);
    return performance.now() - startMs;
  }).toSorted((a, b) => a - b);
  return `${(times[Math.floor(rounds / 2)] ?? 0).toFixed(2)} ms`;
}

for (const name of randAugmentNames) {
  const { apply, value } = randAugmentChoices[name];
  console.log(`${name}: ${medianMs(() => apply(picture, value(MAGNITUDE / 30, picture)))}`);
}
const options = { numOperations: 2, magnitude: MAGNITUDE };
console.log(
  `two drawn operations: ${medianMs((round) => randAugmented(picture, new RandomStream(round), options), 200)}`,
);
