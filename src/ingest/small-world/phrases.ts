import type { RandomStream } from "../../core/random.ts";
import { colors, type Point, type SceneObject, shapes, type View } from "./scene.ts";

/** Objects in a row, first to last: left to right, or top to bottom. */
export interface Row {
  readonly axis: "horizontal" | "vertical";
  readonly objects: readonly SceneObject[];
}

function centerOf({ box }: SceneObject): Point {
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** The row that the objects of a picture stand in; undefined for one object or another arrangement. */
export function rowOf({ objects }: View): Row | undefined {
  if (objects.length < 2) return undefined;
  const byX = objects.toSorted((a, b) => centerOf(a).x - centerOf(b).x);
  if (isRow(byX, (between) => Math.abs(between.x) > 1.2 * Math.abs(between.y))) {
    return { axis: "horizontal", objects: byX };
  }
  const byY = objects.toSorted((a, b) => centerOf(a).y - centerOf(b).y);
  if (isRow(byY, (between) => Math.abs(between.y) > 1.2 * Math.abs(between.x))) {
    return { axis: "vertical", objects: byY };
  }
  return undefined;
}

function isRow(ordered: readonly SceneObject[], isStep: (between: Point) => boolean): boolean {
  return ordered.slice(1).every((object, index) => {
    const [before, after] = [centerOf(ordered[index] ?? object), centerOf(object)];
    return isStep({ x: after.x - before.x, y: after.y - before.y });
  });
}

interface RowWords {
  readonly before: string;
  readonly after: string;
  readonly first: string;
  readonly middle: string;
  readonly last: string;
}

/** How one speaks of the places in a row. */
export const rowWords: Readonly<Record<Row["axis"], RowWords>> = {
  horizontal: {
    before: "left of",
    after: "right of",
    first: "on the left",
    middle: "in the middle",
    last: "on the right",
  },
  vertical: {
    before: "above",
    after: "below",
    first: "at the top",
    middle: "in the middle",
    last: "at the bottom",
  },
};

/** Where an object is, such as "on the left" or "in the upper right corner"; undefined when no words fit. */
export function placeOf(object: SceneObject, view: View): string | undefined {
  const row = rowOf(view);
  if (row !== undefined) {
    const words = rowWords[row.axis];
    const position = row.objects.indexOf(object);
    if (position === 0) return words.first;
    return position === row.objects.length - 1 ? words.last : words.middle;
  }
  if (view.objects.length > 1) return undefined;
  const { x, y } = centerOf(object);
  const isMiddle = Math.abs(x / view.width - 0.5) < 0.12 && Math.abs(y / view.height - 0.5) < 0.12;
  if (isMiddle) return "in the middle";
  const side = x < view.width / 2 ? "left" : "right";
  return `in the ${y < view.height / 2 ? "upper" : "lower"} ${side} corner`;
}

/** "red circle" */
export function kindOf({ color, shape }: Pick<SceneObject, "color" | "shape">): string {
  return `${color} ${shape}`;
}

/** "large red circle" */
function sizedKindOf(object: SceneObject): string {
  return `${object.size} ${kindOf(object)}`;
}

/** "an image" */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

export function plural(noun: string): string {
  return noun.endsWith("s") ? `${noun}es` : `${noun}s`;
}

const numberWords = ["no", "one", "two", "three", "four", "five", "six"];

/** "three"; digits past six, "no" for zero. */
export function numberWord(count: number): string {
  return numberWords[count] ?? String(count);
}

/** Whether all objects of a picture are of one shape and color. */
export function isGroup({ objects }: View): boolean {
  const [first] = objects;
  return (
    first !== undefined && objects.length > 1 && objects.every((o) => kindOf(o) === kindOf(first))
  );
}

/**
 * `count` captions of a picture, each true, each naming every object with its color, no two alike:
 * lower case, without a full stop, commas attached ("two shapes, a red circle and a blue star").
 */
export function captionsOf(view: View, random: RandomStream, count: number): string[] {
  return random.shuffled(allCaptionsOf(view)).slice(0, count);
}

function allCaptionsOf(view: View): string[] {
  const [first] = view.objects;
  if (first === undefined) return [];
  if (view.objects.length === 1) return captionsOfOne(first, placeOf(first, view) ?? "");
  if (isGroup(view)) return captionsOfGroup(view.objects.length, first);
  const row = rowOf(view);
  if (row === undefined) return captionsOfMixture(view.objects);
  return view.objects.length === 2 ? captionsOfPair(row) : captionsOfTrio(row);
}

function captionsOfOne(object: SceneObject, place: string): string[] {
  const [kind, sized] = [kindOf(object), sizedKindOf(object)];
  return [
    `${withArticle(sized)} ${place}`,
    `one ${kind} ${place} of the picture`,
    `there is ${withArticle(kind)} ${place}`,
    `the picture shows only one ${sized}`,
    `only ${withArticle(sized)}, ${place}`,
    `one ${sized} is drawn ${place}`,
    `a picture of one ${kind}`,
  ];
}

function captionsOfGroup(count: number, object: SceneObject): string[] {
  const [number, kinds] = [numberWord(count), plural(kindOf(object))];
  return [
    `${number} ${object.size} ${kinds}`,
    `there are ${number} ${kinds}`,
    `a picture of ${number} ${object.size} ${kinds}`,
    `${number} ${object.size} ${plural(object.shape)}, all of them ${object.color}`,
    `the picture shows ${number} ${kinds}`,
    `${number} shapes, all of them ${object.size} ${kinds}`,
    `there are ${number} ${kinds} next to one another`,
  ];
}

function captionsOfPair({ axis, objects }: Row): string[] {
  const words = rowWords[axis];
  const [a = "", b = ""] = objects.map((object) => kindOf(object));
  const [sizedA = "", sizedB = ""] = objects.map((object) => withArticle(sizedKindOf(object)));
  return [
    `${sizedA} ${words.before} ${sizedB}`,
    `${sizedB} ${words.after} ${sizedA}`,
    `${withArticle(a)} ${words.first} and ${withArticle(b)} ${words.last}`,
    `the ${a} is ${words.before} the ${b}`,
    `the ${b} is ${words.after} the ${a}`,
    `${withArticle(a)} and ${withArticle(b)}`,
    `${withArticle(b)} next to ${withArticle(a)}`,
  ];
}

function captionsOfTrio({ axis, objects }: Row): string[] {
  const words = rowWords[axis];
  const [a = "", b = "", c = ""] = objects.map((object) => withArticle(kindOf(object)));
  return [
    `${a}, ${b} and ${c}`,
    `${b} between ${a} and ${c}`,
    `${a} ${words.first}, ${b} ${words.middle} and ${c} ${words.last}`,
    `three shapes, ${c}, ${b} and ${a}`,
    `a picture of ${a}, ${b} and ${c}`,
    `${c} ${words.last} and ${a} ${words.first} with ${b} between them`,
    `there are three shapes, ${a}, ${b} and ${c}`,
  ];
}

// Three different shapes that stand in no clear row, as a crop may leave them.
function captionsOfMixture(objects: readonly SceneObject[]): string[] {
  const kinds = objects.map((object) => withArticle(kindOf(object)));
  const list = `${kinds.slice(0, -1).join(", ")} and ${kinds.at(-1) ?? ""}`;
  const reversed = `${kinds.slice(1).toReversed().join(", ")} and ${kinds[0] ?? ""}`;
  return [
    list,
    reversed,
    `a picture of ${list}`,
    `there are ${numberWord(objects.length)} shapes, ${list}`,
    `${numberWord(objects.length)} shapes, ${reversed}`,
  ];
}

/** Descriptions of one object of a picture, each true of that object. */
export function regionPhrasesOf(object: SceneObject, view: View): string[] {
  const kind = kindOf(object);
  const place = placeOf(object, view);
  const others = view.objects.filter((other) => other !== object);
  return [
    kind,
    sizedKindOf(object),
    `${withArticle(object.shape)} that is ${object.color}`,
    `${withArticle(object.size)} ${object.shape} drawn in ${object.color}`,
    ...(place === undefined ? [] : [`${withArticle(kind)} ${place}`]),
    ...(isGroup(view) ? [`one of ${numberWord(view.objects.length)} ${plural(kind)}`] : []),
    ...(others.some(({ shape }) => shape === object.shape)
      ? []
      : [`the ${object.shape} is ${object.color}`]),
  ];
}

/** "A red circle." */
export function asSentence(phrase: string): string {
  return `${phrase.slice(0, 1).toUpperCase()}${phrase.slice(1)}.`;
}

/** "A red circle , a blue star and a green ring ." as results_20130124.token spells it. */
export function asTokenLine(phrase: string): string {
  return asSentence(phrase).replaceAll(/([,.])/g, " $1");
}

/** Lower-case words without punctuation, as the Karpathy files list them. */
export function wordsOf(sentence: string): string[] {
  return sentence.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

/** A word of a caption that only the picture decides: whoever reads the rest alone can't do better than chance. */
export interface PictureWord {
  readonly kind: "color" | "shape" | "number";
  /** Counted from 0; punctuation marks count as words. */
  readonly wordIndex: number;
  readonly word: string;
  /** The words that could stand there, `word` among them; before the picture is seen each is equally probable. */
  readonly candidates: readonly string[];
  /** The accuracy of guessing, exactly: 1 over the number of candidates. */
  readonly chance: number;
}

/**
 * The colours, shapes and numbers of a caption or region description that the rest of it leaves open. The world draws the
 * kinds of a picture's objects uniformly, no two alike: where two objects share a shape, the one's colour rules itself out for
 * the other, and the candidates are one less. Numbers are open in captions of several objects of one kind.
 */
export function pictureWordsOf(text: string): PictureWord[] {
  const words = text.toLowerCase().match(/[a-z0-9]+|[^\sa-z0-9]/g) ?? [];
  const shapeWords = placesOf(words, [...shapes, ...shapes.map(plural)]);
  const colorWords = placesOf(words, colors);
  const mentions = colorWords.flatMap((color, mention) => {
    const shape = shapeWords[mention];
    return shape === undefined ? [] : [{ color, shape, isPlural: isPlural(shape.word) }];
  });
  const found = mentions.flatMap(({ color, isPlural: isMany, shape }) => {
    const others = mentions.filter((other) => other.color !== color);
    const isOpen = (kind: string): boolean =>
      others.every((other) => `${other.color.word} ${other.shape.word}` !== kind);
    const allShapes = isMany ? shapes.map(plural) : shapes;
    const openColors = colors.filter((name) => isOpen(`${name} ${shape.word}`));
    const openShapes = allShapes.filter((name) => isOpen(`${color.word} ${name}`));
    return [pictureWord("color", color, openColors), pictureWord("shape", shape, openShapes)];
  });
  return [...found, ...openNumbers(words, mentions)].toSorted((a, b) => a.wordIndex - b.wordIndex);
}

interface Place {
  readonly wordIndex: number;
  readonly word: string;
}

function placesOf(words: readonly string[], wanted: readonly string[]): Place[] {
  return words.flatMap((word, wordIndex) => (wanted.includes(word) ? [{ wordIndex, word }] : []));
}

function isPlural(word: string): boolean {
  return shapes.some((shape) => plural(shape) === word);
}

function pictureWord(
  kind: PictureWord["kind"],
  place: Place,
  candidates: readonly string[],
): PictureWord {
  return { kind, ...place, candidates, chance: 1 / candidates.length };
}

// "one of three red circles" stands more often beside three than beside two, as each of them may be described.
function openNumbers(
  words: readonly string[],
  mentions: readonly { readonly isPlural: boolean }[],
): PictureWord[] {
  const [only, second] = mentions;
  if (only?.isPlural !== true || second !== undefined || words[1] === "of") return [];
  const candidates = ["two", "three"];
  return placesOf(words, candidates).map((place) => pictureWord("number", place, candidates));
}
