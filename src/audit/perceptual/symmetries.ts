/** One of the eight ways to turn and mirror a picture: first the mirrors, then rows become columns. */
export interface Symmetry {
  readonly name: string;
  readonly upsideDown: boolean;
  readonly leftRight: boolean;
  readonly transposed: boolean;
}

/** The picture as it is. */
export const asItIs: Symmetry = {
  name: "as it is",
  upsideDown: false,
  leftRight: false,
  transposed: false,
};

/** The eight symmetries of a rectangle's pixels, in the order of PDQ's C++ reference ("dihedral hashes"). */
export const symmetries: readonly Symmetry[] = [
  asItIs,
  { name: "turned left", upsideDown: false, leftRight: true, transposed: true },
  { name: "turned half", upsideDown: true, leftRight: true, transposed: false },
  { name: "turned right", upsideDown: true, leftRight: false, transposed: true },
  { name: "mirrored upside down", upsideDown: true, leftRight: false, transposed: false },
  { name: "mirrored left to right", upsideDown: false, leftRight: true, transposed: false },
  { name: "transposed", upsideDown: false, leftRight: false, transposed: true },
  { name: "transposed the other way", upsideDown: true, leftRight: true, transposed: true },
];
