import { type NameLayout, type NameRule, without } from "./name-layout.ts";

// Ours are the official implementation's names (microsoft/Swin-Transformer).

/** Indices and masks that follow from the configuration. */
const DERIVED = /\.(?:relative_position_index|attn_mask)$/;

const BLOCK = "layers.#.blocks.#";
const SAME_RULES: readonly NameRule[] = [
  { ours: "patch_embed.*", theirs: ["patch_embed.*"] },
  { ours: `${BLOCK}.*`, theirs: [`${BLOCK}.*`] },
  { ours: "norm.*", theirs: ["norm.*"] },
];

function unwrapped(name: string): string {
  return without(["module.", "model.", "backbone."], name);
}

export const officialSwinLayout: NameLayout = {
  name: "official-swin",
  isPictureEncoder: true,
  origin: "microsoft/Swin-Transformer",
  rules: [...SAME_RULES, { ours: "layers.#.downsample.*", theirs: ["layers.#.downsample.*"] }],
  present: unwrapped,
  derived: DERIVED,
};

/** timm merges patches at the start of a stage, the official code at the end of the stage before. */
export const timmSwinLayout: NameLayout = {
  name: "timm-swin",
  isPictureEncoder: true,
  origin: "timm's SwinTransformer",
  rules: [...SAME_RULES, { ours: "layers.#.downsample.*", theirs: ["layers.#+1.downsample.*"] }],
  present: unwrapped,
  derived: DERIVED,
};

const THEIR_BLOCK = "swin.encoder.layers.#.blocks.#";
const PROJECTIONS = ["query", "key", "value"] as const;

export const transformersSwinLayout: NameLayout = {
  name: "transformers-swin",
  isPictureEncoder: true,
  origin: "transformers' SwinModel and the models around it",
  rules: [
    {
      ours: "patch_embed.proj.*",
      theirs: ["swin.embeddings.patch_embeddings.projection.*"],
    },
    { ours: "patch_embed.norm.*", theirs: ["swin.embeddings.norm.*"] },
    {
      ours: `${BLOCK}.attn.qkv.*`,
      theirs: PROJECTIONS.map((name) => `${THEIR_BLOCK}.attention.self.${name}.*`),
    },
    { ours: `${BLOCK}.attn.proj.*`, theirs: [`${THEIR_BLOCK}.attention.output.dense.*`] },
    {
      ours: `${BLOCK}.attn.relative_position_bias_table`,
      theirs: [`${THEIR_BLOCK}.attention.self.relative_position_bias_table`],
    },
    { ours: `${BLOCK}.norm1.*`, theirs: [`${THEIR_BLOCK}.layernorm_before.*`] },
    { ours: `${BLOCK}.norm2.*`, theirs: [`${THEIR_BLOCK}.layernorm_after.*`] },
    { ours: `${BLOCK}.mlp.fc1.*`, theirs: [`${THEIR_BLOCK}.intermediate.dense.*`] },
    { ours: `${BLOCK}.mlp.fc2.*`, theirs: [`${THEIR_BLOCK}.output.dense.*`] },
    { ours: "layers.#.downsample.*", theirs: ["swin.encoder.layers.#.downsample.*"] },
    { ours: "norm.*", theirs: ["swin.layernorm.*"] },
  ],
  present: (name) => name.replace(/^(?=(?:embeddings|encoder|layernorm)\.)/, "swin."),
  derived: DERIVED,
};
