import type { WeightSpec } from "../weights.ts";
import { normSpecs } from "../weights.ts";
import { runningSpecs } from "./batch-norm.ts";

/** A residual network (He et al. 2016) without its classifier; weights carry torchvision's names. */
export interface ResNetConfig {
  /** Two 3x3 convolutions, or 1x1, 3x3 and 1x1 with four times the channels at the end. */
  readonly block: "basic" | "bottleneck";
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Channels after the stem, and of the first stage's 3x3 convolutions; each later stage has twice as many. */
  readonly width: number;
}

const WIDTH = 64;

/** He et al. 2016, table 1. */
export const resNet18: ResNetConfig = { block: "basic", depths: [2, 2, 2, 2], width: WIDTH };
export const resNet50: ResNetConfig = { block: "bottleneck", depths: [3, 4, 6, 3], width: WIDTH };
export const resNet101: ResNetConfig = { block: "bottleneck", depths: [3, 4, 23, 3], width: WIDTH };

const BOTTLENECK_EXPANSION = 4;
const STEM_SIZE = 7;

export interface Convolution {
  readonly name: string;
  readonly norm: string;
  readonly inputs: number;
  readonly outputs: number;
  /** Odd; half of it is padded with zeros on each side. */
  readonly size: number;
  readonly stride: number;
}

export interface ResNetBlock {
  /** One after the other, with a ReLU between them. */
  readonly convolutions: readonly Convolution[];
  /** On the way around, where the shape changes. */
  readonly shortcut: Convolution | undefined;
}

/** The 7x7 convolution before the first pooling. */
export function stemOf({ width }: ResNetConfig): Convolution {
  return { name: "conv1", norm: "bn1", inputs: 3, outputs: width, size: STEM_SIZE, stride: 2 };
}

/** Channels of the last stage. */
export function resNetChannels(config: ResNetConfig): number {
  return stageChannels(config, config.depths.length - 1).outer;
}

/** The blocks of each stage. */
export function stagesOf(config: ResNetConfig): readonly (readonly ResNetBlock[])[] {
  return config.depths.map((depth, stage) =>
    Array.from({ length: depth }, (_, index) => blockOf(config, stage, index)),
  );
}

/** All convolutions of the stem, then of each stage: parts that are frozen from the front. */
export function partsOf(config: ResNetConfig): readonly (readonly Convolution[])[] {
  const stages = stagesOf(config).map((blocks) =>
    blocks.flatMap(({ convolutions, shortcut }) =>
      shortcut === undefined ? convolutions : [...convolutions, shortcut],
    ),
  );
  return [[stemOf(config)], ...stages];
}

export function resNetSpecs(config: ResNetConfig): WeightSpec[] {
  return partsOf(config).flat().flatMap(convolutionSpecs);
}

/** Running mean and variance of each batch normalisation. */
export function resNetBuffers(config: ResNetConfig): WeightSpec[] {
  return partsOf(config)
    .flat()
    .flatMap(({ norm, outputs }) => runningSpecs(norm, outputs));
}

/** The names of the weights of each part: the stem, then the stages. */
export function partNames(config: ResNetConfig): readonly (readonly string[])[] {
  return partsOf(config).map((part) => part.flatMap(convolutionSpecs).map(({ name }) => name));
}

function convolutionSpecs({ inputs, name, norm, outputs, size }: Convolution): WeightSpec[] {
  return [
    { name: `${name}.weight`, shape: [outputs, inputs, size, size], initialisation: "he-fan-out" },
    ...normSpecs(norm, outputs),
  ];
}

function stageChannels(
  { block, width }: ResNetConfig,
  stage: number,
): { readonly inner: number; readonly outer: number } {
  const inner = width * 2 ** stage;
  return { inner, outer: block === "basic" ? inner : BOTTLENECK_EXPANSION * inner };
}

function blockOf(config: ResNetConfig, stage: number, index: number): ResNetBlock {
  const { inner, outer } = stageChannels(config, stage);
  const before = stage === 0 ? config.width : stageChannels(config, stage - 1).outer;
  const inputs = index === 0 ? before : outer;
  const stride = index === 0 && stage > 0 ? 2 : 1;
  const block = `layer${stage + 1}.${index}`;
  const shortcut = {
    name: `${block}.downsample.0`,
    norm: `${block}.downsample.1`,
    inputs,
    outputs: outer,
    size: 1,
    stride,
  };
  return {
    convolutions: convolutionsOf(config, block, { inputs, inner, outer, stride }),
    shortcut: stride === 1 && inputs === outer ? undefined : shortcut,
  };
}

interface BlockShape {
  readonly inputs: number;
  readonly inner: number;
  readonly outer: number;
  readonly stride: number;
}

function convolutionsOf(
  config: ResNetConfig,
  block: string,
  { inner, inputs, outer, stride }: BlockShape,
): Convolution[] {
  const named = (place: number): { readonly name: string; readonly norm: string } => ({
    name: `${block}.conv${place}`,
    norm: `${block}.bn${place}`,
  });
  if (config.block === "basic") {
    return [
      { ...named(1), inputs, outputs: inner, size: 3, stride },
      { ...named(2), inputs: inner, outputs: outer, size: 3, stride: 1 },
    ];
  }
  return [
    { ...named(1), inputs, outputs: inner, size: 1, stride: 1 },
    // The stride stands on the 3x3 convolution, as in torchvision ("v1.5"); in the paper it is on the first.
    { ...named(2), inputs: inner, outputs: inner, size: 3, stride },
    { ...named(3), inputs: inner, outputs: outer, size: 1, stride: 1 },
  ];
}
