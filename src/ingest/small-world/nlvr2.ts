import { imageKey } from "../../core/keys.ts";
import type { RandomStream } from "../../core/random.ts";
import { asSentence, kindOf, numberWord, plural, withArticle } from "./phrases.ts";
import { viewOf, type Rendering } from "./picture.ts";
import { colors, drawPhotograph, shapes, type SceneObject, type View } from "./scene.ts";
import {
  copyOf,
  flickrUrl,
  jsonLines,
  sideOf,
  streamOf,
  type LeakKind,
  type PicturePool,
  type PlantedLeak,
  type WorldPart,
  type WorldPicture,
  type WorldSizes,
} from "./world.ts";

const splits = ["train", "dev", "test1"] as const;
type Split = (typeof splits)[number];

const PAIRS_PER_SET = 4;
// Images of train lie in numbered folders, as many as the release has.
const NUM_DIRECTORIES = 100;

interface PairOfPictures {
  readonly left: WorldPicture;
  readonly right: WorldPicture;
  readonly pairIndex: number;
}

/** Eight pictures in four pairs, of which a writer says something that is true of some pairs. */
interface PictureSet {
  readonly split: Split;
  readonly setId: number;
  readonly pairs: readonly PairOfPictures[];
}

interface Statement {
  readonly text: string;
  readonly isTrue: (left: View, right: View) => boolean;
}

/** NLVR2: statements about pairs of pictures, true by what was drawn; four pairs share each statement. */
export function planNlvr2(
  seed: number,
  sizes: WorldSizes["nlvr2Sets"],
  flickr30k: PicturePool,
): WorldPart {
  const drawn = splits.flatMap((split) => drawPictures(seed, split, sizes[split]));
  const planted = plantLeaks(seed, drawn, flickr30k);
  const replaced = new Map(planted.map(({ picture }) => [picture.key, picture]));
  const pictures = drawn.map((picture) => replaced.get(picture.key) ?? picture);
  const sets = setsOf(pictures);
  const records = sets.map((set) => ({ set, records: recordsOf(seed, set) }));
  const ofSplit = (split: Split) =>
    records.filter(({ set }) => set.split === split).flatMap((entry) => entry.records);
  return {
    pictures,
    documents: splits.map((split) => ({
      path: `nlvr2/${split}.json`,
      text: jsonLines(ofSplit(split)),
    })),
    leaks: planted.map(({ leak }) => leak),
    texts: records.flatMap((entry) => entry.records.map(({ sentence }) => sentence)),
    numTexts: Object.fromEntries(splits.map((split) => [split, ofSplit(split).length])),
  };
}

function drawPictures(seed: number, split: Split, numSets: number): WorldPicture[] {
  return Array.from({ length: numSets * PAIRS_PER_SET * 2 }, (_, index) => {
    const setIndex = Math.floor(index / (PAIRS_PER_SET * 2));
    const pairIndex = Math.floor(index / 2) % PAIRS_PER_SET;
    const random = streamOf(seed, "nlvr2", splits.indexOf(split), index);
    const photograph = drawPhotograph(`nlvr2-${split}-${index}`, random, "any-count");
    const setId = setIdOf(seed, split, setIndex);
    const name = `${split}-${setId}-${pairIndex}-img${index % 2}`;
    const folder = split === "train" ? `train/${setId % NUM_DIRECTORIES}` : split;
    return {
      key: imageKey("nlvr2", name),
      dataset: "nlvr2",
      split,
      path: `nlvr2/images/${folder}/${name}.png`,
      photograph,
      rendering: { kind: "drawn" },
      // Most of the release's .png files are JPEG inside.
      format: random.nextBoolean(0.85) ? "jpeg" : "png",
      view: viewOf(photograph, { kind: "drawn" }),
      flickrPhotoId: null,
      url: `https://pictures.example.org/${random.nextUint32().toString(16)}/${photograph.id}.jpg`,
    };
  });
}

function setIdOf(seed: number, split: Split, setIndex: number): number {
  return setIndex * 7 + streamOf(seed, "nlvr2", splits.indexOf(split), setIndex, 1).nextInt(7);
}

interface Planted {
  readonly picture: WorldPicture;
  readonly leak: PlantedLeak;
}

