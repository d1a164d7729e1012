import type { RandomStream } from "../../core/random.ts";
import {
  type AffineMatrix,
  autoContrast,
  brightness,
  colour,
  contrast,
  equalized,
  type Pixels,
  posterized,
  sharpness,
  solarized,
  transformed,
} from "./pixel-operations.ts";
import {
  type RandAugmentName,
  randAugmentNames,
  type RandAugmentOptions,
} from "./rand-augment-options.ts";

/** torchvision's RandAugment space: 31 magnitudes, 14 operations. */
const LARGEST_MAGNITUDE = 30;
const LARGEST_SHEAR = 0.3;
const LARGEST_SHIFT = 150 / 331;
const LARGEST_ANGLE = 30;
const LARGEST_ENHANCEMENT = 0.9;
const LARGEST_POSTERIZATION = 4;

/** `value` is the operation's own: a shear, pixels, degrees, a factor, bits or a threshold. */
type Operation = (picture: Pixels, value: number) => Uint8Array;

interface Choice {
  readonly apply: Operation;
  /** The value for a magnitude of 0 to 1. */
  readonly value: (share: number, picture: Pixels) => number;
  /** Whether the value's sign is drawn. */
  readonly isSigned: boolean;
}

const enhancing = (apply: Operation): Choice => ({
  apply: (picture, value) => apply(picture, 1 + value),
  value: (share) => LARGEST_ENHANCEMENT * share,
  isSigned: true,
});

const mapping = (
  matrix: (value: number, picture: Pixels) => AffineMatrix,
  value: Choice["value"],
): Choice => ({
  apply: (picture, amount) => transformed(picture, matrix(amount, picture)),
  value,
  isSigned: true,
});

const unsigned = (apply: Operation, value: (share: number) => number = () => 0): Choice => ({
  apply,
  value,
  isSigned: false,
});

const shear = (share: number): number => LARGEST_SHEAR * share;

export const randAugmentChoices: Readonly<Record<RandAugmentName, Choice>> = {
  identity: unsigned(({ pixels }) => pixels),
  "shear-x": mapping((value) => [1, value, 0, 0, 1, 0], shear),
  "shear-y": mapping((value) => [1, 0, 0, value, 1, 0], shear),
  "translate-x": mapping(
    (value) => [1, 0, -Math.trunc(value), 0, 1, 0],
    (share, { width }) => LARGEST_SHIFT * width * share,
  ),
  "translate-y": mapping(
    (value) => [1, 0, 0, 0, 1, -Math.trunc(value)],
    (share, { height }) => LARGEST_SHIFT * height * share,
  ),
  rotate: mapping(rotation, (share) => LARGEST_ANGLE * share),
  brightness: enhancing(brightness),
  colour: enhancing(colour),
  contrast: enhancing(contrast),
  sharpness: enhancing(sharpness),
  posterize: unsigned(posterized, (share) => 8 - Math.round(LARGEST_POSTERIZATION * share)),
  solarize: unsigned(solarized, (share) => 255 * (1 - share)),
  "auto-contrast": unsigned(autoContrast),
  equalize: unsigned(equalized),
};

/**
 * So many operations one after the other, each drawn uniformly, of one magnitude with drawn signs (RandAugment). Some change
 * colours and shapes: a text that speaks of them may then be less true.
 */
export function randAugmented(
  picture: Pixels,
  draws: RandomStream,
  { magnitude, numOperations, without = [] }: RandAugmentOptions,
): Uint8Array {
  const share = magnitude / LARGEST_MAGNITUDE;
  const choices = randAugmentNames.filter((name) => !without.includes(name));
  let { pixels } = picture;
  for (let operation = 0; operation < numOperations; operation += 1) {
    const { apply, isSigned, value } = randAugmentChoices[draws.pick(choices)];
    const amount = value(share, picture);
    const isNegative = isSigned && draws.nextBoolean(0.5);
    pixels = apply({ ...picture, pixels }, isNegative ? -amount : amount);
  }
  return pixels;
}

/** Counter-clockwise about the centre, as Pillow's Image.rotate. */
function rotation(degrees: number, { height, width }: Pixels): AffineMatrix {
  const angle = (-degrees * Math.PI) / 180;
  const [cosine, sine] = [round15(Math.cos(angle)), round15(Math.sin(angle))];
  const [x, y] = [width / 2, height / 2];
  return [cosine, sine, x - cosine * x - sine * y, -sine, cosine, y + sine * x - cosine * y];
}

function round15(value: number): number {
  return Math.round(value * 1e15) / 1e15;
}
