import { expect, test } from "vitest";
import { fitPhotographs } from "./fit-photographs.ts";

test("fits the 51 real photographs: R@1 of at least 0.9 both ways on the training captions", async () => {
  const { retrieval } = await fitPhotographs({ numPhotographs: "all", settings: [] });
  const { pictureToText, textToPicture, numPictures, numTexts } = retrieval.metrics;
  expect([numPictures, numTexts]).toEqual([51, 255]);
  expect(textToPicture.at1).toBeGreaterThanOrEqual(0.9);
  expect(pictureToText.at1).toBeGreaterThanOrEqual(0.9);
}, 3_600_000);
