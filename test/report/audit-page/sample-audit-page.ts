import type { AuditPage, PagePair, PagePlace } from "../../../src/report/audit-page/audit-page.ts";

const digest = "5f".repeat(32);

/** The page of an audit with `pairs`, whose pictures are `pictures`. */
export function samplePage(
  pairs: readonly PagePair[],
  pictures: readonly Uint8Array[] = [],
): AuditPage {
  const count = (list: string): number => pairs.filter((pair) => pair.list === list).length;
  return {
    outcome: "leaking",
    summary:
      "6 of 1,200 training pictures of vg/train share key or pixels with 5 of 400 evaluation pictures of coco/test (9c1f00aa77d2)",
    digest,
    training: [{ set: "vg", split: "train", digest: "a1".repeat(32), pictures: 1200, leaked: 6 }],
    against: [{ set: "coco", split: "test", digest: "9c".repeat(32), pictures: 400, leaked: 5 }],
    through: [],
    methods: [
      { name: "names", detail: "key, linked key, Flickr photo id, URL, bytes, pixels" },
      {
        name: "near-duplicates",
        detail: "PDQ within 31 bits of 256, verified by correlation of the aligned pixels",
      },
      { name: "measured recall", detail: "97.1 %, at least 95.8 % with confidence 95 %" },
    ],
    yields: [
      yieldOf("same-key", { pairs: 3, added: 3 }),
      yieldOf("same-flickr-photo", { pairs: 2, added: 1, compared: 2, contradicted: 1 }),
      yieldOf("near-duplicate", { pairs: 2, added: 2 }),
    ],
    matrix: { columns: ["coco/test"], rows: [{ name: "vg/train", cells: [6] }], unit: "pairs" },
    taxonomy: [
      {
        modality: "picture",
        coverage: "between datasets",
        degree: "identical",
        pictures: 4,
      },
    ],
    texts: null,
    totals: {
      leaks: count("leak"),
      suspects: count("suspect"),
      allowed: count("allowed"),
      texts: count("text"),
      exclusions: 6,
    },
    pairs,
    pictures,
    decisions: [],
    notes: [],
  };
}

function yieldOf(
  rule: string,
  found: { pairs: number; added: number; compared?: number; contradicted?: number },
): AuditPage["yields"][number] {
  const { pairs, added, compared = 0, contradicted = 0 } = found;
  return { rule, pairs, added, compared, contradicted, comparable: { train: 1200, eval: 400 } };
}

/** Pair number `index`; its thumbnails are those at 2 · index and 2 · index + 1. */
export function samplePair(index: number, changes: Partial<PagePair> = {}): PagePair {
  const [train, evaluation] = [`vg:${index}`, `coco:${index}`];
  return {
    list: "leak",
    rule: "near-duplicate",
    alsoBy: [],
    kind: "picture · between datasets · near-identical",
    train: samplePlace({ set: "vg", split: "train", scene: train, key: train, picture: 2 * index }),
    eval: samplePlace({
      set: "coco",
      split: "test",
      scene: evaluation,
      key: evaluation,
      picture: 2 * index + 1,
    }),
    chain: [
      {
        from: train,
        to: evaluation,
        rule: "near-duplicate",
        evidence: "12 of 256 bits differ; pixels correlate by 0.981",
      },
    ],
    measures: [
      { name: "distance", detail: "12 of 256 bits" },
      { name: "correlation", detail: "0.981" },
    ],
    proven: false,
    ...changes,
  };
}

function samplePlace(place: Omit<PagePlace, "text" | "label">): PagePlace {
  return { ...place, text: null, label: null };
}

/** A text leak whose texts are given. */
export function sampleTextPair(trainText: string, evalText: string): PagePair {
  const pair = samplePair(0, { list: "text", rule: "same-text", measures: [] });
  return {
    ...pair,
    kind: "text · within one dataset · identical",
    train: { ...pair.train, picture: null, text: trainText, label: "entailment" },
    eval: { ...pair.eval, picture: null, text: evalText, label: null },
    chain: [],
  };
}
