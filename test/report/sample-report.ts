import { RandomStream } from "../../src/core/random.ts";
import type {
  CurvePoint,
  ReportPicture,
  ReportVerdict,
  RetrievalDirection,
  RunReport,
} from "../../src/report/run-report.ts";

/** The smallest JPEG signature that counts as one; enough where the picture is not looked at. */
export const emptyPicture: ReportPicture = {
  name: "coco:1",
  bytes: Uint8Array.of(0xff, 0xd8, 0xff, 0xd9),
};

/** A loss that falls from `start` towards `end` with noise. */
export function madeUpLoss(start: number, end: number, numPoints: number): CurvePoint[] {
  const random = new RandomStream(start * 1000, numPoints);
  return Array.from({ length: numPoints }, (_, index) => {
    const decay = Math.exp((-5 * index) / numPoints);
    const value = (end + (start - end) * decay) * Math.exp(0.15 * random.nextGaussian());
    return { step: (index + 1) * 2, value };
  });
}

const digest = "9f2c4b7a51d3".padEnd(64, "e08f");

export const leakingVerdict: ReportVerdict = {
  outcome: "leaking",
  digest,
  leaks: [
    {
      rule: "same-flickr-photo",
      train: { set: "vg", split: "train", picture: "vg:2415417" },
      eval: { set: "coco", split: "test", picture: "coco:391895" },
      evidence: "Flickr photo 2945213105",
    },
    {
      rule: "same-bytes",
      train: { set: "coco", split: "train", picture: "coco:78499" },
      eval: { set: "coco", split: "test", picture: "coco:112568" },
      evidence: `bytes with sha256 ${digest}`,
    },
  ],
  checked: {
    train: 3012,
    eval: 403,
    training: [
      { set: "coco", split: "train", digest, pictures: 2012, leaked: 1 },
      { set: "vg", split: "train", digest, pictures: 1000, leaked: 1 },
    ],
    against: [
      { set: "coco", split: "val", digest, pictures: 201, leaked: 0 },
      { set: "coco", split: "test", digest, pictures: 202, leaked: 2 },
    ],
  },
  yields: [
    { rule: "same-key", pairs: 0, added: 0 },
    { rule: "same-flickr-photo", pairs: 1, added: 1 },
    { rule: "same-bytes", pairs: 1, added: 1 },
    { rule: "same-pixels", pairs: 2, added: 0 },
  ],
  exclusions: { length: 2 },
};

export const cleanVerdict: ReportVerdict = {
  ...leakingVerdict,
  outcome: "clean",
  leaks: [],
  checked: {
    ...leakingVerdict.checked,
    train: 3010,
    training: [
      { set: "coco", split: "train", digest, pictures: 2011, leaked: 0 },
      { set: "vg", split: "train", digest, pictures: 999, leaked: 0 },
    ],
    against: leakingVerdict.checked.against.map(({ set, split, pictures }) => ({
      set,
      split,
      digest,
      pictures,
      leaked: 0,
    })),
  },
  yields: leakingVerdict.yields.map(({ rule }) => ({ rule, pairs: 0, added: 0 })),
  exclusions: { length: 0 },
};

const captions = [
  "A man in a red shirt rides a bicycle down a busy street.",
  "Two dogs play with a frisbee on the grass.",
  "A plate of food with broccoli and rice on a wooden table.",
  "A train stands at the platform of a small station.",
  "Several people fly kites on a wide beach under a cloudy sky.",
];

