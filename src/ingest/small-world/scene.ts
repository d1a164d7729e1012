import type { Box } from "../../core/records.ts";
import type { RandomStream } from "../../core/random.ts";

export const shapes = ["circle", "square", "triangle", "star", "cross", "ring"] as const;
export type Shape = (typeof shapes)[number];

type Rgb = readonly [red: number, green: number, blue: number];

// Far from each other and from the paper, so that a small model tells them apart within minutes.
const inks = {
  red: [230, 25, 30],
  green: [25, 165, 50],
  blue: [25, 60, 235],
  yellow: [250, 215, 0],
  purple: [175, 40, 205],
  black: [20, 20, 22],
} as const;

export type Color = keyof typeof inks;
export const colors: readonly Color[] = ["red", "green", "blue", "yellow", "purple", "black"];

type ObjectSize = "small" | "large";

/** What is true of one drawn shape; the box is in whole pixels of its picture. */
export interface SceneObject {
  readonly shape: Shape;
  readonly color: Color;
  readonly size: ObjectSize;
  readonly box: Box;
}

/** What is true of one picture: all that captions, questions and labels are made from. Sizes in pixels. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly objects: readonly SceneObject[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A shape as it is drawn: center and radius in pixels, rotation in radians. */
export interface Figure {
  readonly shape: Shape;
  readonly color: Color;
  readonly size: ObjectSize;
  readonly center: Point;
  readonly radius: number;
  readonly rotation: number;
  readonly ink: Rgb;
}

/** A drawn world before it becomes a picture file. Pictures of one photograph show the same thing. */
export interface Photograph {
  /** Names it in the ground truth: "coco-17". */
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly figures: readonly Figure[];
  readonly paper: Rgb;
  /** Seeds the backdrop's texture, lines, specks and noise. */
  readonly clutterSeed: number;
  readonly jpeg: JpegSettings;
}

interface JpegSettings {
  readonly quality: number;
  readonly chromaSubsampling: "4:2:0" | "4:4:4";
  readonly progressive: boolean;
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly shortSide: number;
}

type Kind = Pick<Figure, "shape" | "color">;

/** Whether most photographs show two shapes, or one, two and three about equally often. */
export type Mix = "mostly-pairs" | "any-count";

/** Draws a photograph: one to three shapes, clearly apart, on a light, slightly untidy backdrop. */
export function drawPhotograph(
  id: string,
  random: RandomStream,
  mix: Mix = "mostly-pairs",
): Photograph {
  const frame = drawFrame(random);
  const layout = random.pick(layouts[mix]);
  return {
    id,
    width: frame.width,
    height: frame.height,
    figures: layout(random, frame),
    paper: random.pick(papers),
    clutterSeed: random.nextUint32(),
    jpeg: {
      quality: random.pick([92, 92, 90, 90, 88, 85, 75, 65, 97]),
      chromaSubsampling: random.nextBoolean(0.3) ? "4:4:4" : "4:2:0",
      progressive: random.nextBoolean(0.1),
    },
  };
}

const papers: readonly Rgb[] = [
  [240, 240, 238],
  [236, 236, 240],
  [243, 240, 236],
  [237, 241, 237],
  [232, 232, 232],
];

// Aspects of photographs, long side over short side.
const ASPECTS = [1, 4 / 3, 4 / 3, 3 / 2];

function drawFrame(random: RandomStream): Frame {
  const shortSide = 64 + random.nextInt(69);
  const longSide = Math.round(shortSide * random.pick(ASPECTS));
  return random.nextBoolean(0.6)
    ? { width: longSide, height: shortSide, shortSide }
    : { width: shortSide, height: longSide, shortSide };
}

type Layout = (random: RandomStream, frame: Frame) => Figure[];

// Eight in ten scenes of most datasets show two shapes: enough to say where one is from the other,
// few enough to learn. Where pictures are compared, their numbers have to differ more often.
const layouts: Readonly<Record<Mix, readonly Layout[]>> = {
  "mostly-pairs": [
    ...Array.from({ length: 24 }, () => layOutPair),
    ...Array.from({ length: 2 }, () => layOutSingle),
    ...Array.from({ length: 2 }, () => layOutGroup),
    ...Array.from({ length: 2 }, () => layOutTrio),
  ],
  "any-count": [layOutPair, layOutSingle, layOutSingle, layOutGroup, layOutTrio],
};

