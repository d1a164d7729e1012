import { describe, expect, it } from "vitest";

import type { PairingOptions } from "../../../src/loader/options.ts";
import { pairSample } from "../../../src/loader/pairing/pair-sample.ts";
import { chiSquare, chiSquareLimit } from "../chi-square.ts";
import { lookup, rules, scene } from "./scenes.ts";

const NUM_SCENES = 41;
const scenes = lookup(
  Array.from({ length: NUM_SCENES }, (_, id) =>
    scene(
      id,
      [0, 1, 2].map((part) => `${part} ${id}`),
    ),
  ),
);

async function counts(
  pairing: PairingOptions,
  numEpochs: number,
): Promise<{ distance: number[]; part: number[]; labels: number[] }> {
  const distance = Array.from({ length: NUM_SCENES - 1 }, () => 0);
  const [part, labels] = [
    [0, 0, 0],
    [0, 0],
  ];
  for (let draw = 0; draw < numEpochs * NUM_SCENES; draw += 1) {
    const sampleIndex = draw % NUM_SCENES;
    const key = { seed: 8, epoch: Math.floor(draw / NUM_SCENES), sampleIndex };
    const { pairs, pictureIndex } = await pairSample(key, { scenes, pairing, rules });
    for (const { matched, sampleIndex: owner, text } of pairs) {
      labels[Number(matched)] = (labels[Number(matched)] ?? 0) + 1;
      const textPart = Number(text.id.split("-")[1]);
      part[textPart] = (part[textPart] ?? 0) + 1;
      if (matched) continue;
      const other = owner === sampleIndex ? pictureIndex : owner;
      const place = (other - sampleIndex + NUM_SCENES) % NUM_SCENES;
      distance[place - 1] = (distance[place - 1] ?? 0) + 1;
    }
  }
  return { distance, part, labels };
}

describe("The distribution of pairs, by chi-square at 0.0001", () => {
  it.each([
    [{ kind: "matched-unmatched", matched: 2, unmatched: 2 }],
    [{ kind: "bernoulli", probability: 0.5, replace: "picture" }],
    [{ kind: "bernoulli", probability: 0.5, replace: "text" }],
    [{ kind: "bernoulli", probability: 0.5, replace: "either" }],
  ] as const)("is uniform over other scenes, texts and labels: %o", async (pairing) => {
    const { distance, labels, part } = await counts(pairing, 150);
    expect(chiSquare(distance)).toBeLessThan(chiSquareLimit(NUM_SCENES - 2));
    expect(chiSquare(part)).toBeLessThan(chiSquareLimit(2));
    expect(chiSquare(labels)).toBeLessThan(chiSquareLimit(1));
  });
});