/** A report with every section, its pictures taken in turn from those given. */
export function sampleReport(pictures: readonly ReportPicture[] = [emptyPicture]): RunReport {
  const picture = (index: number): ReportPicture =>
    pictures[index % pictures.length] ?? emptyPicture;
  return {
    title: "Visual Parsing on 51 COCO photographs",
    description:
      "Pre-trained from scratch on the training captions of 51 photographs with masked language modelling, image-text matching and masked feature regression; evaluated on the same photographs.",
    retrieval: [
      {
        name: "51 photographs, training captions",
        textToPicture: direction({ numQueries: 255, numCandidates: 51, right: 1 }),
        pictureToText: direction({ numQueries: 51, numCandidates: 255, right: 5 }),
      },
    ],
    accuracies: [
      {
        name: "Image-text matching",
        split: "held-out scenes",
        accuracy: 0.9013,
        chance: 0.5,
        numExamples: 2048,
      },
    ],
    curves: [
      { name: "total loss", points: madeUpLoss(11.2, 0.42, 1250), reference: null },
      {
        name: "masked language modelling",
        points: madeUpLoss(9.3, 0.21, 1250),
        reference: { label: "guessing among 30,522 words", value: Math.log(30_522) },
      },
      {
        name: "image-text matching",
        points: madeUpLoss(0.72, 0.04, 1250),
        reference: { label: "guessing", value: Math.LN2 },
      },
      { name: "masked feature regression", points: madeUpLoss(1.4, 0.35, 1250), reference: null },
      {
        name: "learning rate",
        points: Array.from({ length: 100 }, (_, index) => ({
          step: index * 25,
          value: 7e-4 * Math.min(1, index / 10) * (1 - Math.max(0, index - 10) / 90),
        })),
        reference: null,
      },
    ],
    textQueries: captions.slice(0, 3).map((text, query) => ({
      text,
      rank: query === 2 ? 17 : query + 1,
      numCandidates: 51,
      found: Array.from({ length: 5 }, (_, index) => ({
        picture: picture(query * 5 + index),
        score: 6.2 - index * 1.37,
        isRight: index === query && query < 2,
      })),
      expected: query === 2 ? picture(17) : null,
    })),
    pictureQueries: captions.slice(0, 4).map((_, query) => ({
      picture: picture(query * 3 + 20),
      rank: query === 3 ? 9 : 1,
      numCandidates: 255,
      found: captions.map((text, index) => ({
        text,
        score: 5.8 - index * 0.93,
        isRight: query < 3 && index <= query,
      })),
      expected: query === 3 ? "A cat sleeps on an open laptop." : null,
    })),
    audits: [
      {
        stage: "before the exclusion",
        summary:
          "2 of 3,012 training pictures of coco/train and vg/train share key, Flickr photo id, bytes or pixels with 2 of 403 evaluation pictures of coco/val (9f2c4b7a51d3) and coco/test (9f2c4b7a51d3)",
        verdict: leakingVerdict,
        planted: { numPlanted: 2, numFound: 2 },
      },
      {
        stage: "after the exclusion",
        summary:
          "no picture of 3,010 training pictures of coco/train and vg/train shares key, Flickr photo id, bytes or pixels with 403 evaluation pictures of coco/val (9f2c4b7a51d3) and coco/test (9f2c4b7a51d3)",
        verdict: cleanVerdict,
        planted: null,
      },
    ],
    ledgers: [
      {
        set: "coco",
        counts: [
          ledgerRow("coco/annotations/captions_train2017.json", "image", [80, 26, 0, 0, 54]),
          ledgerRow("coco/annotations/captions_train2017.json", "caption", [400, 130, 0, 0, 270]),
          ledgerRow("coco/annotations/captions_val2017.json", "image", [79, 24, 0, 1, 54]),
          ledgerRow("coco/annotations/captions_val2017.json", "caption", [395, 120, 0, 5, 270]),
        ],
      },
    ],
    recipe: [
      { name: "recipe", value: "visual-parsing-small" },
      { name: "model.vision.patchSize", value: 4 },
      { name: "model.vision.depths", value: "2, 2" },
      { name: "model.transformer.layers", value: 3 },
      { name: "optimizer.vision.learningRate", value: 0.0007 },
      { name: "optimizer.transformer.learningRate", value: 0.0007 },
      { name: "batch.pictures", value: 16 },
      { name: "batch.matchedTexts", value: 2 },
      { name: "batch.unmatchedTexts", value: 2 },
      { name: "mlm.probability", value: 0.15 },
      { name: "augment.flip", value: false },
    ],
    facts: {
      recipe: "visual-parsing-small",
      seed: 17,
      device: "cpu, 2 cores",
      numSteps: 2500,
      seconds: 687.4,
      picturesPerSecond: 58.19,
      dataWaitShare: 0.0123,
      numParameters: 9_812_736,
      versions: [
        { name: "crossweave", version: "0.1.0" },
        { name: "Node", version: "24.21.0" },
        { name: "TensorFlow", version: "2.21.0" },
      ],
      command:
        "crossweave train visual-parsing-small --data shards/coco --out runs/coco51 --seed 17",
    },
  };
}

function direction(size: {
  numQueries: number;
  numCandidates: number;
  right: number;
}): RetrievalDirection {
  const { numQueries, numCandidates, right } = size;
  return {
    numQueries,
    numCandidates,
    recalls: [1, 5, 10].map((k) => ({
      k,
      recall: 1 - 0.05765 / k,
      chance: (k * right) / numCandidates,
    })),
  };
}

function ledgerRow(
  file: string,
  kind: string,
  counts: readonly [number, number, number, number, number],
): RunReport["ledgers"][number]["counts"][number] {
  const [read, written, excluded, quarantined, missing] = counts;
  return { file, kind, read, written, excluded, quarantined, missing };
}
