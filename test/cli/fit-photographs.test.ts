import { expect, test } from "vitest";
import { fitPhotographs } from "./fit-photographs.ts";

// The small share of fit-photographs.slow.ts that every run of the tests can afford.
test("fits eight real photographs: their captions find them, and the pairs are told apart", async () => {
  const { matching, retrieval } = await fitPhotographs({
    numPhotographs: 8,
    settings: [
      "data.picturesPerBatch=8",
      "optimisation.duration.length=160",
      "optimisation.warmupSteps=20",
    ],
  });
  const { chance, pictureToText, textToPicture } = retrieval.metrics;
  expect(chance.textToPicture.at1).toBeCloseTo(1 / 8, 12);
  expect(textToPicture.at1).toBeGreaterThanOrEqual(0.75);
  expect(pictureToText.at1).toBeGreaterThanOrEqual(0.75);
  expect(matching.accuracy).toBeGreaterThanOrEqual(0.9);
}, 600_000);
