// R regions, D features, C classes, A attributes
import { RandomStream } from "../../core/random.ts";
import type { Box } from "../../core/records.ts";
import { colors, type SceneObject, shapes, type View } from "../small-world/scene.ts";

/** What the detector sees of a picture: all that is true of it but the sizes' names. */
export interface SeenPicture extends Pick<View, "width" | "height"> {
  readonly objects: readonly Pick<SceneObject, "box" | "color" | "shape">[];
}

/** What the small world's detector says of a picture, in the arrays of UNITER's files, the most confident region first. */
export interface SeenRegions {
  readonly numRegions: number;
  /** [R, 6] left, top, right, bottom, width and height as fractions of the picture */
  readonly corners: Float16Array;
  /** [R], the largest probability of a class that is not the background */
  readonly confidences: Float16Array;
  /** [R, D], none below 0, as behind a ReLU */
  readonly features: Float16Array;
  /** [R, C], each row sums to 1 as far as 16 bits tell; class 0 is the background */
  readonly classProbabilities: Float16Array;
}

/** Of bottom-up attention: Visual Genome's 1,600 classes and the background. */
export const NUM_CLASSES = 1601;
/** D of bottom-up attention. */
export const NUM_FEATURES = 2048;
/** UNITER's min_bb: no picture has fewer. */
const FEWEST_REGIONS = 10;
const NUM_KINDS = colors.length * shapes.length;
/** The first class of the backdrop, behind those of the kinds of objects; there is one for each quarter of a picture. */
const FIRST_BACKDROP = 1 + NUM_KINDS;
// The detector's weights are the same for all worlds, as those of a published one are for all datasets.
const WEIGHTS_SEED = 20_200_924;
const NOISE = 0.15;
/** Features are rounded to these steps, so that files of them pack to less than a third. */
const STEPS = 16;

interface Region {
  readonly box: Box;
  /** [A] */
  readonly attributes: readonly number[];
  /** [C] by class; what is left of 1 is spread over all classes. */
  readonly probabilities: ReadonlyMap<number, number>;
  readonly confidence: number;
}

/**
 * A made-up detector that sees well: of every object several boxes that overlap, the others on the backdrop. Features are a
 * fixed random projection of the colour, shape, place and size of what is in the box, with noise. A pure function of its
 * arguments; at least ten regions, in one picture of twenty up to forty.
 */
export function seenRegions(
  picture: SeenPicture,
  draws: RandomStream,
  numFeatures: number = NUM_FEATURES,
): SeenRegions {
  const isCrowded = draws.nextBoolean(0.05);
  const numRegions = FEWEST_REGIONS + draws.nextInt(isCrowded ? 31 : 6);
  const ofObjects = picture.objects.flatMap((_, object) =>
    Array.from({ length: 2 + draws.nextInt(2) }, (_unused, rank) =>
      objectRegion(picture, { object, rank }, draws),
    ),
  );
  const numBackdrop = Math.max(0, numRegions - ofObjects.length);
  const onBackdrop = Array.from({ length: numBackdrop }, () => backdropRegion(picture, draws));
  const regions = [...ofObjects, ...onBackdrop].toSorted((a, b) => b.confidence - a.confidence);
  return {
    numRegions: regions.length,
    corners: Float16Array.from(regions.flatMap(({ box }) => cornersOf(box, picture))),
    confidences: Float16Array.from(regions, ({ confidence }) => confidence),
    features: featuresOf(regions, draws, numFeatures),
    classProbabilities: probabilitiesOf(regions),
  };
}

/** A box around an object: the first one fits closely, the later ones are shifted more. */
function objectRegion(
  picture: SeenPicture,
  { object: index, rank }: { readonly object: number; readonly rank: number },
  draws: RandomStream,
): Region {
  const object = picture.objects[index];
  if (object === undefined) throw new RangeError(`there is no object ${index}`);
  const { height, width, x, y } = object.box;
  const reach = 0.02 + 0.06 * rank;
  const moved = (start: number, size: number): number =>
    start + (2 * draws.nextFloat() - 1) * reach * size;
  const box = within(picture, {
    left: moved(x, width),
    top: moved(y, height),
    right: moved(x + width, width),
    bottom: moved(y + height, height),
  });
  const peak = 0.95 - 0.15 * rank - 0.2 * draws.nextFloat();
  const rest = 1 - peak;
  const probabilities = new Map([[0, 0.3 * rest]]);
  const alike = kindsLike(object);
  for (const kind of alike) probabilities.set(1 + kind, (0.6 * rest) / alike.length);
  probabilities.set(1 + kindOf(object), peak);
  return { box, attributes: attributesOf(box, picture), probabilities, confidence: peak };
}

