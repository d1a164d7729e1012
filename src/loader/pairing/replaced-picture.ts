import { sampleDraws, type SampleKey } from "../draws.ts";
import type { PairingOptions } from "../options.ts";

/** The scenes [first, first + size). */
export interface SceneRange {
  readonly first: number;
  readonly size: number;
}

/** The scenes of a range but the sample's own, by position. */
export function otherScene({ first }: SceneRange, sampleIndex: number, position: number): number {
  const place = first + position;
  return place < sampleIndex ? place : place + 1;
}

/** Which side of a sample's only pair is another's, by a coin of UNITER's law. */
export function replacedSide(
  key: SampleKey,
  pairing: Extract<PairingOptions, { kind: "bernoulli" }>,
): "none" | "picture" | "text" {
  const draws = sampleDraws("labels", key);
  if (!draws.nextBoolean(pairing.probability)) return "none";
  if (pairing.replace !== "either") return pairing.replace;
  return draws.nextBoolean(0.5) ? "picture" : "text";
}

/**
 * The sample whose picture is tried first in the place of the own one of a sample that is a text; its own where that stays. No
 * scene is read. It decides how much room the picture has in a batch: whatever stands there in the end takes no more.
 */
export function firstPicture(key: SampleKey, pairing: PairingOptions, range: SceneRange): number {
  if (pairing.kind !== "bernoulli" || range.size < 2) return key.sampleIndex;
  if (replacedSide(key, pairing) !== "picture") return key.sampleIndex;
  const draws = sampleDraws("pairing", key);
  draws.sampleDistinct(1, 1); // the order of its own texts, which are one
  return otherScene(range, key.sampleIndex, draws.nextInt(range.size - 1));
}
