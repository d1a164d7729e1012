import { type ImageKey, namesOfReference, webAddress } from "../../core/keys.ts";
import type { PlacedPicture } from "./crosswalk.ts";

/**
 * How the names of pictures that come with perceptual hashes do as evidence. Each way of spelling an address
 * is measured, the one that is not used too: without its query an address joins pictures that are not one.
 */
const spellings = ["as written", "canonical", "without query", "Flickr photo"] as const;

export type Spelling = (typeof spellings)[number];

/** The spellings that join pictures for an audit; the others are measured alone. */
export const usedSpellings: ReadonlySet<Spelling> = new Set(["canonical", "Flickr photo"]);

/** What one spelling says of the pictures of two parts. */
export interface SpellingYield {
  readonly parts: readonly [string, string];
  readonly spelling: Spelling;
  /** Pairs of a picture of each part that have one name by this spelling. */
  readonly pairs: number;
  /** Those that no spelling before this one joins. */
  readonly added: number;
  /** Pairs whose hashes say the same picture, another one, and of which a hash is not there. */
  readonly confirmed: number;
  readonly contradicted: number;
  readonly unknown: number;
  /** The first contradicted pairs, as they are listed. */
  readonly firstContradicted: readonly (readonly [ImageKey, ImageKey])[];
}

/** A picture with its part, as it is measured. */
export interface MeasuredPicture {
  readonly part: string;
  readonly picture: PlacedPicture;
}

/**
 * Bits of 64 up to which two average hashes are of one picture: those of one address of NLVR2 are equal, and
 * the nearest ones that a dropped query joins wrongly differ in 10 (data/nlvr2, dev and test1).
 */
const MAX_SAME_BITS = 4;
const MAX_LISTED = 5;

/** Measures all spellings on all pairs of parts. The cost grows with the pairs that share a name, not with all pairs. */
export function measureSpellings(pictures: readonly MeasuredPicture[]): readonly SpellingYield[] {
  const parts = [...new Set(pictures.map(({ part }) => part))].toSorted();
  return parts.flatMap((one, at) =>
    parts.slice(at + 1).flatMap((other) => {
      const [first, second] = [one, other].map((part) =>
        pictures.filter((each) => each.part === part),
      );
      return measureParts([one, other], first ?? [], second ?? []);
    }),
  );
}

function measureParts(
  parts: readonly [string, string],
  first: readonly MeasuredPicture[],
  second: readonly MeasuredPicture[],
): readonly SpellingYield[] {
  const known = new Set<string>();
  return spellings.map((spelling) => {
    const yielded = { pairs: 0, added: 0, confirmed: 0, contradicted: 0, unknown: 0 };
    const firstContradicted: [ImageKey, ImageKey][] = [];
    for (const [one, other] of pairsByName(first, second, spelling)) {
      const pair = `${one.key} ${other.key}`;
      yielded.pairs += 1;
      if (!known.has(pair)) yielded.added += 1;
      known.add(pair);
      const verdict = verdictOf(one, other);
      yielded[verdict] += 1;
      if (verdict === "contradicted" && firstContradicted.length < MAX_LISTED) {
        firstContradicted.push([one.key, other.key]);
      }
    }
    return { parts, spelling, ...yielded, firstContradicted };
  });
}

function* pairsByName(
  first: readonly MeasuredPicture[],
  second: readonly MeasuredPicture[],
  spelling: Spelling,
): Generator<readonly [PlacedPicture, PlacedPicture]> {
  const byName = new Map<string, PlacedPicture[]>();
  for (const { picture } of second) {
    const name = nameBy(spelling, picture);
    if (name === undefined) continue;
    const known = byName.get(name);
    if (known === undefined) byName.set(name, [picture]);
    else known.push(picture);
  }
  for (const { picture } of first) {
    const name = nameBy(spelling, picture);
    for (const other of (name === undefined ? undefined : byName.get(name)) ?? []) {
      yield [picture, other];
    }
  }
}

function nameBy(spelling: Spelling, picture: PlacedPicture): string | undefined {
  const { url } = picture;
  if (spelling === "Flickr photo") {
    const photo = /^(?:Flickr photo id|photo in URL|file name)$/;
    return namesOfReference(picture).find(({ field }) => photo.test(field))?.name;
  }
  if (url === null) return undefined;
  if (spelling === "as written") return url;
  return spelling === "canonical" ? webAddress(url) : webAddress(url.replace(/\?[^#]*/, ""));
}

function verdictOf(
  { shippedHash: one }: PlacedPicture,
  { shippedHash: other }: PlacedPicture,
): "confirmed" | "contradicted" | "unknown" {
  if (one === undefined || other === undefined) return "unknown";
  return numDifferentBits(one, other) <= MAX_SAME_BITS ? "confirmed" : "contradicted";
}

/** Of two hashes of one length in hexadecimal digits. */
function numDifferentBits(one: string, other: string): number {
  let numBits = 0;
  for (let bits = BigInt(`0x${one}`) ^ BigInt(`0x${other}`); bits > 0n; bits &= bits - 1n)
    numBits += 1;
  return numBits;
}