function layOutSingle(random: RandomStream, frame: Frame): Figure[] {
  const place = random.pick([
    { x: 0.5, y: 0.5 },
    { x: 0.26, y: 0.26 },
    { x: 0.74, y: 0.26 },
    { x: 0.26, y: 0.74 },
    { x: 0.74, y: 0.74 },
  ]);
  return drawFigures(random, frame, {
    kinds: drawKinds(random, 1),
    places: [jittered(random, place)],
    sizes: [drawSize(random)],
  });
}

function layOutPair(random: RandomStream, frame: Frame): Figure[] {
  return drawFigures(random, frame, {
    kinds: drawKinds(random, 2),
    places: rowOfPlaces(random, [0.255, 0.745]),
    sizes: [drawSize(random), drawSize(random)],
  });
}

function layOutTrio(random: RandomStream, frame: Frame): Figure[] {
  return drawFigures(random, frame, {
    kinds: drawKinds(random, 3),
    places: rowOfPlaces(random, [0.165, 0.5, 0.835]),
    sizes: ["small", "small", "small"],
  });
}

function layOutGroup(random: RandomStream, frame: Frame): Figure[] {
  const count = 2 + random.nextInt(2);
  const [kind] = drawKinds(random, 1);
  const size = drawSize(random);
  return drawFigures(random, frame, {
    kinds: Array.from({ length: count }, () => kind).filter((item) => item !== undefined),
    places: count === 2 ? rowOfPlaces(random, [0.255, 0.745]) : trianglePlaces(random),
    sizes: Array.from({ length: count }, () => size),
  });
}

function trianglePlaces(random: RandomStream): Point[] {
  const tip = random.nextBoolean(0.5) ? 0.26 : 0.74;
  const corners = [
    { x: 0.5, y: tip },
    { x: 0.26, y: 1 - tip },
    { x: 0.74, y: 1 - tip },
  ];
  return corners.map((corner) => jittered(random, corner));
}

/** Places in a row, left to right or top to bottom; fractions of the picture's width and height. */
function rowOfPlaces(random: RandomStream, positions: readonly number[]): Point[] {
  const isHorizontal = random.nextBoolean(0.5);
  return positions.map((position) => {
    const along = position + spread(random, 0.012);
    const across = 0.5 + spread(random, 0.08);
    return isHorizontal ? { x: along, y: across } : { x: across, y: along };
  });
}

function jittered(random: RandomStream, { x, y }: Point): Point {
  return { x: x + spread(random, 0.02), y: y + spread(random, 0.02) };
}

function spread(random: RandomStream, reach: number): number {
  return (random.nextFloat() * 2 - 1) * reach;
}

function drawSize(random: RandomStream): ObjectSize {
  return random.nextBoolean(0.5) ? "small" : "large";
}

/** `count` kinds of object, no two alike. */
function drawKinds(random: RandomStream, count: number): Kind[] {
  const codes = random.sampleDistinct(count, shapes.length * colors.length);
  return codes.flatMap((code) => {
    const shape = shapes[code % shapes.length];
    const color = colors[Math.floor(code / shapes.length)];
    return shape === undefined || color === undefined ? [] : [{ shape, color }];
  });
}

interface FigurePlan {
  readonly kinds: readonly Kind[];
  readonly places: readonly Point[];
  readonly sizes: readonly ObjectSize[];
}

function drawFigures(random: RandomStream, frame: Frame, plan: FigurePlan): Figure[] {
  return plan.kinds.map(({ shape, color }, index) => {
    const { x, y } = plan.places[index] ?? { x: 0.5, y: 0.5 };
    const size = plan.sizes[index] ?? "large";
    const radius = size === "large" ? 0.2 + spread(random, 0.005) : 0.13 + spread(random, 0.003);
    const [red, green, blue] = inks[color];
    return {
      shape,
      color,
      size,
      center: { x: x * frame.width, y: y * frame.height },
      radius: radius * frame.shortSide,
      rotation: isRound(shape) ? 0 : spread(random, 0.2),
      ink: [red + spread(random, 9), green + spread(random, 9), blue + spread(random, 9)],
    };
  });
}

export function isRound(shape: Shape): shape is "circle" | "ring" {
  return shape === "circle" || shape === "ring";
}
