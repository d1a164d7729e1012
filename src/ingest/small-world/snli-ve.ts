import type { RandomStream } from "../../core/random.ts";
import { fileNameOf, type CaptionedPicture } from "./flickr30k.ts";
import { asSentence, kindOf, numberWord, rowOf, rowWords, withArticle } from "./phrases.ts";
import { absentKind } from "./questions.ts";
import { colors, type View } from "./scene.ts";
import {
  jsonLines,
  sideOf,
  streamOf,
  type PicturePool,
  type PlantedLeak,
  type WorldPart,
  type WorldPicture,
} from "./world.ts";

type EntailmentLabel = "entailment" | "contradiction" | "neutral";
const labels: readonly EntailmentLabel[] = ["contradiction", "neutral", "entailment"];

// How many of a picture's captions serve as premises.
const PREMISES_PER_PICTURE = 2;

interface Pair {
  readonly picture: WorldPicture;
  readonly split: string;
  readonly pairId: string;
  readonly premiseIndex: number;
  readonly premise: string;
  readonly hypothesis: string;
  readonly label: EntailmentLabel;
  readonly annotatorLabels: readonly EntailmentLabel[];
}

/** SNLI-VE over the pictures of Flickr30K: its splits are Karpathy's, but for the planted pictures. */
export function planSnliVe(
  seed: number,
  captioned: readonly CaptionedPicture[],
  pool: PicturePool,
): WorldPart {
  const moved = movePictures(pool);
  const pairs = captioned.flatMap((entry) => {
    const { split } = entry.picture;
    const own = moved.get(entry.picture) ?? (split === "val" ? "dev" : split);
    return pairsOf(streamOf(seed, "snli-ve", Number(entry.picture.flickrPhotoId)), entry, own);
  });
  const repeated = repeatedPairs(pairs, pool);
  const all = [...pairs, ...repeated.map((pair) => ({ ...pair, split: "train" }))];
  const splits = ["train", "dev", "test"];
  return {
    pictures: [],
    documents: splits.map((split) => ({
      path: `snli-ve/snli_ve_${split}.jsonl`,
      text: jsonLines(all.filter((pair) => pair.split === split).map(recordOf)),
    })),
    leaks: [...[...moved].map(sameKeyLeak), ...repeated.flatMap(repetitionLeaks)],
    texts: all.flatMap(({ premise, hypothesis }) => [premise, hypothesis]),
    numTexts: Object.fromEntries(
      splits.map((split) => [split, all.filter((pair) => pair.split === split).length]),
    ),
  };
}

// As in the real SNLI-VE, some pictures that Flickr30K trains on are evaluation pictures here.
function movePictures(pool: PicturePool): Map<WorldPicture, string> {
  return new Map(["dev", "test", "test"].map((split) => [pool.take("train"), split]));
}

// Two test pairs, of two pictures, are in the training file once more.
function repeatedPairs(pairs: readonly Pair[], pool: PicturePool): Pair[] {
  const wanted: readonly EntailmentLabel[] = ["entailment", "contradiction"];
  return wanted.flatMap((label) => {
    const picture = pool.take("test");
    return pairs.find((pair) => pair.picture === picture && pair.label === label) ?? [];
  });
}

function sameKeyLeak([picture, split]: readonly [WorldPicture, string]): PlantedLeak {
  return {
    kind: "same-key",
    train: sideOf(picture),
    eval: sideOf(picture, { dataset: "snli-ve", split }),
    chain: [picture.key],
  };
}

// A repeated pair brings its picture with it.
function repetitionLeaks({ picture, pairId }: Pair): PlantedLeak[] {
  const train = sideOf(picture, { dataset: "snli-ve", split: "train" });
  const test = sideOf(picture, { dataset: "snli-ve", split: "test" });
  const chain = [picture.key];
  return [
    { kind: "same-key", train, eval: test, chain },
    {
      kind: "text-with-label",
      train: { ...train, textId: pairId },
      eval: { ...test, textId: pairId },
      chain,
    },
  ];
}

function pairsOf(random: RandomStream, entry: CaptionedPicture, split: string): Pair[] {
  const { picture, captions } = entry;
  return captions.slice(0, PREMISES_PER_PICTURE).flatMap((caption, premiseIndex) =>
    labels.map((label) => ({
      picture,
      split,
      pairId: `${fileNameOf(picture)}#${premiseIndex}r1${label.slice(0, 1)}`,
      premiseIndex,
      premise: asSentence(caption),
      hypothesis: asSentence(hypothesisOf(label, picture.view, random)),
      label,
      annotatorLabels: annotatorLabelsOf(label, random),
    })),
  );
}

