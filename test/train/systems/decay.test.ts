import { describe, expect, it } from "vitest";
import { bertBaseUncased } from "../../../src/models/bert/config.ts";
import { embeddingSpecs } from "../../../src/models/bert/embeddings.ts";
import { encoderSpecs } from "../../../src/models/bert/encoder.ts";
import { swinTiny } from "../../../src/models/swin/config.ts";
import { swinSpecs } from "../../../src/models/swin/specs.ts";
import { decaysByShape } from "../../../src/train/systems/system.ts";

const BLOCK = "layers.0.blocks.0";

const ofBlock = (block: string): string[] => [
  `${block}.norm1.weight`,
  `${block}.norm1.bias`,
  `${block}.attn.relative_position_bias_table`,
  `${block}.attn.qkv.bias`,
  `${block}.attn.proj.bias`,
  `${block}.norm2.weight`,
  `${block}.norm2.bias`,
  `${block}.mlp.fc1.bias`,
  `${block}.mlp.fc2.bias`,
];

describe("weights that do not decay", () => {
  it("S-12: are in Swin its norms, biases and bias tables, and no other", () => {
    const specs = swinSpecs({ ...swinTiny, depths: [1, 1], heads: [3, 6] });
    const names = specs.filter((spec) => !decaysByShape(spec)).map(({ name }) => name);
    expect(names).toEqual([
      "patch_embed.proj.bias",
      "patch_embed.norm.weight",
      "patch_embed.norm.bias",
      ...ofBlock(BLOCK),
      "layers.0.downsample.norm.weight",
      "layers.0.downsample.norm.bias",
      ...ofBlock("layers.1.blocks.0"),
      "norm.weight",
      "norm.bias",
    ]);
  });

  it("S-12: leave decay to Swin's kernels, exactly", () => {
    const specs = swinSpecs({ ...swinTiny, depths: [1], heads: [3] });
    expect(specs.filter(decaysByShape).map(({ name }) => name)).toEqual([
      "patch_embed.proj.weight",
      `${BLOCK}.attn.qkv.weight`,
      `${BLOCK}.attn.proj.weight`,
      `${BLOCK}.mlp.fc1.weight`,
      `${BLOCK}.mlp.fc2.weight`,
    ]);
  });

  it("are in BERT those whose names end in bias or lie in a LayerNorm", () => {
    const specs = [...embeddingSpecs(bertBaseUncased), ...encoderSpecs(bertBaseUncased)];
    for (const spec of specs) {
      const isKept = spec.name.endsWith(".bias") || spec.name.includes("LayerNorm");
      expect([spec.name, decaysByShape(spec)]).toEqual([spec.name, !isKept]);
    }
  });
});
