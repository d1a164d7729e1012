import { type Alignment, alignmentOfViews } from "../../../src/audit/perceptual/alignment.ts";
import { hashDistance } from "../../../src/audit/perceptual/hash.ts";
import {
  MIN_QUALITY,
  type PdqHasher,
  type PerceptualHash,
  type RgbPicture,
} from "../../../src/audit/perceptual/pdq.ts";
import {
  type ComparedPicture,
  comparedPicture,
  type Verification,
  PairVerifier,
} from "../../../src/audit/perceptual/verify-pair.ts";
import {
  bankViews,
  type BankView,
  hashViews,
  passingViews,
} from "../../../src/audit/perceptual/window-bank.ts";

/** A picture as both sides of an audit see it. */
export interface SeenPicture {
  readonly bank: readonly PerceptualHash[];
  readonly passing: readonly PerceptualHash[];
  readonly compared: ComparedPicture;
}

export function see(hasher: PdqHasher, picture: RgbPicture): SeenPicture {
  const reduced = hasher.open(picture);
  return {
    bank: hashViews(reduced, bankViews),
    passing: hashViews(reduced, passingViews),
    compared: comparedPicture(picture),
  };
}

/** How near two pictures are by one hash, by the protected one's symmetries, and by the bank. */
export interface Nearness {
  readonly whole: number;
  readonly symmetries: number;
  /** With the windows of the protected picture alone. */
  readonly oneWay: number;
  /** With those of the other picture as well. */
  readonly bothWays: number;
  readonly suggested: Alignment;
}

const NUM_SYMMETRIES = 8;

export function nearness(protectedPicture: SeenPicture, other: SeenPicture): Nearness {
  const [whole] = protectedPicture.bank;
  const [otherWhole] = other.passing;
  const toViews = protectedPicture.bank.map((hash) => comparedDistance(hash, otherWhole));
  const fromViews = other.passing.map((hash) => comparedDistance(whole, hash));
  const oneWay = Math.min(...toViews);
  const back = Math.min(...fromViews);
  const views: readonly [BankView | undefined, BankView | undefined] =
    oneWay <= back
      ? [bankViews[toViews.indexOf(oneWay)], passingViews[0]]
      : [bankViews[0], passingViews[fromViews.indexOf(back)]];
  const [protectedView, view] = views;
  if (protectedView === undefined || view === undefined) throw new Error("a view for each hash");
  return {
    whole: toViews[0] ?? Infinity,
    symmetries: Math.min(...toViews.slice(0, NUM_SYMMETRIES)),
    oneWay,
    bothWays: Math.min(oneWay, back),
    suggested: alignmentOfViews(protectedView, view),
  };
}

const verifier = new PairVerifier();

export function verified(protectedPicture: SeenPicture, other: SeenPicture): Verification {
  const { suggested } = nearness(protectedPicture, other);
  return verifier.verify(protectedPicture.compared, other.compared, suggested);
}

// Hashes of flat pictures and parts are of noise.
function comparedDistance(
  one: PerceptualHash | undefined,
  other: PerceptualHash | undefined,
): number {
  if (one === undefined || other === undefined) return Infinity;
  if (one.quality < MIN_QUALITY || other.quality < MIN_QUALITY) return 256;
  return hashDistance(one.hash, other.hash);
}