function backdropRegion(picture: SeenPicture, draws: RandomStream): Region {
  const [width, height] = [picture.width, picture.height].map(
    (side) => side * (0.15 + 0.5 * draws.nextFloat()),
  );
  const left = draws.nextFloat() * (picture.width - (width ?? 0));
  const top = draws.nextFloat() * (picture.height - (height ?? 0));
  const box = within(picture, {
    left,
    top,
    right: left + (width ?? 0),
    bottom: top + (height ?? 0),
  });
  const confidence = 0.05 + 0.4 * draws.nextFloat();
  const isRight = box.x + box.width / 2 > picture.width / 2;
  const isLower = box.y + box.height / 2 > picture.height / 2;
  const backdrop = FIRST_BACKDROP + Number(isRight) + 2 * Number(isLower);
  const probabilities = new Map([
    [0, 0.9 * (1 - confidence)],
    [backdrop, confidence],
  ]);
  return { box, attributes: attributesOf(box, picture), probabilities, confidence };
}

interface Edges {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

function within(picture: SeenPicture, edges: Edges): Box {
  const x = Math.max(0, edges.left);
  const y = Math.max(0, edges.top);
  const width = Math.min(picture.width, edges.right) - x;
  return { x, y, width, height: Math.min(picture.height, edges.bottom) - y };
}

function cornersOf({ height, width, x, y }: Box, picture: SeenPicture): number[] {
  const across = [x, x + width, width].map((length) => length / picture.width);
  const down = [y, y + height, height].map((length) => length / picture.height);
  const [left = 0, right = 0, relativeWidth = 0] = across;
  const [top = 0, bottom = 0, relativeHeight = 0] = down;
  return [left, top, right, bottom, relativeWidth, relativeHeight];
}

/** The number of a kind of object, below `NUM_KINDS`. */
function kindOf({ color, shape }: Pick<SceneObject, "color" | "shape">): number {
  return colors.indexOf(color) * shapes.length + shapes.indexOf(shape);
}

/** The kinds of which colour or shape is the same. */
function kindsLike(object: Pick<SceneObject, "color" | "shape">): number[] {
  const otherShapes = shapes.filter((shape) => shape !== object.shape);
  const otherColors = colors.filter((color) => color !== object.color);
  return [
    ...otherShapes.map((shape) => kindOf({ ...object, shape })),
    ...otherColors.map((color) => kindOf({ ...object, color })),
  ];
}

/** [A] colours and shapes as far as the box is theirs, and the box itself; all between 0 and 1. */
function attributesOf(box: Box, picture: SeenPicture): number[] {
  const overlaps = picture.objects.map((object) => overlapOf(box, object.box));
  const shareOf = (isOne: (object: SeenPicture["objects"][number]) => boolean): number =>
    picture.objects.reduce(
      (sum, object, index) => sum + (isOne(object) ? (overlaps[index] ?? 0) : 0),
      0,
    );
  return [
    1,
    ...colors.map((color) => 2 * shareOf((object) => object.color === color)),
    ...shapes.map((shape) => 2 * shareOf((object) => object.shape === shape)),
    ...cornersOf(box, picture).slice(0, 4),
  ];
}

/** Intersection over union. */
function overlapOf(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared / (a.width * a.height + b.width * b.height - shared);
}

function featuresOf(
  regions: readonly Region[],
  draws: RandomStream,
  numFeatures: number,
): Float16Array {
  const features = new Float16Array(regions.length * numFeatures);
  const numAttributes = regions[0]?.attributes.length ?? 0;
  const weights = detectorWeights(numFeatures, numAttributes);
  for (const [row, { attributes }] of regions.entries()) {
    for (let feature = 0; feature < numFeatures; feature += 1) {
      let sum = (2 * draws.nextFloat() - 1) * NOISE;
      for (let place = 0; place < numAttributes; place += 1) {
        sum += (weights[feature * numAttributes + place] ?? 0) * (attributes[place] ?? 0);
      }
      features[row * numFeatures + feature] = Math.round(Math.max(0, sum) * STEPS) / STEPS;
    }
  }
  return features;
}

const knownWeights = new Map<number, Float32Array>();

/** [D, A], of N(0, 1) */
function detectorWeights(numFeatures: number, numAttributes: number): Float32Array {
  const known = knownWeights.get(numFeatures);
  if (known !== undefined) return known;
  const draws = new RandomStream(WEIGHTS_SEED);
  const weights = Float32Array.from({ length: numFeatures * numAttributes }, () =>
    draws.nextGaussian(),
  );
  knownWeights.set(numFeatures, weights);
  return weights;
}

function probabilitiesOf(regions: readonly Region[]): Float16Array {
  const all = new Float16Array(regions.length * NUM_CLASSES);
  for (const [row, { probabilities }] of regions.entries()) {
    const told = probabilities.values().reduce((sum, probability) => sum + probability, 0);
    const spread = Math.max(0, 1 - told) / NUM_CLASSES;
    const ofRegion = all.subarray(row * NUM_CLASSES, (row + 1) * NUM_CLASSES).fill(spread);
    for (const [label, probability] of probabilities) ofRegion[label] = probability + spread;
  }
  return all;
}
