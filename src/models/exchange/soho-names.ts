import { type NameLayout, without } from "./name-layout.ts";

/** The decoder of words is a copy of the embeddings; counts that nothing reads. */
const DERIVED =
  /^mask_l_fc\.weight$|^neck\.vq\.cluster_sum$|\.num_batches_tracked$|\.position_ids$/;

/** Network, neck and head have the released code's names here too. */
const SAME = [
  "backbone.*",
  "neck.conv.*",
  "neck.pos_line.*",
  "neck.gate_fc.*",
  "neck.mask_emb.*",
  "neck.ln.*",
  "neck.vq.embed",
  "neck.vq.embed_avg",
  "neck.vq.cluster_size",
  "head.*",
] as const;

export const sohoLayout: NameLayout = {
  name: "soho",
  origin: "researchmm/soho",
  rules: [
    { ours: "embeddings.*", theirs: ["language.bert.embeddings.*"] },
    { ours: "encoder.*", theirs: ["language.bert.encoder.*"] },
    ...SAME.map((name) => ({ ours: name, theirs: [name] })),
  ],
  present: (name) => without(["module."], name),
  derived: DERIVED,
};
