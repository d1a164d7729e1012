import { linearSpecs, normSpecs, type WeightSpec } from "../weights.ts";
import type { SwinConfig } from "./config.ts";
import { blocksOf, ownGrid, stagesOf, swinOutputShape, type Block, type Stage } from "./stages.ts";

export function swinSpecs(config: SwinConfig): WeightSpec[] {
  const { patchSize, embedDim } = config;
  const { channels } = swinOutputShape(config);
  return [
    {
      name: "patch_embed.proj.weight",
      shape: [embedDim, 3, patchSize, patchSize],
      initialisation: "truncated-normal",
    },
    { name: "patch_embed.proj.bias", shape: [embedDim], initialisation: "zeros" },
    ...normSpecs("patch_embed.norm", embedDim),
    ...stagesOf(config, ownGrid(config)).flatMap((stage) => stageSpecs(stage, config)),
    ...normSpecs("norm", channels),
  ];
}

function stageSpecs(stage: Stage, config: SwinConfig): WeightSpec[] {
  const { channels } = stage;
  const blocks = blocksOf(stage, config).flatMap((block) => blockSpecs(block, config));
  if (!stage.mergesAfter) return blocks;
  return [
    ...blocks,
    ...normSpecs(`${stage.name}.downsample.norm`, 4 * channels),
    {
      name: `${stage.name}.downsample.reduction.weight`,
      shape: [2 * channels, 4 * channels],
      initialisation: "truncated-normal",
    },
  ];
}

export function blockSpecs({ name, stage }: Block, { mlpRatio }: SwinConfig): WeightSpec[] {
  const { channels, heads, tableWindow } = stage;
  return [
    ...normSpecs(`${name}.norm1`, channels),
    {
      name: `${name}.attn.relative_position_bias_table`,
      shape: [(2 * tableWindow - 1) ** 2, heads],
      initialisation: "truncated-normal",
    },
    ...linearSpecs(`${name}.attn.qkv`, channels, 3 * channels),
    ...linearSpecs(`${name}.attn.proj`, channels, channels),
    ...normSpecs(`${name}.norm2`, channels),
    ...linearSpecs(`${name}.mlp.fc1`, channels, mlpRatio * channels),
    ...linearSpecs(`${name}.mlp.fc2`, mlpRatio * channels, channels),
  ];
}
