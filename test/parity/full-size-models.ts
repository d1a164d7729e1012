import * as tf from "@tensorflow/tfjs-core";
import { attentionBias } from "../../src/models/bert/attention.ts";
import { bertBaseCased, bertBaseUncased, type BertConfig } from "../../src/models/bert/config.ts";
import { embeddingSpecs, embedText } from "../../src/models/bert/embeddings.ts";
import { encode, encoderSpecs } from "../../src/models/bert/encoder.ts";
import {
  bertLanguageHead,
  type LanguageHead,
  languageHeadLogits,
  languageHeadSpecs,
} from "../../src/models/bert/language-head.ts";
import { noDropout, wholeDepth } from "../../src/models/dropout.ts";
import { matrix, tensor4 } from "../../src/models/ranks.ts";
import {
  resNet101,
  resNet18,
  resNet50,
  resNetBuffers,
  resNetSpecs,
  type ResNetConfig,
} from "../../src/models/resnet/config.ts";
import { resNetForward } from "../../src/models/resnet/resnet.ts";
import { swinBase384, swinTiny, type SwinConfig } from "../../src/models/swin/config.ts";
import { swinSpecs } from "../../src/models/swin/specs.ts";
import { swinForward } from "../../src/models/swin/swin.ts";
import type { Weights, WeightSpec } from "../../src/models/weights.ts";
import { uniform } from "../models/parity-fixture.ts";

/** How far from the float64 reference an output and a gradient may be: table 5.2 of the reference. */
interface Tolerances {
  /** Largest absolute difference, by output; not said for ResNets. */
  readonly outputs?: Readonly<Record<string, number>>;
  /** Relative difference in the L2 norm of all outputs; not said for some. */
  readonly relative?: number;
  /** Relative difference in the L2 norm, each weight's gradient; undefined: no gradient is compared. */
  readonly gradient: number | undefined;
}

/** One of the parts of full_size.py on our side. */
export interface FullSizeModel {
  readonly part: string;
  readonly layout: string;
  readonly specs: readonly WeightSpec[];
  readonly buffers: readonly WeightSpec[];
  readonly forward: (weights: Weights, seed: number) => Readonly<Record<string, tf.Tensor>>;
  readonly tolerances: Tolerances;
}

function picture(seed: number, batch: number, side: number): tf.Tensor4D {
  const shape = [batch, side, side, 3];
  return tensor4(tf.tensor(uniform(seed, "pixels", shape), shape));
}

function swinModel(part: string, config: SwinConfig, largest: number): FullSizeModel {
  return {
    part,
    layout: "transformers-swin",
    specs: swinSpecs(config),
    buffers: [],
    forward: (weights, seed) => {
      const pixels = picture(seed, 1, config.imageSize);
      return { tokens: swinForward(weights, config, { pixels, depth: wholeDepth }).tokens };
    },
    tolerances: { outputs: { tokens: largest }, relative: 1e-5, gradient: 1e-4 },
  };
}

const TEXTS = 2;
const TOKENS = 64;
/** The second text is shorter. */
const REAL_TOKENS = [TOKENS, 50] as const;
const PREDICTED = 4;
const head: LanguageHead = { ...bertLanguageHead, name: "mlm_head" };

function bertModel(part: string, config: BertConfig): FullSizeModel {
  return {
    part,
    layout: "transformers-bert",
    specs: [...embeddingSpecs(config), ...encoderSpecs(config), ...languageHeadSpecs(config, head)],
    buffers: [],
    forward: (weights, seed) => bertOutputs(weights, config, seed),
    tolerances: { outputs: { states: 1e-4, logits: 2e-4 }, gradient: 1e-4 },
  };
}

function bertOutputs(
  weights: Weights,
  config: BertConfig,
  seed: number,
): Readonly<Record<string, tf.Tensor>> {
  const shape: [number, number] = [TEXTS, TOKENS];
  const ids = Int32Array.from(uniform(seed, "ids", shape), (value) =>
    Math.max(1, Math.floor((value * 0.5 + 0.5) * config.vocabularySize)),
  );
  const types = Int32Array.from(uniform(seed, "types", shape), (value) => Number(value > 0));
  const isReal = REAL_TOKENS.flatMap((real) =>
    Array.from({ length: TOKENS }, (_, place) => Number(place < real)),
  );
  const states = encode(weights, config, {
    tokens: embedText(weights, {
      tokenIds: tf.tensor2d(ids, shape, "int32"),
      tokenTypes: tf.tensor2d(types, shape, "int32"),
      dropout: noDropout,
    }),
    bias: attentionBias(tf.tensor2d(isReal, shape, "int32")),
    dropout: noDropout,
  });
  const chosen = tf.slice(states, [0, 0, 0], [TEXTS, PREDICTED, config.hiddenSize]);
  const rows = matrix(tf.reshape(chosen, [TEXTS * PREDICTED, config.hiddenSize]));
  const logits = languageHeadLogits(weights, head, rows);
  return { states, logits: tf.reshape(logits, [TEXTS, PREDICTED, config.vocabularySize]) };
}

interface ResNetCase {
  readonly config: ResNetConfig;
  readonly mode: "eval" | "train";
  /** Of the picture; at 64 the residual branches are tamed, as full_size.py says. */
  readonly side: 64 | 224;
  readonly gradient: number | undefined;
}

function resNetModel(part: string, { config, gradient, mode, side }: ResNetCase): FullSizeModel {
  return {
    part,
    layout: "transformers-resnet",
    specs: resNetSpecs(config),
    buffers: resNetBuffers(config),
    forward: (weights, seed) => {
      const pixels = picture(seed, side === 64 ? 4 : 1, side);
      const run = { mode, frozenParts: 0, collect: () => undefined };
      return { grid: resNetForward(weights, config, { pixels, run }) };
    },
    // Relative: untrained, ResNet-101's features are of the size of 10^5.
    tolerances: { relative: 1e-4, gradient },
  };
}

const asUsed = { mode: "eval", side: 224, gradient: undefined } as const;
const tamed = { mode: "eval", side: 64 } as const;
const training = { mode: "train", side: 64 } as const;

/** The models of table 5.2 at their full size. */
export const fullSizeModels: readonly FullSizeModel[] = [
  swinModel("swin-tiny", swinTiny, 2e-4),
  swinModel("swin-base-384", swinBase384, 3e-4),
  bertModel("bert-base-uncased", bertBaseUncased),
  bertModel("bert-base-cased", bertBaseCased),
  resNetModel("resnet-18", { config: resNet18, ...asUsed }),
  resNetModel("resnet-50", { config: resNet50, ...asUsed }),
  resNetModel("resnet-101", { config: resNet101, ...asUsed }),
  resNetModel("resnet-18-eval", { config: resNet18, ...tamed, gradient: 1e-3 }),
  resNetModel("resnet-50-eval", { config: resNet50, ...tamed, gradient: 5e-2 }),
  resNetModel("resnet-18-train", { config: resNet18, ...training, gradient: 1e-2 }),
  // The table has a tolerance of the forward pass alone for these.
  resNetModel("resnet-50-train", { config: resNet50, ...training, gradient: undefined }),
  resNetModel("resnet-101-train", { config: resNet101, ...training, gradient: undefined }),
];
