import * as tf from "@tensorflow/tfjs-core";
import { regionNumbers } from "../../../src/models/uniter/boxes.ts";
import { compactPairs, type CompactionTensors } from "../../../src/models/uniter/compaction.ts";
import { uniterBase, uniterSpecs, type UniterConfig } from "../../../src/models/uniter/config.ts";
import { embedRegions } from "../../../src/models/uniter/image-embedding.ts";
import { uniterPresets, type UniterPreset } from "../../../src/models/uniter/switches.ts";
import { fuseRegions } from "../../../src/models/uniter/uniter.ts";
import { noDropout } from "../../../src/models/dropout.ts";
import type { FusionOutput } from "../../../src/models/pair-model.ts";
import type { Weights, WeightSpec } from "../../../src/models/weights.ts";
import { answerHead, twoLayerHeadSpecs } from "../../../src/models/heads/classifier.ts";
import { choiceHead, referringHeadSpecs } from "../../../src/models/heads/choices.ts";
import { rankHeadSpecs } from "../../../src/models/heads/matching.ts";
import { picturePairHeadSpecs } from "../../../src/models/heads/picture-pairs.ts";
import { uniform } from "../parity-fixture.ts";

// The TypeScript side of fixtures/make_fixtures.py: the same model and the same batch from the same seed.

const TEXT_LENGTHS = [7, 4, 5, 7] as const;
export const REGION_COUNTS = [5, 3, 4, 2] as const;
export const SLOTS = { text: 7, regions: 5 } as const;
export const NUM_PAIRS = 4;
export const SIZES = { vocabulary: 30, hidden: 24, features: 10, classes: 7, answers: 6, heads: 3 };
/** Pair and region. */
export const MASKED = [[0, 1], [0, 4], [2, 2], [3, 0]] as const; // prettier-ignore

export function tinyUniter(preset: UniterPreset): UniterConfig {
  const transformer = {
    ...uniterBase.transformer,
    vocabularySize: SIZES.vocabulary,
    hiddenSize: SIZES.hidden,
    layers: 2,
    heads: SIZES.heads,
    intermediateSize: 40,
    maxPositions: 12,
    dropout: 0,
  };
  return {
    transformer,
    regionFeatures: SIZES.features,
    regionClasses: SIZES.classes,
    switches: uniterPresets[preset],
  };
}

/** The model's weights and those of all heads. */
export function tinySpecs(config: UniterConfig): WeightSpec[] {
  return [
    ...uniterSpecs(config),
    ...twoLayerHeadSpecs(answerHead(SIZES.hidden, SIZES.answers)),
    ...picturePairHeadSpecs("pair-biattn", { hiddenSize: SIZES.hidden }),
    ...twoLayerHeadSpecs(choiceHead(SIZES.hidden)),
    ...referringHeadSpecs(config.switches.referringHead, SIZES.hidden),
    ...rankHeadSpecs(SIZES.hidden),
  ];
}

export interface TinyBatch {
  readonly tokenIds: tf.Tensor2D;
  readonly tokenMask: tf.Tensor2D;
  readonly regionMask: tf.Tensor2D;
  readonly features: tf.Tensor3D;
  readonly boxes: tf.Tensor3D;
  readonly masked: tf.Tensor2D;
}

const PICTURE = { width: 100, height: 80 } as const;

export function tinyBatch(seed: number): TinyBatch {
  const ids = uniform(seed, "tokenIds", [NUM_PAIRS, SLOTS.text]);
  const tokenIds = Int32Array.from(ids, (value) =>
    Math.floor((value + 1) * (SIZES.vocabulary / 2)),
  );
  const masked = new Int32Array(NUM_PAIRS * SLOTS.regions);
  for (const [pair, region] of MASKED) masked[pair * SLOTS.regions + region] = 1;
  const shape = [NUM_PAIRS, SLOTS.regions] as const;
  return {
    tokenIds: tf.tensor2d(tokenIds, [NUM_PAIRS, SLOTS.text], "int32"),
    tokenMask: firstOnes(TEXT_LENGTHS, SLOTS.text),
    regionMask: firstOnes(REGION_COUNTS, SLOTS.regions),
    features: tf.tensor3d(uniform(seed, "features", [...shape, SIZES.features]), [
      ...shape,
      SIZES.features,
    ]),
    boxes: tf.tensor3d(tinyNumbers(seed), [...shape, 7]),
    masked: tf.tensor2d(masked, [...shape], "int32"),
  };
}

function tinyNumbers(seed: number): Float32Array {
  const share = uniform(seed, "boxes", [NUM_PAIRS, SLOTS.regions, 4]);
  const regionBoxes = share.map(
    (value, at) => ((value + 1) / 4) * (at % 2 === 0 ? PICTURE.width : PICTURE.height),
  );
  return regionNumbers(
    {
      regionBoxes,
      // The fixture's pads have boxes too; nothing of them may reach a real token.
      numRegions: new Int32Array(NUM_PAIRS).fill(SLOTS.regions),
      validWidths: new Int32Array(NUM_PAIRS).fill(PICTURE.width),
      validHeights: new Int32Array(NUM_PAIRS).fill(PICTURE.height),
    },
    SLOTS.regions,
  ).numbers;
}

export function firstOnes(counts: readonly number[], width: number): tf.Tensor2D {
  const rows = counts.map((count) => Array.from({ length: width }, (_, at) => Number(at < count)));
  return tf.tensor2d(rows, [counts.length, width], "int32");
}

export function tinyCompaction(): CompactionTensors {
  const { length, mask, places, sources } = compactPairs(
    { texts: TEXT_LENGTHS, regions: REGION_COUNTS },
    SLOTS,
  );
  return {
    sources: tf.tensor1d(sources, "int32"),
    mask: tf.tensor2d(mask, [NUM_PAIRS, length], "int32"),
    places: tf.tensor1d(places, "int32"),
  };
}

/** The model's output of a batch, one picture a pair. */
export function tinyOutput(
  weights: Weights,
  config: UniterConfig,
  { batch, compaction }: { readonly batch: TinyBatch; readonly compaction?: CompactionTensors },
): FusionOutput {
  const { boxes, features, masked, regionMask, tokenIds, tokenMask } = batch;
  const tokens = embedRegions(weights, { features, boxes, masked }, config.switches);
  return fuseRegions(weights, config, {
    tokenIds,
    tokenMask,
    visual: { tokens, mask: regionMask },
    dropout: noDropout,
    ...(compaction && { compaction }),
  });
}
