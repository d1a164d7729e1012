import { isProven } from "../../audit/results/decisions.ts";
import type { ReviewDecision } from "../../audit/results/decisions.ts";
import type { LeakKind, NearEvidence, Suspect, TextLeak, TextPlace } from "../../audit/findings.ts";
import { sharedByRule } from "../../audit/rules.ts";
import type { AuditVerdict, Leak, PicturePlace } from "../../audit/verdict.ts";
import { perMillionText } from "../../audit/verdict-text.ts";
import type {
  AuditPage,
  PageMatrix,
  PageMethod,
  PagePair,
  PagePlace,
} from "../../report/audit-page/audit-page.ts";
import { formatPercent } from "../../report/numbers.ts";

/** What the page of an audit shows beside its verdict. */
export interface PageExtras {
  /** The verdict in a sentence. */
  readonly summary: string;
  readonly notes: readonly string[];
  /** What a person decided before. */
  readonly decisions: readonly ReviewDecision[];
  readonly thumbnails: PageThumbnails;
}

/** The thumbnails of a page, and which of them shows the picture at a place. */
export interface PageThumbnails {
  readonly pictures: readonly Uint8Array[];
  readonly numberAt: (place: PicturePlace) => number | null;
}

/** The verdict as the page of an audit shows it. */
export function auditPage(verdict: AuditVerdict, extras: PageExtras): AuditPage {
  const { checked, numPairs, numSuspects, numTextLeaks, review } = verdict;
  const { numberAt, pictures } = extras.thumbnails;
  return {
    outcome: verdict.outcome,
    summary: extras.summary,
    digest: verdict.digest,
    training: checked.training,
    against: checked.against,
    through: checked.through,
    methods: methodsOf(verdict),
    yields: verdict.yields
      .filter(({ comparable, pairs }) => pairs > 0 || (comparable.train > 0 && comparable.eval > 0))
      .map((its) => ({ ...its, rule: its.rule === "chain" ? "any, or a chain" : its.rule })),
    matrix: matrixOf(verdict),
    taxonomy: verdict.kinds.map(({ kind, pictures: count }) => ({
      modality: kind.modality.replaceAll("-", " "),
      coverage: kind.coverage.replaceAll("-", " "),
      degree: kind.degree,
      pictures: count,
    })),
    texts: textsOf(verdict),
    totals: {
      leaks: numPairs,
      suspects: numSuspects,
      allowed: review?.numAllowed ?? 0,
      texts: numTextLeaks,
      exclusions: verdict.exclusions.length,
    },
    pairs: [
      ...verdict.leaks.map((leak) => leakPair(leak, { list: "leak", numberAt })),
      ...verdict.suspects.map((suspect) => suspectPair(suspect, numberAt)),
      ...(review?.allowed ?? []).map((leak) => leakPair(leak, { list: "allowed", numberAt })),
      ...verdict.textLeaks.map((leak) => textPair(leak, "text")),
      ...(verdict.texts?.alike ?? []).map((leak) => textPair(leak, "alike")),
    ],
    pictures,
    decisions: extras.decisions,
    notes: extras.notes,
  };
}

/** The places of all pictures that the page of a verdict shows, in the order in which it does. */
export function shownPlaces({ leaks, review, suspects }: AuditVerdict): readonly PicturePlace[] {
  const pairs = [...leaks, ...suspects, ...(review?.allowed ?? [])];
  return pairs.flatMap((pair) => [pair.train, pair.eval]);
}

function methodsOf({ near, policy, review, texts }: AuditVerdict): readonly PageMethod[] {
  const names = Object.values(sharedByRule).join(", ");
  const methods = [{ name: "names", detail: `${names}, and chains of these` }];
  if (near === null) {
    methods.push({ name: "near-duplicates", detail: "not looked for" });
  } else {
    const settings = Object.entries(near.settings).map(([name, value]) => `${name} ${value}`);
    methods.push(
      { name: "near-duplicates", detail: near.method },
      { name: "its settings", detail: settings.join(", ") },
      { name: "measured recall", detail: recallWords(near.recall) },
      {
        name: "not comparable",
        detail: `${near.notComparable.train.toLocaleString("en-US")} training and ${near.notComparable.eval.toLocaleString("en-US")} evaluation pictures have too little in them for hashes`,
      },
    );
  }
  methods.push({
    name: "texts",
    detail:
      texts === null
        ? "not compared"
        : `${texts.method}; ${texts.compared.train.toLocaleString("en-US")} training and ${texts.compared.eval.toLocaleString("en-US")} evaluation texts`,
  });
  if (policy !== null) {
    methods.push({ name: `policy ${policy.name}`, detail: policy.summary });
    for (const note of policy.notes) methods.push({ name: `policy ${policy.name}`, detail: note });
  }
  if (review !== null) {
    const { numAllowed, numDenied, numOverruled } = review;
    const words = [
      `${numAllowed.toLocaleString("en-US")} pairs allowed`,
      `${numDenied.toLocaleString("en-US")} suspects denied`,
      `${numOverruled.toLocaleString("en-US")} allowed pairs that stay leaks`,
    ];
    methods.push({
      name: "a person's decisions",
      detail: `${words.join(", ")} (list ${review.sha256.slice(0, 12)})`,
    });
  }
  return methods;
}

