import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { keyedDepth, keyedDropout } from "../../../src/train/step/keyed-dropout.ts";

beforeAll(loadTensorFlow);

interface Place {
  readonly step: number;
  readonly firstPair: number;
  readonly numPairs: number;
}

const keyOf = ({ firstPair, numPairs, step }: Place): Parameters<typeof keyedDepth>[0] => ({
  randomKey: tf.tensor1d([5, step, firstPair], "int32"),
  numPairs,
});

const WHOLE: Place = { step: 1, firstPair: 0, numPairs: 16 };

/** Which pictures' branches are kept at the first `places` places: 0, or 1 over the probability of being kept. */
function kept(place: Place, numPictures: number, places = 1): number[][] {
  const depth = keyedDepth(keyOf(place));
  return Array.from({ length: places }, () => [
    ...depth(0.3)(tf.ones([numPictures, 1, 1])).dataSync(),
  ]);
}

describe("stochastic depth", () => {
  it("S-10: keeps the mean of a branch over 1e4 draws, within 4 sigma", () => {
    const numPictures = 1e4;
    const rate = 0.2;
    const place = { step: 3, firstPair: 0, numPairs: numPictures };
    const branch = tf.ones([numPictures, 2, 1]);
    const drawn = keyedDepth(keyOf(place))(rate)(branch);
    const mean = tf.mean(drawn).dataSync()[0] ?? Number.NaN;
    // One draw is 0 or 1 / (1 - rate): its deviation is the root of rate / (1 - rate).
    const sigma = Math.sqrt(rate / (1 - rate) / numPictures);
    expect(Math.abs(mean - 1)).toBeLessThan(4 * sigma);
    const tokens = tf.reshape<tf.Rank.R2>(drawn, [numPictures, 2]).arraySync();
    expect(tokens.every(([first, second]) => first === second)).toBe(true);
    expect(new Set(tokens.flat())).toEqual(new Set([0, Math.fround(1 / (1 - rate))]));
  });

  it("draws anew at each place and step, and the same again for the same", () => {
    const [first, second] = kept(WHOLE, 16, 2);
    expect(kept(WHOLE, 16)).toEqual([first]);
    expect(second).not.toEqual(first);
    expect(kept({ ...WHOLE, step: 2 }, 16)).not.toEqual([first]);
  });

  it("gives a part of the batch what the whole would: 4 pairs of each picture", () => {
    const [whole = []] = kept(WHOLE, 4);
    const part = kept({ ...WHOLE, firstPair: 8, numPairs: 8 }, 2);
    expect(part).toEqual([whole.slice(2)]);
  });

  it("does not draw what dropout draws", () => {
    const [depth] = kept({ ...WHOLE, numPairs: 64 }, 64);
    const dropout = keyedDropout(0.3, keyOf({ ...WHOLE, numPairs: 64 }));
    expect([...dropout()(tf.ones([64, 1, 1])).dataSync()]).not.toEqual(depth);
  });

  it("S-10: is the identity at rate 0", () => {
    const branch = tf.ones([2, 1, 1]);
    expect(keyedDepth(keyOf(WHOLE))(0)(branch)).toBe(branch);
  });
});
