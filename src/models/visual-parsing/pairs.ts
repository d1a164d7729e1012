import * as tf from "@tensorflow/tfjs-core";
import { tensorOfBytes } from "../../tensor/bytes.ts";
import { wholeDepth } from "../dropout.ts";
import { tensorNamed, type PairModel } from "../pair-model.ts";
import { tensor4 } from "../ranks.ts";
import {
  embedPictures,
  fusePairs,
  languageLogits,
  matchingLogits,
  parsePictures,
  visualParsingSpecs,
  type VisualParsingConfig,
} from "./visual-parsing.ts";

/** Visual Parsing for whoever evaluates or probes it. */
export function visualParsingModel(config: VisualParsingConfig): PairModel {
  return {
    specs: visualParsingSpecs(config),
    buffers: [],
    pictureTensors: ({ numPictures, pixels, shape: { pictureHeight, pictureWidth } }) => ({
      pixels: tensorOfBytes<tf.Rank.R4>(pixels, [numPictures, pictureHeight, pictureWidth, 3]),
    }),
    embed: (weights, pictures) => {
      const parsed = parsePictures(weights, config, {
        pixels: tensor4(tensorNamed(pictures, "pixels")),
        depth: wholeDepth,
      });
      const tokens = embedPictures(weights, config, parsed.tokens);
      return { tokens, mask: tf.ones<tf.Rank.R2>([tokens.shape[0], tokens.shape[1]], "int32") };
    },
    fuse: (weights, { dropout, tokenIds, tokenMask, visual }) =>
      fusePairs(weights, config, { tokenIds, tokenMask, visual: visual.tokens, dropout }),
    matchingLogits: (weights, { text }) => matchingLogits(weights, text),
    languageLogits,
  };
}