// Every fifth picture of train, from the first, is a copy of an evaluation picture until the plan ends.
function plantLeaks(
  seed: number,
  drawn: readonly WorldPicture[],
  flickr30k: PicturePool,
): Planted[] {
  const random = streamOf(seed, "nlvr2", 3);
  const [dev, test1] = [ofSplitInOrder(drawn, "dev"), ofSplitInOrder(drawn, "test1")];
  const plans: readonly { kind: LeakKind; original: WorldPicture | undefined }[] = [
    { kind: "same-flickr-photo", original: flickr30k.take("test") },
    { kind: "resized", original: flickr30k.take("test") },
    { kind: "same-bytes", original: test1[2] },
    { kind: "cropped", original: dev[5] },
    { kind: "flipped", original: test1[9] },
    { kind: "re-encoded", original: dev[10] },
  ];
  return plans.flatMap(({ kind, original }, index) => {
    const place = ofSplitInOrder(drawn, "train")[index * 5];
    if (original === undefined || place === undefined) return [];
    const picture = plantPicture(place, original, { kind, random });
    const chain = [picture.key, original.key];
    return [{ picture, leak: { kind, train: sideOf(picture), eval: sideOf(original), chain } }];
  });
}

function ofSplitInOrder(pictures: readonly WorldPicture[], split: Split): WorldPicture[] {
  return pictures.filter((picture) => picture.split === split);
}

function plantPicture(
  place: WorldPicture,
  original: WorldPicture,
  { kind, random }: { readonly kind: LeakKind; readonly random: RandomStream },
): WorldPicture {
  const { photograph, rendering, format, flickrPhotoId } = original;
  const transform: Rendering | undefined = transforms.find((known) => known.kind === kind);
  if (kind === "same-bytes") return { ...copyOf(place, photograph, rendering), format };
  const copy = copyOf(place, photograph, transform ?? { kind: "resized", factor: 0.9 });
  if (kind !== "same-flickr-photo" || flickrPhotoId === null) return copy;
  const url = flickrUrl(flickrPhotoId, "farm-staticflickr", random);
  return { ...copy, flickrPhotoId, url };
}

const transforms: readonly Rendering[] = [
  { kind: "resized", factor: 1.25 },
  { kind: "cropped" },
  { kind: "flipped" },
  { kind: "re-encoded" },
];

function setsOf(pictures: readonly WorldPicture[]): PictureSet[] {
  const bySet = Map.groupBy(pictures, ({ key }) => key.split("-", 2).join("-"));
  return [...bySet.values()].map((ofSet) => {
    const [, setId = ""] = ofSet[0]?.key.split("-") ?? [];
    const split = splits.find((name) => name === ofSet[0]?.split) ?? "train";
    return { split, setId: Number(setId), pairs: pairsOf(ofSet) };
  });
}

function pairsOf(pictures: readonly WorldPicture[]): PairOfPictures[] {
  return Array.from({ length: PAIRS_PER_SET }, (_, pairIndex) => pairIndex).flatMap((pairIndex) => {
    const [left, right] = pictures.slice(pairIndex * 2);
    return left === undefined || right === undefined ? [] : [{ left, right, pairIndex }];
  });
}

interface StatementRecord {
  readonly sentence: string;
  readonly label: "True" | "False";
  readonly identifier: string;
}

function recordsOf(seed: number, set: PictureSet): StatementRecord[] {
  const random = streamOf(seed, "nlvr2", 4 + splits.indexOf(set.split), set.setId);
  const writer = String(1 + random.nextInt(160));
  const shape = random.pick(shapes);
  const query = `group of ${plural(shape)}${random.nextInt(100)}`;
  return chooseStatements(set, random).flatMap((statement, sentenceIndex) =>
    set.pairs.map(({ left, right, pairIndex }) => {
      const label = statement.isTrue(left.view, right.view) ? "True" : "False";
      return {
        validation: judgments(label, 1, random),
        sentence: asSentence(statement.text),
        left_url: left.url,
        right_url: right.url,
        writer,
        label,
        synset: shape,
        query,
        identifier: `${set.split}-${set.setId}-${pairIndex}-${sentenceIndex}`,
        ...(set.split === "train"
          ? { directory: set.setId % NUM_DIRECTORIES }
          : { extra_validations: judgments(label, 4, random) }),
      };
    }),
  );
}

