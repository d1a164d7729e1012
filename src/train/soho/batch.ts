import * as tf from "@tensorflow/tfjs-core";
import { RandomStream } from "../../core/random.ts";
import type { Batch } from "../../loader/options.ts";
import type { NamedTensors } from "../../models/pair-model.ts";
import { gridExtent, numValidCells } from "../../models/resnet/grid-features.ts";
import { pictureTensors } from "../../models/soho/soho.ts";
import type { SohoRecipe } from "../recipes/soho-recipe.ts";
import { maskedWordTensors, sharesOf } from "../systems/masked-words.ts";
import type { BatchContext, StepBatch } from "../systems/system.ts";
import { batchCounts } from "../visual-parsing/batch.ts";

/** Whether the residual network is trained in a step. */
export const sohoVariants = { frozen: "frozen-backbone", trained: "all-parts" } as const;

/** A batch on the device; the tensors are the caller's to dispose, and the batch must stay as it is until then. */
export function sohoDeviceBatch(
  batch: Batch,
  { recipe, ...context }: BatchContext & { readonly recipe: SohoRecipe },
): StepBatch {
  const { firstPair, seed, step, totals } = context;
  const { numPairs, shape } = batch;
  const isFrozen = context.epoch < recipe.optimisation.frozenVisualEpochs;
  const uniforms = Float32Array.from({ length: numPairs }, (_, pair) =>
    roundedDown(new RandomStream(seed, step, firstPair + pair).nextFloat()),
  );
  // One place for all ranks: keyed by no pair.
  const location = roundedDown(new RandomStream(seed, step).nextFloat());
  return {
    variant: isFrozen ? sohoVariants.frozen : sohoVariants.trained,
    tensors: {
      ...pictureTensors(batch),
      pictureOfPair: tf.tensor1d(batch.pictureOfPair.slice(), "int32"),
      tokenIds: tf.tensor2d(batch.tokenIds.slice(), [numPairs, shape.textTokens], "int32"),
      tokenMask: tf.tensor2d(batch.tokenMask.slice(), [numPairs, shape.textTokens], "int32"),
      matched: tf.tensor1d(batch.matched.slice(), "int32"),
      ...maskedWordTensors(batch.mlmLabels),
      mvmUniforms: tf.tensor1d(uniforms),
      mvmLocation: tf.tensor1d([location]),
      shares: tf.tensor1d(sharesOf(batchCounts(batch), totals)),
      ...restartTensors(batch, { ...context, recipe }),
    },
  };
}

/**
 * A feature of the global batch for each code to begin anew at: a pair is drawn, and a cell that lies in its picture.
 * None where codes never do.
 */
function restartTensors(
  batch: Batch,
  { firstPair, recipe, seed, step, totals }: BatchContext & { readonly recipe: SohoRecipe },
): NamedTensors {
  const { dictionary, resnet } = recipe.model;
  if (dictionary.restartAfterSteps === 0) return {};
  const picture = { height: batch.shape.pictureHeight, width: batch.shape.pictureWidth };
  const grid = gridExtent(picture, resnet.depths.length);
  const [, numPairs = 0] = totals;
  const drawn = Array.from({ length: dictionary.codes }, (_, code) => {
    const random = new RandomStream(seed, step, code, RESTART_DRAWS);
    const pair = random.nextInt(numPairs) - firstPair;
    const place = batch.pictureOfPair[pair];
    // Pairs behind a rank's real ones only fill its share up.
    if (place === undefined || batch.matched[pair] === -1) return { cell: 0, isOwn: 0 };
    const within = { height: batch.validHeights[place] ?? 0, width: batch.validWidths[place] ?? 0 };
    const row = random.nextInt(numValidCells(within.height, picture.height, grid.height));
    const column = random.nextInt(numValidCells(within.width, picture.width, grid.width));
    return { cell: (place * grid.height + row) * grid.width + column, isOwn: 1 };
  });
  return {
    restartPlaces: tf.tensor1d(
      drawn.map(({ cell }) => cell),
      "int32",
    ),
    restartIsOwn: tf.tensor1d(drawn.map(({ isOwn }) => isOwn)),
  };
}

/** Sets these draws apart from those of the masks. */
const RESTART_DRAWS = 1;

/** A number in [0, 1) that float32 does not round up to 1. */
function roundedDown(uniform: number): number {
  return Math.floor(uniform * 2 ** 24) / 2 ** 24;
}
