/** torchvision's 14 operations. */
export const randAugmentNames = [
  "identity",
  "shear-x",
  "shear-y",
  "translate-x",
  "translate-y",
  "rotate",
  "brightness",
  "colour",
  "contrast",
  "sharpness",
  "posterize",
  "solarize",
  "auto-contrast",
  "equalize",
] as const;

// No box follows what these do to a picture.
const movingNames = ["shear-x", "shear-y", "translate-x", "translate-y", "rotate"] as const;

/** The operations, but for those left out, that move what a picture shows. */
export function movingOperations(without: readonly RandAugmentName[] = []): RandAugmentName[] {
  return movingNames.filter((name) => !without.includes(name));
}

export type RandAugmentName = (typeof randAugmentNames)[number];

/** RandAugment (Cubuk et al. 2020): so many operations on each picture, of one strength. */
export interface RandAugmentOptions {
  readonly numOperations: number;
  /** 0 to 30, as in torchvision. */
  readonly magnitude: number;
  /**
   * Operations that are never drawn; none when left out, which is torchvision's list. Texts that name colours become
   * false by "colour", "posterize", "solarize" (which inverts what is bright), "equalize" and "auto-contrast". ViLT leaves
   * out cutout and the inversion of colours, which are not among these 14; "solarize" is the nearest to the latter.
   */
  readonly without?: readonly RandAugmentName[];
}