function recallWords(recall: NonNullable<AuditVerdict["near"]>["recall"]): string {
  if (recall === null) return "not measured: crossweave calibrate measures it on your pictures";
  const { confidence, falseUpperBound, lowerBound, numPairs } = recall;
  return `${formatPercent(recall.recall)} of ${numPairs.toLocaleString("en-US")} planted copies, at least ${formatPercent(lowerBound)} with confidence ${formatPercent(confidence)}; at most ${perMillionText(falseUpperBound)} false verified pairs per million`;
}

function matrixOf({ checked, matrix }: AuditVerdict): PageMatrix | null {
  if (matrix.length === 0) return null;
  const columns = checked.against.map(splitName);
  const rows = checked.training.map(splitName).map((name) => ({
    name,
    cells: columns.map(
      (column) =>
        matrix.find((cell) => cell.train === name && cell.eval === column)?.trainPictures ?? 0,
    ),
  }));
  return { columns, rows, unit: "training pictures" };
}

function textsOf({ texts }: AuditVerdict): AuditPage["texts"] {
  if (texts === null) return null;
  return {
    yields: texts.yields.map(({ rule, sameLabel, trainTexts }) => ({
      rule: rule === "same-text" || rule === "near-text" ? `${rule} (no leak by itself)` : rule,
      texts: trainTexts,
      sameLabel,
    })),
    columns: [
      "same record",
      "same picture",
      "with the label",
      "another picture",
      "nearly the same",
    ],
    rows: texts.matrix.map((cell) => ({
      train: cell.train,
      eval: cell.eval,
      cells: [cell.sameRecord, cell.samePicture, cell.withLabel, cell.sameText, cell.nearText],
    })),
  };
}

function splitName({ set, split }: { readonly set: string; readonly split: string }): string {
  return `${set}/${split}`;
}

function leakPair(
  leak: Leak,
  shown: { readonly list: "leak" | "allowed"; readonly numberAt: PageThumbnails["numberAt"] },
): PagePair {
  const { alsoBy, chain, contradiction, rule } = leak;
  const near = chain.flatMap((step) => (step.near === undefined ? [] : nearMeasures(step.near)));
  const against =
    contradiction === null
      ? []
      : [
          {
            name: "contradicted",
            detail: `${contradiction.distanceBits} of ${contradiction.hashBits} bits of the hashes differ`,
          },
        ];
  return {
    list: shown.list,
    rule,
    alsoBy,
    kind: kindWords(leak.kind),
    train: picturePlace(leak.train, shown.numberAt),
    eval: picturePlace(leak.eval, shown.numberAt),
    chain: chain.map(({ from, to, rule: step, evidence }) => ({ from, to, rule: step, evidence })),
    measures: [...near, ...against],
    proven: isProven(leak),
  };
}

function suspectPair(suspect: Suspect, numberAt: PageThumbnails["numberAt"]): PagePair {
  return {
    list: "suspect",
    rule: "near-duplicate",
    alsoBy: [],
    kind: "",
    train: picturePlace(suspect.train, numberAt),
    eval: picturePlace(suspect.eval, numberAt),
    chain: [],
    measures: [
      ...nearMeasures(suspect.near),
      { name: "score", detail: `${suspect.score.toFixed(3)} of 1` },
    ],
    proven: false,
  };
}

function textPair(leak: TextLeak, list: "text" | "alike"): PagePair {
  const { evidence, eval: evaluated, kind, rule, sameLabel, similarity, train } = leak;
  const labels = sameLabel === null ? "a side has none" : sameLabel ? "equal" : "different";
  return {
    list,
    rule,
    alsoBy: [],
    kind: kindWords(kind),
    train: textPlace(train),
    eval: textPlace(evaluated),
    chain: [{ from: train.textId, to: evaluated.textId, rule, evidence }],
    measures: [
      { name: "similarity", detail: similarity.toFixed(3) },
      { name: "labels", detail: labels },
    ],
    proven: false,
  };
}

function nearMeasures({
  correlation,
  distanceBits,
  evalView,
  trainView,
}: NearEvidence): PageMethod[] {
  return [
    { name: "distance", detail: `${distanceBits} of 256 bits` },
    { name: "correlation", detail: correlation === null ? "no pixels" : correlation.toFixed(3) },
    { name: "nearest views", detail: `training: ${trainView}; evaluation: ${evalView}` },
  ];
}

function kindWords({ coverage, degree, modality }: LeakKind): string {
  return [modality, coverage, degree]
    .map((word) => word.replace(/-(?!identical)/g, " "))
    .join(" · ");
}

function picturePlace(place: PicturePlace, numberAt: PageThumbnails["numberAt"]): PagePlace {
  const { picture, sceneKey, set, split } = place;
  return {
    set,
    split,
    scene: sceneKey,
    key: picture,
    picture: numberAt(place),
    text: null,
    label: null,
  };
}

function textPlace({ label, sceneKey, set, split, text, textId }: TextPlace): PagePlace {
  return { set, split, scene: sceneKey, key: textId, picture: null, text, label };
}
