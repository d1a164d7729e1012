import type { PerceptualHash, PictureWindow, ReducedPicture } from "./pdq.ts";
import { type Symmetry, symmetries } from "./symmetries.ts";

/** A way to look at a picture, of which the bank has a hash. */
export type BankView =
  | { readonly kind: "symmetry"; readonly symmetry: Symmetry }
  | { readonly kind: "window"; readonly window: PictureWindow }
  | { readonly kind: "turned"; readonly degrees: number };

/** Left, top, right and bottom edge in thousandths. */
type Thousandths = readonly [number, number, number, number];

// What bench/perceptual/choose_windows.py prints. PDQ bears a shift by some 1 % of a side; a crop that takes up to
// a tenth of each side, anywhere, is nearly one of these, as is what a banner of 3 to 15 % leaves of the picture.
const windows: readonly Thousandths[] = [
  [0, 0, 1000, 893],
  [0, 108, 1000, 1000],
  [6, 53, 932, 985],
  [9, 34, 979, 994],
  [10, 13, 903, 909],
  [10, 38, 919, 951],
  [13, 3, 981, 939],
  [14, 24, 956, 968],
  [15, 64, 846, 921],
  [15, 10, 942, 933],
  [17, 108, 890, 983],
  [18, 31, 856, 882],
  [18, 10, 987, 973],
  [20, 130, 852, 975],
  [21, 84, 931, 992],
  [22, 74, 977, 996],
  [23, 85, 868, 937],
  [31, 19, 886, 851],
  [33, 53, 889, 910],
  [34, 55, 951, 976],
  [40, 156, 893, 981],
  [42, 36, 984, 980],
  [46, 33, 954, 946],
  [47, 99, 889, 952],
  [52, 9, 970, 919],
  [53, 16, 988, 956],
  [55, 128, 916, 977],
  [56, 23, 906, 873],
  [57, 78, 920, 916],
  [58, 67, 983, 989],
  [66, 103, 930, 957],
  [70, 41, 922, 901],
  [76, 19, 992, 935],
  [80, 49, 989, 969],
  [85, 23, 939, 871],
  [91, 79, 950, 944],
  [93, 89, 908, 917],
  [95, 126, 948, 978],
  [97, 45, 953, 895],
  [99, 96, 986, 988],
  [108, 18, 965, 849],
  [115, 71, 966, 922],
  [116, 13, 986, 886],
  [130, 98, 975, 953],
  [131, 145, 970, 979],
  [133, 48, 975, 905],
];

/** Small rotations about the middle; the whole picture's own hash bears some two degrees. */
const TURNS_DEGREES = [-4, 4] as const;

const symmetryViews = symmetries.map((symmetry): BankView => ({ kind: "symmetry", symmetry }));
const windowViews: readonly BankView[] = [
  ...windows.map(([left, top, right, bottom]): BankView => {
    const edges = {
      left: left / 1000,
      top: top / 1000,
      right: right / 1000,
      bottom: bottom / 1000,
    };
    return { kind: "window", window: edges };
  }),
  ...TURNS_DEGREES.map((degrees): BankView => ({ kind: "turned", degrees })),
];

/** The 56 views of a protected picture: itself, seven times turned or mirrored, and 48 parts. */
export const bankViews: readonly BankView[] = [...symmetryViews, ...windowViews];

/**
 * The 49 views of a picture that is compared with protected ones from both directions: itself and 48 parts,
 * so that a picture with a banner, or of which a protected one was cropped, is found as well.
 */
export const passingViews: readonly BankView[] = [...symmetryViews.slice(0, 1), ...windowViews];

/** The hashes of a picture for each of `views`. Those below MIN_QUALITY are not to be compared. */
export function hashViews(
  picture: ReducedPicture,
  views: readonly BankView[],
): readonly PerceptualHash[] {
  const turned = views.flatMap((view) => (view.kind === "symmetry" ? [view.symmetry] : []));
  const ofSymmetries = picture.hashSymmetries(turned).values();
  return views.flatMap((view) => {
    if (view.kind === "symmetry") return ofSymmetries.next().value ?? [];
    if (view.kind === "window") return picture.hashWindow(view.window);
    return picture.hashTurned(view.degrees);
  });
}
