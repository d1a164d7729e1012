import { type NameLayout, without } from "./name-layout.ts";

/** The decoder of words is a copy of the embeddings; BatchNorm counts its batches. */
const DERIVED = /^mask_l_fc\.weight$|\.num_batches_tracked$|\.position_ids$/;

export const sohoLayout: NameLayout = {
  name: "soho",
  origin: "researchmm/soho",
  rules: [
    { ours: "embeddings.*", theirs: ["language.bert.embeddings.*"] },
    { ours: "encoder.*", theirs: ["language.bert.encoder.*"] },
    { ours: "visual.*", theirs: ["backbone.*"] },
    { ours: "itm_head.*", theirs: ["head.match_class.*"] },
  ],
  present: (name) => without(["module."], name),
  derived: DERIVED,
};
