import type { Contradiction } from "../verdict.ts";
import type { Identities } from "./identities.ts";

/**
 * Hashes of one picture differ in no larger share of their bits than PDQ's authors call a match, 31 of 256. Of the 64 bits that
 * NLVR2 ships this leaves 7: its 66 pairs of one address have distance 0, the 23 that only agree without their query 10 and more.
 */
const MATCHING_SHARE = 31 / 256;

/**
 * What says that two pictures with a name in common are different ones: perceptual hashes that are too far apart, where
 * neither bytes nor pixels are equal and no verification of pixels upholds them. Null where nothing says so.
 */
export function contradictionOf(
  identities: Identities,
  { one, other }: { readonly one: number; readonly other: number },
): Contradiction | null {
  const distance = identities.hashDistance(one, other);
  if (distance === undefined) return null;
  if (distance.distanceBits <= Math.floor(distance.hashBits * MATCHING_SHARE)) return null;
  return isUpheld(identities, one, other) ? null : distance;
}

function isUpheld(identities: Identities, one: number, other: number): boolean {
  if (identities.nearEdgesOf(one).some((edge) => edge.other === other)) return true;
  let isSame = false;
  identities.forEachSharedName(one, (name, field) => {
    const isContent = field === "source file" || field === "stored file" || field === "pixels";
    if (isContent && identities.fieldOf(other, name) !== undefined) isSame = true;
  });
  return isSame;
}
