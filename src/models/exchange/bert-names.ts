import { type NameLayout, type NameRule, without } from "./name-layout.ts";

// Ours are transformers' names of a BertModel without its prefix; heads keep the names of the released code.

/** Positions that follow from their number; copies of weights that are tied to an embedding. */
const DERIVED = /\.position_ids$|^cls\.predictions\.decoder\.|^feat_regress\.weight$/;

const ROOTS = ["embeddings", "encoder", "pooler"] as const;

/** The head of Masked Language Modelling. */
const MLM_RULE: NameRule = { ours: "mlm_head.*", theirs: ["cls.predictions.*"] };

/** Norms of BERT's first PyTorch files have TensorFlow's names. */
function respelled(name: string): string {
  return name.replace(/\.gamma$/, ".weight").replace(/\.beta$/, ".bias");
}

function rootRules(roots: readonly string[], prefix: string): NameRule[] {
  return roots.map((root) => ({ ours: `${root}.*`, theirs: [`${prefix}.${root}.*`] }));
}

/** Text of one segment is given row 0 of the token types. */
const sharedRow = {
  table: "embeddings.token_type_embeddings.weight",
  into: "embeddings.position_embeddings.weight",
  rows: 2, // Devlin et al. 2019: sentence A and sentence B
} as const;

export const bertLayout: NameLayout = {
  name: "transformers-bert",
  origin: "transformers' BertModel and the models around it, also of its first releases",
  rules: [...rootRules(ROOTS, "bert"), MLM_RULE],
  present: (name) =>
    respelled(without(["module."], name)).replace(/^(?=(?:embeddings|encoder|pooler)\.)/, "bert."),
  derived: DERIVED,
  sharedRow,
};

/** Heads of UNITER's released models, pre-trained and fine-tuned, by the first part of their names. */
const UNITER_HEADS = [
  "feat_regress",
  "region_classifier",
  "rank_output",
  "vqa_output",
  "nlvr2_output",
  "vcr_output",
  "re_output",
  "attn1",
  "attn2",
  "fc",
  "attn_pool",
] as const;

export const uniterLayout: NameLayout = {
  name: "uniter",
  origin: "ChenRocks/UNITER, pre-trained and fine-tuned",
  rules: [
    ...rootRules([...ROOTS, "img_embeddings"], "uniter"),
    MLM_RULE,
    { ours: "itm_head.*", theirs: ["itm_output.*"] },
    ...UNITER_HEADS.map((head) => ({ ours: `${head}.*`, theirs: [`${head}.*`] })),
  ],
  present: (name) =>
    respelled(without(["module.", "bert."], name)).replace(
      /^(?=(?:embeddings|encoder|pooler|img_embeddings)\.)/,
      "uniter.",
    ),
  derived: DERIVED,
};
