import * as tf from "@tensorflow/tfjs-core";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  drawNegatives,
  hardestNegatives,
  hardNegativesOf,
  offlineNegatives,
  onlineNegatives,
  tripletLoss,
  TRIPLET_MARGIN,
} from "../../../src/train/objectives/ranking.ts";

beforeAll(loadTensorFlow);

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

describe("the triplet loss", () => {
  it("H-4: is max(0, 0.2 - s+ + s-) on sigmoid scores", () => {
    expect(TRIPLET_MARGIN).toBe(0.2);
    const logits = [[2, 1.5, -3], [0, 0.4, 0.1]]; // prettier-ignore
    const expected = [
      [2, 1.5],
      [2, -3],
      [0, 0.4],
      [0, 0.1], // prettier-ignore
    ].map(([own = 0, other = 0]) => Math.max(0, 0.2 - sigmoid(own) + sigmoid(other)));
    const loss = tripletLoss(tf.tensor2d(logits)).dataSync()[0] ?? Number.NaN;
    expect(loss).toBeCloseTo(expected.reduce((a, b) => a + b, 0) / 4, 6);
    expect(expected[1]).toBe(0);
  });

  it("is 0 where every negative lies a margin below, and has no gradient there", () => {
    const loss = tf.valueAndGrad((x: tf.Tensor) => tripletLoss(tf.reshape(x, [1, 3])))(
      tf.tensor1d([3, -3, -2]),
    );
    expect(loss.value.dataSync()[0]).toBe(0);
    expect([...loss.grad.dataSync()].every((value) => Math.abs(value) === 0)).toBe(true);
  });
});

const isMatch = (candidate: number): boolean => candidate % 7 === 3;

describe("hard negatives", () => {
  it("H-5: 399 are drawn, none a true match, and the best 31 by score are kept", () => {
    const random = new RandomStream(1, 2);
    const drawn = drawNegatives(random, { numCandidates: 5000, isMatch }, onlineNegatives.drawn);
    expect(new Set(drawn).size).toBe(399);
    expect(drawn.some(isMatch)).toBe(false);
    const scores = drawn.map((candidate) => Math.sin(candidate));
    const kept = hardestNegatives(scores, onlineNegatives.kept);
    expect(kept).toHaveLength(31);
    const worst = Math.min(...kept.map((place) => scores[place] ?? Number.NaN));
    expect(scores.filter((score) => score > worst)).toHaveLength(30);
  });

  it("H-5: are drawn by the key alone, and from a small pool all that are no match", () => {
    const pool = { numCandidates: 20, isMatch: (candidate: number) => candidate === 4 };
    const drawn = (seed: number): number[] => drawNegatives(new RandomStream(seed), pool, 399);
    expect(drawn(3)).toEqual(drawn(3));
    expect(drawn(3)).not.toEqual(drawn(4));
    expect(drawn(3).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, candidate) => candidate).filter(
        (candidate) => candidate !== 4,
      ),
    );
  });

  it("are the highest scores, ties to the lowest place, by brute force", () => {
    const scores = fc.array(fc.constantFrom(0, 0.25, 0.5, 1), { maxLength: 12 });
    fc.assert(
      fc.property(scores, fc.nat(12), (values, kept) => {
        const places = values.map((score, place) => ({ score, place }));
        const ranked = places.toSorted((a, b) => b.score - a.score || a.place - b.place);
        expect(hardestNegatives(values, kept)).toEqual(
          ranked.slice(0, kept).map(({ place }) => place),
        );
      }),
    );
  });

  it("offline are the top 20 of what was scored, of each text and of each picture", () => {
    expect(offlineNegatives).toEqual({ drawn: 128, kept: 20 });
    const scored = Array.from({ length: 3 * offlineNegatives.drawn }, (_, at) => ({
      text: at % 3,
      picture: Math.floor(at / 3),
      score: sigmoid(Math.sin(at * 2.1)),
    }));
    const { picturesOfText, textsOfPicture } = hardNegativesOf(scored);
    for (const text of [0, 1, 2]) {
      const own = scored.filter((negative) => negative.text === text);
      const best = own.toSorted((a, b) => b.score - a.score).slice(0, 20);
      expect(picturesOfText.get(text)).toEqual(best.map(({ picture }) => picture));
    }
    expect(textsOfPicture.size).toBe(offlineNegatives.drawn);
    const ofFifth = scored.filter(({ picture }) => picture === 5);
    expect(textsOfPicture.get(5)).toEqual(
      ofFifth.toSorted((a, b) => b.score - a.score).map(({ text }) => text),
    );
  });
});
