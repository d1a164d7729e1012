import type { RelatedPictures } from "./crosswalk.ts";
import { addBits, type GroupBits } from "./group-bits.ts";

/** What the listings of one picture say together: several may name it by one key. */
interface KeyListings {
  /** The groups that the picture is in and that no listing before this one has put it in. */
  readonly fresh: GroupBits;
  /** Whether any listing of the key tells which photo it is, or what it is linked to, if anything. */
  readonly isTold: boolean;
}

/** What the listings of a picture's key say, so that it counts once in each group. */
export function keyListings(related: RelatedPictures, picture: number): KeyListings {
  const { groupsOf, identities } = related;
  const groups = groupsOf[identities.sourceNumber(picture)] ?? [];
  const key = sharedKey(related, picture);
  if (key === undefined) return { fresh: groups, isTold: related.isTold(picture) };
  const earlier = groups.map(() => 0);
  let isTold = false;
  for (const other of identities.membersOf(key)) {
    if (identities.fieldOf(other, key) !== "key") continue;
    isTold ||= related.isTold(other);
    if (other < picture) addBits(earlier, groupsOf[identities.sourceNumber(other)] ?? []);
  }
  return { fresh: groups.map((word, at) => word & ~(earlier[at] ?? 0)), isTold };
}

/** The picture's key by its number among the names, where another picture has it too. */
function sharedKey({ identities }: RelatedPictures, picture: number): number | undefined {
  let key: number | undefined;
  identities.forEachSharedName(picture, (name, field) => {
    if (field === "key") key = name;
  });
  return key;
}
