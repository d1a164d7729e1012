import type { ComparedSplits, ProtectedTexts } from "../texts/protected-texts.ts";

/** What two evaluation splits have in common of their texts; splits that share nothing are left out. */
export interface SharedTexts {
  readonly one: string;
  readonly other: string;
  /** Different texts, by their words, that are in both. */
  readonly texts: number;
  /** Of these, how many are of one picture in both, by any chain. */
  readonly samePicture: number;
  /** The records that have these texts. */
  readonly inOne: number;
  readonly inOther: number;
}

interface MutableShared {
  texts: number;
  samePicture: number;
  readonly records: [number, number];
}

/** What of an entry one split has. */
interface Holding {
  records: number;
  readonly identities: Set<number>;
}

/**
 * Counts, for every two evaluation splits, the texts that both evaluate on. Nothing of it is trained on, but a model that is
 * chosen by the one has seen texts of the other.
 */
export function sharedTexts(
  texts: ProtectedTexts,
  { identities, splits }: ComparedSplits,
): readonly SharedTexts[] {
  const pairs = new Map<number, MutableShared>();
  for (let entry = 0; entry < texts.numEntries; entry += 1) {
    const members = texts.membersOf(entry);
    if (members.length < 2) continue;
    const holdings = new Map<number, Holding>();
    for (const member of members) {
      const { pictures, source } = texts.sceneOf(member);
      const holding = holdings.get(source) ?? { records: 0, identities: new Set() };
      holdings.set(source, holding);
      holding.records += 1;
      for (const picture of pictures) holding.identities.add(identities.identityOf(picture));
    }
    if (holdings.size > 1) countEntry(pairs, holdings, splits.length);
  }
  return Array.from(pairs)
    .toSorted(([a], [b]) => a - b)
    .map(([pair, { records, samePicture, texts: number }]) => {
      const [one, other] = [Math.floor(pair / splits.length), pair % splits.length];
      const [inOne, inOther] = records;
      const nameOf = (source: number): string => splits[source]?.set ?? "";
      return { one: nameOf(one), other: nameOf(other), texts: number, samePicture, inOne, inOther };
    });
}

function countEntry(
  pairs: Map<number, MutableShared>,
  holdings: ReadonlyMap<number, Holding>,
  numSplits: number,
): void {
  const sources = Array.from(holdings).toSorted(([a], [b]) => a - b);
  for (const [at, [one, first]] of sources.entries()) {
    for (const [other, second] of sources.slice(at + 1)) {
      const pair = one * numSplits + other;
      const shared = pairs.get(pair) ?? { texts: 0, samePicture: 0, records: [0, 0] };
      pairs.set(pair, shared);
      shared.texts += 1;
      if (!first.identities.isDisjointFrom(second.identities)) shared.samePicture += 1;
      shared.records[0] += first.records;
      shared.records[1] += second.records;
    }
  }
}
