import type { RandomStream } from "../../core/random.ts";
import {
  isGroup,
  kindOf,
  numberWord,
  placeOf,
  plural,
  rowOf,
  rowWords,
  withArticle,
} from "./phrases.ts";
import { colors, shapes, type Color, type SceneObject, type Shape, type View } from "./scene.ts";

/** VQA v2's three classes of answers. */
type AnswerType = "yes/no" | "number" | "other";

/** A question that the picture alone answers. */
export interface Question {
  readonly text: string;
  /** As in VQA v2: lower case, numbers as digits. */
  readonly answer: string;
  readonly answerType: AnswerType;
  /** Answers that a careless person gives; never the right one. */
  readonly nearMisses: readonly string[];
}

/** `count` different questions about a picture (fewer when it allows no more), with their answers. */
export function questionsOf(view: View, random: RandomStream, count: number): Question[] {
  const makers = [
    colorQuestions,
    countQuestions,
    presenceQuestions,
    placeQuestions,
    orderQuestions,
  ];
  const askable = makers.flatMap((make) => {
    const questions = make(view, random);
    return questions.length === 0 ? [] : [random.pick(questions)];
  });
  return random.shuffled(askable).slice(0, count);
}

/** The objects whose shape no other object of the picture has. */
function ofUniqueShape({ objects }: View): SceneObject[] {
  return objects.filter(({ shape }) => objects.filter((o) => o.shape === shape).length === 1);
}

/** A color that is none of `taken`. */
function otherColor(random: RandomStream, taken: readonly Color[]): Color {
  return random.pick(colors.filter((color) => !taken.includes(color)));
}

/** A shape that is none of `taken`. */
function otherShape(random: RandomStream, taken: readonly Shape[]): Shape {
  return random.pick(shapes.filter((shape) => !taken.includes(shape)));
}

function colorQuestions(view: View, random: RandomStream): Question[] {
  const about = (text: string, { color }: SceneObject): Question => ({
    text,
    answer: color,
    answerType: "other",
    nearMisses: [otherColor(random, [color]), `dark ${color}`],
  });
  const [first] = view.objects;
  if (first !== undefined && isGroup(view)) {
    return [about(`What color are the ${plural(first.shape)}?`, first)];
  }
  return ofUniqueShape(view).flatMap((object) => {
    const named = [about(`What color is the ${object.shape}?`, object), isOfColor(object, random)];
    return named.concat(shapeOfColor(view, object, random));
  });
}

function shapeOfColor({ objects }: View, object: SceneObject, random: RandomStream): Question[] {
  const sameColor = objects.filter(({ color }) => color === object.color);
  if (sameColor.length > 1) return [];
  const nearMisses = [otherShape(random, [object.shape])];
  const text = `What shape is ${object.color}?`;
  return [{ text, answer: object.shape, answerType: "other", nearMisses }];
}

function isOfColor({ shape, color }: SceneObject, random: RandomStream): Question {
  const isTrue = random.nextBoolean(0.5);
  const asked = isTrue ? color : otherColor(random, [color]);
  return yesOrNo(`Is the ${shape} ${asked}?`, isTrue);
}

function yesOrNo(text: string, isTrue: boolean): Question {
  return {
    text,
    answer: isTrue ? "yes" : "no",
    answerType: "yes/no",
    nearMisses: [isTrue ? "no" : "yes"],
  };
}

function countQuestions({ objects }: View, random: RandomStream): Question[] {
  const shape = random.nextBoolean(0.75) ? random.pick(objects).shape : random.pick(shapes);
  const ofShape = objects.filter((object) => object.shape === shape).length;
  return [
    howMany(plural(shape), ofShape),
    howMany(plural(shape), ofShape),
    howMany("shapes", objects.length),
  ];
}

function howMany(nouns: string, count: number): Question {
  return {
    text: `How many ${nouns} are there?`,
    answer: String(count),
    answerType: "number",
    nearMisses: [String(count + 1), ...(count > 1 ? [String(count - 1)] : [])],
  };
}

function presenceQuestions({ objects }: View, random: RandomStream): Question[] {
  const object = random.pick(objects);
  const isTrue = random.nextBoolean(0.5);
  const asked = isTrue ? object : absentKind(objects, random);
  const noun = kindOf(asked);
  return [
    yesOrNo(`Is there ${withArticle(noun)}?`, isTrue),
    yesOrNo(`Are there any ${plural(noun)}?`, isTrue),
  ];
}

/** A kind of object that the picture does not hold, but of which color or shape is there. */
export function absentKind(
  objects: readonly SceneObject[],
  random: RandomStream,
): Pick<SceneObject, "color" | "shape"> {
  const { color, shape } = random.pick(objects);
  if (random.nextBoolean(0.5)) {
    const taken = objects.filter((object) => object.shape === shape);
    return {
      shape,
      color: otherColor(
        random,
        taken.map((object) => object.color),
      ),
    };
  }
  const taken = objects.filter((object) => object.color === color);
  return {
    color,
    shape: otherShape(
      random,
      taken.map((object) => object.shape),
    ),
  };
}

function placeQuestions(view: View, random: RandomStream): Question[] {
  const placed = ofUniqueShape(view).flatMap((object) => {
    const place = placeOf(object, view);
    return place === undefined ? [] : [{ object, place }];
  });
  if (placed.length === 0) return [];
  const { object, place } = random.pick(placed);
  const answer = place.replace(/^(?:on|at|in) the /, "");
  const where: Question = {
    text: `Where is the ${object.shape}?`,
    answer,
    answerType: "other",
    nearMisses: [answer === "middle" ? "left" : "middle", place],
  };
  const what: Question = {
    text: `What is ${place}?`,
    answer: object.shape,
    answerType: "other",
    nearMisses: [kindOf(object), otherShape(random, [object.shape])],
  };
  return [where, what];
}

function orderQuestions(view: View, random: RandomStream): Question[] {
  const row = rowOf(view);
  const [first, last] = [row?.objects.at(0), row?.objects.at(-1)];
  if (row === undefined || first === undefined || last === undefined) return [];
  const unique = ofUniqueShape(view);
  if (!unique.includes(first) || !unique.includes(last)) return [];
  const { before, after } = rowWords[row.axis];
  const isTrue = random.nextBoolean(0.5);
  return random.nextBoolean(0.5)
    ? [yesOrNo(`Is the ${first.shape} ${isTrue ? before : after} the ${last.shape}?`, isTrue)]
    : [yesOrNo(`Is the ${last.shape} ${isTrue ? after : before} the ${first.shape}?`, isTrue)];
}

/** An answer as Visual Genome's writers give it: "Red.", "Two.", "In the middle." */
export function asWrittenAnswer({ answer, answerType }: Question): string {
  const words = answerType === "number" ? numberWord(Number(answer)) : answer;
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;
}
