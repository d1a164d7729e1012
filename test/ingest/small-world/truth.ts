import type { Box } from "../../../src/core/records.ts";

// What the small world's texts say, read with no help from the code that wrote them: every claim is
// judged against the boxes of scenes.jsonl.

interface TrueObject {
  readonly shape: string;
  readonly color: string;
  readonly size: string;
  readonly box: Box;
}

export interface TruePicture {
  readonly key: string;
  readonly path: string;
  readonly dataset: string;
  readonly split: string;
  readonly photograph: string;
  readonly rendering: string;
  readonly width: number;
  readonly height: number;
  readonly objects: readonly TrueObject[];
}

const NUMBERS: Readonly<Record<string, number>> = {
  no: 0,
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
};

function singular(noun: string): string {
  return noun.replace(/sses$/, "ss").replace(/([^s])s$/, "$1");
}

/** The objects that a noun such as "large red circles", "star" or "blue shape" may mean. */
function meant(picture: TruePicture, noun: string): TrueObject[] {
  const words = noun
    .replace(/^(?:an?|the|one|only) /, "")
    .split(" ")
    .map((word) => singular(word));
  return picture.objects.filter((object) =>
    words.every(
      (word) => word === "shape" || [object.shape, object.color, object.size].includes(word),
    ),
  );
}

