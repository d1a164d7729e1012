// node bench/rand-augment.ts: time of each operation of RandAugment on a picture of 384 x 384, magnitude 9.
import { RandomStream } from "../src/core/random.ts";
import { randAugmentChoices } from "../src/loader/pictures/rand-augment.ts";

const SIDE = 384;
const ROUNDS = 15;
const draws = new RandomStream(1);
const pixels = Uint8Array.from({ length: SIDE * SIDE * 3 }, () => draws.nextInt(256));
const picture = { pixels, width: SIDE, height: SIDE };
for (const [name, { apply, value }] of Object.entries(randAugmentChoices)) {
  const times = Array.from({ length: ROUNDS }, () => {
    const startMs = performance.now();
    apply(picture, value(9 / 30, picture));
    return performance.now() - startMs;
  }).toSorted((a, b) => a - b);
  console.log(`${name}: ${(times[Math.floor(ROUNDS / 2)] ?? 0).toFixed(2)} ms`);
}