// The writer's label alone, or five of which at least three agree.
function annotatorLabelsOf(label: EntailmentLabel, random: RandomStream): EntailmentLabel[] {
  if (random.nextBoolean(0.8)) return [label];
  const others = [0, 1].map(() => (random.nextBoolean(0.7) ? label : random.pick(labels)));
  return [label, label, label, ...others];
}

function hypothesisOf(label: EntailmentLabel, view: View, random: RandomStream): string {
  switch (label) {
    case "entailment":
      return random.pick(claimsOf(trueTelling(view, random)));
    case "contradiction":
      return random.pick(claimsOf(falseTelling(view, random)));
    case "neutral":
      return random.pick(unknownsOf(view, random));
  }
}

/** What someone says of a picture. */
interface Telling {
  readonly kind: string;
  readonly count: number;
  /** One kind of object before another, when the picture has two to tell apart. */
  readonly order: string | undefined;
}

// Said in the same words whether true or false, so that a hypothesis alone does not give its label away.
function claimsOf({ kind, count, order }: Telling): string[] {
  return [
    `there is ${withArticle(kind)}`,
    `${withArticle(kind)} is in the picture`,
    `the picture shows ${withArticle(kind)}`,
    `there ${count === 1 ? "is one shape" : `are ${numberWord(count)} shapes`} in the picture`,
    ...(order === undefined ? [] : [order, order]),
  ];
}

function trueTelling(view: View, random: RandomStream): Telling {
  return {
    kind: kindOf(random.pick(view.objects)),
    count: view.objects.length,
    order: orderOf(view, (first, last) => [first, last]),
  };
}

function falseTelling(view: View, random: RandomStream): Telling {
  const count = view.objects.length;
  return {
    kind: kindOf(absentKind(view.objects, random)),
    count: random.pick([1, 2, 3].filter((number) => number !== count)),
    order: orderOf(view, (first, last) => [last, first]),
  };
}

function orderOf(
  view: View,
  told: (first: string, last: string) => [string, string],
): string | undefined {
  const row = rowOf(view);
  const [first, last] = [row?.objects.at(0), row?.objects.at(-1)];
  if (row === undefined || first === undefined || last === undefined) return undefined;
  if (kindOf(first) === kindOf(last)) return undefined;
  const [before, after] = told(kindOf(first), kindOf(last));
  return `${withArticle(before)} is ${rowWords[row.axis].before} ${withArticle(after)}`;
}

function unknownsOf(view: View, random: RandomStream): string[] {
  const kind = kindOf(random.pick(view.objects));
  return [
    `the ${kind} is made of paper`,
    `the ${kind} is older than the picture`,
    `a child made the ${kind}`,
  ];
}

function recordOf(pair: Pair): object {
  const { picture, premise, hypothesis } = pair;
  return {
    Flickr30K_ID: picture.flickrPhotoId,
    annotator_labels: pair.annotatorLabels,
    captionID: `${fileNameOf(picture)}#${pair.premiseIndex}`,
    gold_label: pair.label,
    pairID: pair.pairId,
    sentence1: premise,
    sentence1_binary_parse: binaryParse(premise),
    sentence1_parse: treeParse(premise),
    sentence2: hypothesis,
    sentence2_binary_parse: binaryParse(hypothesis),
    sentence2_parse: treeParse(hypothesis),
  };
}

// SNLI carries two parses of each sentence; here a right-branching one and a flat one.
function binaryParse(sentence: string): string {
  return tokensOf(sentence).reduceRight((rest, token) => `( ${token} ${rest} )`);
}

function treeParse(sentence: string): string {
  const leaves = tokensOf(sentence).map((token) => `(${tagOf(token.toLowerCase())} ${token})`);
  return `(ROOT (S ${leaves.join(" ")}))`;
}

function tokensOf(sentence: string): string[] {
  return sentence.match(/[A-Za-z]+|[.,]/g) ?? [];
}

const adjectives = new Set<string>([...colors, "small", "large", "upper", "lower", "older"]);

const tags: Readonly<Record<string, string>> = {
  ...Object.fromEntries(["a", "an", "the", "no", "all", "another"].map((word) => [word, "DT"])),
  ...Object.fromEntries(["one", "two", "three"].map((word) => [word, "CD"])),
  ...Object.fromEntries(["is", "shows"].map((word) => [word, "VBZ"])),
  ...Object.fromEntries(
    ["of", "in", "on", "at", "above", "below", "between"].map((w) => [w, "IN"]),
  ),
  ...Object.fromEntries(["circles", "shapes", "stars", "rings"].map((word) => [word, "NNS"])),
  ".": ".",
  ",": ",",
  and: "CC",
  are: "VBP",
  made: "VBN",
  there: "EX",
  to: "TO",
};

function tagOf(word: string): string {
  return adjectives.has(word) ? "JJ" : (tags[word] ?? "NN");
}