function center({ box }: TrueObject): { x: number; y: number } {
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

function relates(a: TrueObject, relation: string, b: TrueObject): boolean {
  const [from, to] = [center(a), center(b)];
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const isSideways = Math.abs(dx) > Math.abs(dy);
  if (relation === "left of") return isSideways && dx > 0;
  if (relation === "right of") return isSideways && dx < 0;
  if (relation === "above") return !isSideways && dy > 0;
  return !isSideways && dy < 0;
}

/** Whether some object meant by `a` stands in the relation to some other meant by `b`. */
function holdsRelation(picture: TruePicture, claim: readonly string[]): boolean {
  const [a = "", relation = "", b = ""] = claim;
  return meant(picture, a).some((one) =>
    meant(picture, b).some((other) => one !== other && relates(one, relation, other)),
  );
}

/** The objects that stand at a place, such as "on the left" or "upper left corner". */
function objectsAt(picture: TruePicture, place: string): TrueObject[] {
  const corner = /(upper|lower) (left|right) corner/.exec(place);
  return picture.objects.filter((object) => {
    const { x, y } = center(object);
    const others = picture.objects.filter((other) => other !== object);
    if (corner !== null) {
      const isUpper = y < picture.height / 2;
      const isLeft = x < picture.width / 2;
      return isUpper === (corner[1] === "upper") && isLeft === (corner[2] === "left");
    }
    if (others.length === 0) return place.includes("middle");
    if (place.includes("left")) return others.every((o) => relates(object, "left of", o));
    if (place.includes("right")) return others.every((o) => relates(object, "right of", o));
    if (place.includes("top")) return others.every((o) => relates(object, "above", o));
    if (place.includes("bottom")) return others.every((o) => relates(object, "below", o));
    const isBetween = (before: string, after: string): boolean =>
      others.some((o) => relates(object, before, o)) &&
      others.some((o) => relates(object, after, o));
    return isBetween("left of", "right of") || isBetween("above", "below");
  });
}

const COLOR = "(?:red|green|blue|yellow|purple|black)";
const SHAPE = "(?:circle|square|triangle|star|cross|ring)(?:e?s)?";
const MENTION = `(?:small |large )?${COLOR} ${SHAPE}`;
const RELATION = "left of|right of|above|below";
const PLACE =
  "on the left|on the right|at the top|at the bottom|in the middle|in the (?:upper|lower) (?:left|right) corner";

/** What is wrong with a description of a picture; nothing when it is true. */
export function faultsOfCaption(picture: TruePicture, caption: string): string[] {
  const text = caption.toLowerCase().replaceAll(/ ?([.,])/g, "$1");
  const faults: string[] = [];
  for (const [mention] of text.matchAll(new RegExp(MENTION, "g"))) {
    if (meant(picture, mention).length === 0) faults.push(`no ${mention}`);
  }
  const relations = new RegExp(
    `(${MENTION})(?: is(?: drawn)?)? (${RELATION}) (?:an?|the) (${MENTION})`,
  );
  const related = relations.exec(text);
  if (related !== null && !holdsRelation(picture, related.slice(1))) faults.push(related[0]);
  for (const [claim, noun = "", place = ""] of text.matchAll(
    new RegExp(`(${MENTION})(?: is drawn)?,? (${PLACE})`, "g"),
  )) {
    const there = objectsAt(picture, place);
    if (!meant(picture, noun).some((object) => there.includes(object))) faults.push(claim);
  }
  for (const [claim, number = "", noun = ""] of text.matchAll(
    new RegExp(`(one|two|three) (shapes?|${MENTION})`, "g"),
  )) {
    if (meant(picture, noun).length !== NUMBERS[number]) faults.push(claim);
  }
  return faults;
}

/** Whether a caption names every object of the picture with its color and shape. */
export function namesAll(picture: TruePicture, caption: string): boolean {
  const text = caption.toLowerCase();
  const isGroupInColor = /(\w+s), all of them (\w+)\b/.exec(text);
  return picture.objects.every(({ color, shape }) => {
    if (new RegExp(`${color} ${shape}`).test(text)) return true;
    return singular(isGroupInColor?.[1] ?? "") === shape && isGroupInColor?.[2] === color;
  });
}

/** The answer to a question of VQA v2 or Visual Genome, in VQA's spelling. */
export function answerTo(picture: TruePicture, question: string): string | undefined {
  const forms: readonly (readonly [RegExp, (...words: string[]) => string | undefined])[] = [
    [/^What color (?:is|are) the (\w+)\?$/, (noun = "") => only(picture, noun)?.color],
    [/^What shape is (\w+)\?$/, (noun = "") => only(picture, `${noun} shape`)?.shape],
    [/^How many (\w+) are there\?$/, (noun = "") => String(meant(picture, noun).length)],
    [/^Is there (.+)\?$/, (noun = "") => yesNo(meant(picture, noun).length > 0)],
    [/^Are there any (.+)\?$/, (noun = "") => yesNo(meant(picture, noun).length > 0)],
    [
      new RegExp(`^Is the (\\w+) (${RELATION}) the (\\w+)\\?$`),
      (...claim) => yesNo(holdsRelation(picture, claim)),
    ],
    [
      /^Is the (\w+) (\w+)\?$/,
      (noun = "", color = "") => yesNo(meant(picture, `${color} ${noun}`).length > 0),
    ],
    [/^Where is the (\w+)\?$/, (noun = "") => placeOf(picture, noun)],
    [new RegExp(`^What is (${PLACE})\\?$`), (place = "") => shapeAt(picture, place)],
  ];
  for (const [form, answer] of forms) {
    const match = form.exec(question);
    if (match !== null) return answer(...match.slice(1));
  }
  return undefined;
}

function truth(isTrue: boolean): string {
  return isTrue ? "entailment" : "contradiction";
}

function yesNo(isTrue: boolean): string {
  return isTrue ? "yes" : "no";
}

function only(picture: TruePicture, noun: string): TrueObject | undefined {
  const objects = meant(picture, noun);
  const kinds = new Set(objects.map(({ color, shape }) => `${color} ${shape}`));
  return kinds.size === 1 ? objects[0] : undefined;
}

function placeOf(picture: TruePicture, noun: string): string | undefined {
  const objects = meant(picture, noun);
  const places = ["left", "right", "top", "bottom", "middle"];
  const corners = ["upper", "lower"].flatMap((v) =>
    ["left", "right"].map((side) => `${v} ${side} corner`),
  );
  const isLone = picture.objects.length === 1;
  const isMiddle = isLone && picture.objects.some((object) => isCentral(picture, object));
  const candidates = isLone ? (isMiddle ? ["middle"] : corners) : places;
  const found = candidates.filter((place) =>
    objectsAt(picture, place).some((object) => objects.includes(object)),
  );
  return objects.length === 1 && found.length === 1 ? found[0] : undefined;
}

function isCentral(picture: TruePicture, object: TrueObject): boolean {
  const { x, y } = center(object);
  return Math.hypot(x / picture.width - 0.5, y / picture.height - 0.5) < 0.15;
}

function shapeAt(picture: TruePicture, place: string): string | undefined {
  const there = objectsAt(picture, place);
  return there.length === 1 ? there[0]?.shape : undefined;
}

/** Whether a statement of NLVR2 is true of a pair; undefined when it is not understood. */
export function judgeStatement(
  left: TruePicture,
  right: TruePicture,
  sentence: string,
): boolean | undefined {
  const text = sentence.slice(0, -1).toLowerCase();
  const counts = [left.objects.length, right.objects.length] as const;
  const shows = (noun: string): [boolean, boolean] => [
    meant(left, noun).length > 0,
    meant(right, noun).length > 0,
  ];
  const exactly = /^the (left|right) image shows exactly (\w+) shapes?$/.exec(text);
  if (exactly !== null) return counts[exactly[1] === "left" ? 0 : 1] === NUMBERS[exactly[2] ?? ""];
  const total = /^there are (\w+) shapes in the two images$/.exec(text);
  if (total !== null) return counts[0] + counts[1] === NUMBERS[total[1] ?? ""];
  const more = /^the (left|right) image shows more shapes than/.exec(text);
  if (more !== null) return more[1] === "left" ? counts[0] > counts[1] : counts[1] > counts[0];
  if (text === "the two images show the same number of shapes") return counts[0] === counts[1];
  const side = /^(the left image|the right image|one of the images) shows (an? .+)$/.exec(text);
  if (side !== null) {
    const [inLeft, inRight] = shows(side[2] ?? "");
    if (side[1] === "the left image") return inLeft;
    return side[1] === "the right image" ? inRight : inLeft || inRight;
  }
  const both = /^(both images show|only one of the images shows) (an? .+)$/.exec(text);
  if (both === null) return undefined;
  const [inLeft, inRight] = shows(both[2] ?? "");
  return both[1] === "both images show" ? inLeft && inRight : inLeft !== inRight;
}

/** SNLI-VE's label of a hypothesis, or undefined when it is not understood. */
export function labelOf(picture: TruePicture, hypothesis: string): string | undefined {
  const text = hypothesis.slice(0, -1).toLowerCase();
  if (/made of paper$|older than the picture$|^a child made the /.test(text)) return "neutral";
  const count = /^there (?:is|are) (one|two|three) shapes? in the picture$/.exec(text);
  if (count !== null) return truth(picture.objects.length === NUMBERS[count[1] ?? ""]);
  const relation = new RegExp(`^an? (.+) is (${RELATION}) an? (.+)$`).exec(text);
  if (relation !== null) return truth(holdsRelation(picture, relation.slice(1)));
  const presence = /^there is (an? .+)$|^(an? .+) is in the picture$|^the picture shows (an? .+)$/;
  const noun = presence.exec(text)?.slice(1).find(Boolean);
  return noun === undefined ? undefined : truth(meant(picture, noun).length > 0);
}
