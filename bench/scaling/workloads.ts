import { flatLayout } from "../../src/train/step/flat-weights.ts";
import { recipeNamed } from "../../src/train/recipes/recipe-named.ts";
import { visualParsingConfig } from "../../src/train/recipes/visual-parsing-recipe.ts";
import { visualParsingSpecs } from "../../src/models/visual-parsing/visual-parsing.ts";
import { swinOutputShape } from "../../src/models/swin/stages.ts";
import { requireVisualParsing } from "../../test/train/tiny-run.ts";

const GIGA = 1e9;
/** A multiplication with its addition. */
const FLOPS_OF_A_MULTIPLY_ADD = 2;
/** Backward takes twice as much as forward. */
const STEP_OF_FORWARD = 3;

/** A paper's pre-training step. */
export interface Workload {
  readonly name: string;
  readonly batch: string;
  readonly numWeights: number;
  /** Of one step over the whole batch. */
  readonly flops: number;
  /** The batch cannot be divided further. */
  readonly mostRanks: number;
}

/** Multiply-adds of a BERT-base (12 layers of 768) over `tokens` tokens. */
function bertBase(tokens: number): number {
  const [layers, hidden] = [12, 768];
  return layers * (12 * hidden ** 2 * tokens + 2 * hidden * tokens ** 2);
}

/** Visual Parsing: 2,048 pairs (VP 4.1), which are 512 pictures with four texts. Weights from the code, Swin-B 384 as published. */
export function visualParsing(): Workload {
  const recipe = requireVisualParsing(recipeNamed("pretrain/visual-parsing"));
  const model = visualParsingConfig(recipe, 30_522);
  const { picturesPerBatch: pictures, maxTextTokens, matchedTexts, unmatchedTexts } = recipe.data;
  const texts = matchedTexts + unmatchedTexts;
  const swinAdds = 47 * GIGA; // Liu et al. 2021, table 1: Swin-B, 384 x 384
  const forward = swinAdds + texts * bertBase(swinOutputShape(model.swin).tokens + maxTextTokens);
  return {
    name: "Visual Parsing",
    batch: "512 pictures, 2,048 pairs",
    numWeights: flatLayout(visualParsingSpecs(model)).length,
    flops: STEP_OF_FORWARD * FLOPS_OF_A_MULTIPLY_ADD * pictures * forward,
    mostRanks: pictures,
  };
}

/** SOHO: 4,096 pairs (section 4.1), 1,024 pictures of 600 x 1000 with four texts of 16 tokens; ResNet-101 as published. */
export function soho(): Workload {
  const pictures = 1024;
  const resnet = (7.8 * GIGA * 600 * 1000) / 224 ** 2; // He et al. 2016: 7.8 G multiply-adds at 224 x 224
  const visualTokens = Math.ceil(600 / 64) * Math.ceil(1000 / 64);
  return {
    name: "SOHO",
    batch: "1,024 pictures, 4,096 pairs",
    numWeights: 44_500_000 + 110_000_000, // ResNet-101 and BERT-base, as published
    flops:
      STEP_OF_FORWARD *
      FLOPS_OF_A_MULTIPLY_ADD *
      pictures *
      (resnet + 4 * bertBase(visualTokens + 16)),
    mostRanks: pictures,
  };
}

/** UNITER-base: 10,240 tokens on each of 8 GPUs, 6 times accumulated (released code, all data); sequences of about 60 tokens. */
export function uniter(): Workload {
  const [tokens, length] = [8 * 6 * 10_240, 60];
  return {
    name: "UNITER-base",
    batch: "491,520 tokens",
    numWeights: 110_000_000, // BERT-base, as published
    flops: STEP_OF_FORWARD * FLOPS_OF_A_MULTIPLY_ADD * (tokens / length) * bertBase(length),
    mostRanks: Math.floor(tokens / length),
  };
}