function judgments(label: string, count: number, random: RandomStream): Record<string, string> {
  const workers = random.sampleDistinct(count, 160).map((worker) => String(worker + 1));
  return Object.fromEntries(workers.map((worker) => [worker, label]));
}

/** Two statements of different form, each true of one to three of the four pairs, of two where it can be. */
function chooseStatements(set: PictureSet, random: RandomStream): Statement[] {
  const numTrue = ({ isTrue }: Statement): number =>
    set.pairs.filter(({ left, right }) => isTrue(left.view, right.view)).length;
  const views = set.pairs.flatMap(({ left, right }) => [left.view, right.view]);
  const telling = random.shuffled(statementForms).flatMap((form) => {
    const candidates = random.shuffled(form(views));
    const best = [2, 1, 3].flatMap((n) => candidates.find((c) => numTrue(c) === n) ?? []);
    return best.slice(0, 1);
  });
  const half = telling.filter((statement) => numTrue(statement) === PAIRS_PER_SET / 2);
  return [...half, ...telling.filter((statement) => !half.includes(statement))].slice(0, 2);
}

type StatementForm = (views: readonly View[]) => Statement[];

const statementForms: readonly StatementForm[] = [
  oneSideStatements,
  bothSidesStatements,
  onlyOneStatements,
  totalStatements,
  exactStatements,
  comparisonStatements,
];

function oneSideStatements(views: readonly View[]): Statement[] {
  const nouns = [...new Set(views.flatMap(({ objects }) => objects.flatMap(nounsOf)))];
  return nouns.flatMap((noun) => [
    {
      text: `the left image shows ${withArticle(noun)}`,
      isTrue: (left) => holds(left, noun),
    },
    {
      text: `the right image shows ${withArticle(noun)}`,
      isTrue: (_, right) => holds(right, noun),
    },
    {
      text: `one of the images shows ${withArticle(noun)}`,
      isTrue: (left, right) => holds(left, noun) || holds(right, noun),
    },
  ]);
}

function nounsOf(object: SceneObject): string[] {
  return [object.shape, kindOf(object), `${object.color} shape`];
}

// A noun is a shape, a color and a shape, or a color and "shape".
function isNoun(object: SceneObject, noun: string): boolean {
  return nounsOf(object).includes(noun);
}

function holds(view: View, noun: string): boolean {
  return view.objects.some((object) => isNoun(object, noun));
}

const comparableNouns = [...shapes, ...colors.map((color) => `${color} shape`)];

function bothSidesStatements(): Statement[] {
  return comparableNouns.map((noun) => ({
    text: `both images show ${withArticle(noun)}`,
    isTrue: (left, right) => holds(left, noun) && holds(right, noun),
  }));
}

function onlyOneStatements(): Statement[] {
  return comparableNouns.map((noun) => ({
    text: `only one of the images shows ${withArticle(noun)}`,
    isTrue: (left, right) => holds(left, noun) !== holds(right, noun),
  }));
}

function totalStatements(): Statement[] {
  return [2, 3, 4, 5, 6].map((total) => ({
    text: `there are ${numberWord(total)} shapes in the two images`,
    isTrue: (left, right) => left.objects.length + right.objects.length === total,
  }));
}

function exactStatements(): Statement[] {
  return [1, 2, 3].flatMap((count) => {
    const nouns = count === 1 ? "one shape" : `${numberWord(count)} shapes`;
    return [
      {
        text: `the left image shows exactly ${nouns}`,
        isTrue: (left: View) => left.objects.length === count,
      },
      {
        text: `the right image shows exactly ${nouns}`,
        isTrue: (_: View, right: View) => right.objects.length === count,
      },
    ];
  });
}

function comparisonStatements(): Statement[] {
  return [
    {
      text: "the left image shows more shapes than the right image",
      isTrue: (left, right) => left.objects.length > right.objects.length,
    },
    {
      text: "the right image shows more shapes than the left image",
      isTrue: (left, right) => right.objects.length > left.objects.length,
    },
    {
      text: "the two images show the same number of shapes",
      isTrue: (left, right) => left.objects.length === right.objects.length,
    },
  ];
}
