import type { Identities } from "../identity/identities.ts";
import { type LeakRule, stepRules } from "../rules.ts";
import type { RelatedPictures } from "./crosswalk.ts";
import { bitsOf, BitTable, type GroupBits, hasGroup, numWordsFor } from "./group-bits.ts";
import { keyListings } from "./key-listings.ts";
import { GroupsByRule } from "./groups-by-rule.ts";

/** How many pictures by each rule; a picture counts for its strongest one. Rules without any are left out. */
export type RuleCounts = Readonly<Partial<Record<LeakRule, number>>>;

/** What is asked: groups by their numbers. */
export interface CellQuestion {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  /** Whether a row and a column are compared; all are when not given, but for a group with itself. */
  readonly isAsked?: ((row: number, column: number) => boolean) | undefined;
  /** The group whose pictures are taken out of some of the rows; none when not given. */
  readonly leaveOut?: { readonly group: number; readonly from: readonly number[] } | undefined;
}

/** A row's pictures among a column's. */
export interface Cell {
  readonly row: number;
  readonly column: number;
  /** Distinct pictures of the column that are in the row. */
  readonly pictures: number;
  readonly byRule: RuleCounts;
  /** Those that are still in the row when what `leaveOut` names is taken out. */
  readonly kept: number;
  /** The first few of them, by their numbers. */
  readonly first: readonly number[];
}

/** What a group holds. */
interface GroupSize {
  /** Distinct pictures. */
  readonly pictures: number;
  /** Those of which no file tells which photo they are, nor links. */
  readonly untold: number;
  /** Those that `leaveOut` takes out of it, by the rule that shows it. */
  readonly leftOut: RuleCounts;
}

export interface CellCounts {
  /** Row by row for each column; a group is not compared with itself. */
  readonly cells: readonly Cell[];
  /** By the groups' numbers. */
  readonly groups: readonly GroupSize[];
}

/** How many pictures of each cell are given, for chains that a person can follow. */
const FIRST_GIVEN = 3;

/** Counts, for each row and column, the column's pictures that are in the row by whatever chain of names. */
export function countCells(related: RelatedPictures, question: CellQuestion): CellCounts {
  return new CellCounter(related, question).count();
}

interface MutableCell extends Cell {
  pictures: number;
  kept: number;
  readonly byRule: Partial<Record<LeakRule, number>>;
  readonly first: number[];
}

interface CountedColumn {
  readonly column: number;
  readonly cells: readonly MutableCell[];
  /** The rows that it is compared with. */
  readonly rowBits: GroupBits;
}

interface MutableSize extends GroupSize {
  pictures: number;
  untold: number;
  readonly leftOut: Partial<Record<LeakRule, number>>;
}

class CellCounter {
  readonly #related: RelatedPictures;
  readonly #identities: Identities;
  readonly #leaveOut: CellQuestion["leaveOut"];
  readonly #columns: readonly CountedColumn[];
  readonly #sizes: readonly MutableSize[];
  readonly #byRule: GroupsByRule;
  readonly #columnBits: GroupBits;
  /** The rows that pictures are taken out of. */
  readonly #givingBits: GroupBits;
  /** By pictures: the groups that count it, each once for all listings of one key. */
  readonly #fresh: BitTable;
  /** By identities: the groups that have a picture of it, and those that still have one after leaving out. */
  readonly #reached: BitTable;
  readonly #kept: BitTable;
  /** By identities of the policy: whether a picture of it is left out. */
  readonly #leftOut: Uint8Array;

  constructor(
    related: RelatedPictures,
    { rows, columns, leaveOut, isAsked = () => true }: CellQuestion,
  ) {
    const { identities, numGroups } = related;
    const { numPictures } = identities;
    const numWords = numWordsFor(numGroups);
    this.#related = related;
    this.#identities = identities;
    this.#leaveOut = leaveOut;
    this.#columns = columns.map((column) => {
      const asked = rows.filter((row) => row !== column && isAsked(row, column));
      const cells = asked.map((row) => emptyCell(row, column));
      return { column, cells, rowBits: bitsOf(asked, numWords) };
    });
    this.#sizes = Array.from({ length: numGroups }, emptySize);
    this.#byRule = new GroupsByRule(related);
    this.#columnBits = bitsOf(columns, numWords);
    this.#givingBits = bitsOf(leaveOut?.from ?? [], numWords);
    this.#fresh = new BitTable(numPictures, numWords);
    this.#reached = new BitTable(numPictures, numWords);
    this.#kept = new BitTable(numPictures, numWords);
    this.#leftOut = new Uint8Array(numPictures);
  }

  count(): CellCounts {
    this.#markLeftOut();
    const { numPictures } = this.#identities;
    for (let picture = 0; picture < numPictures; picture += 1) this.#reach(picture);
    for (let picture = 0; picture < numPictures; picture += 1) this.#take(picture);
    return { cells: this.#columns.flatMap(({ cells }) => cells), groups: this.#sizes };
  }

  #markLeftOut(): void {
    const leaveOut = this.#leaveOut;
    const { byPolicy } = this.#related;
    if (leaveOut === undefined) return;
    for (let picture = 0; picture < byPolicy.numPictures; picture += 1) {
      if (!hasGroup(this.#groupsOf(picture), leaveOut.group)) continue;
      this.#leftOut[byPolicy.identityOf(picture)] = 1;
    }
  }

  #isLeftOut(picture: number): boolean {
    return this.#leftOut[this.#related.byPolicy.identityOf(picture)] === 1;
  }

  #groupsOf(picture: number): GroupBits {
    return this.#related.groupsOf[this.#identities.sourceNumber(picture)] ?? [];
  }

  #reach(picture: number): void {
    const groups = this.#groupsOf(picture);
    if (groups.every((word) => word === 0)) return;
    const identity = this.#identities.identityOf(picture);
    this.#reached.add(identity, groups);
    const isLeftOut = this.#isLeftOut(picture);
    this.#kept.add(
      identity,
      isLeftOut ? groups.map((word, at) => word & ~(this.#givingBits[at] ?? 0)) : groups,
    );
    const { fresh, isTold } = keyListings(this.#related, picture);
    this.#fresh.add(picture, fresh);
    for (const [group, size] of this.#sizes.entries()) {
      if (!hasGroup(fresh, group)) continue;
      size.pictures += 1;
      if (!isTold) size.untold += 1;
    }
  }

  #take(picture: number): void {
    if (this.#fresh.meets(picture, this.#columnBits)) this.#compare(picture);
    const leaveOut = this.#leaveOut;
    if (leaveOut === undefined || !this.#isLeftOut(picture)) return;
    if (this.#fresh.meets(picture, this.#givingBits)) this.#leave(picture, leaveOut);
  }

  #compare(picture: number): void {
    const identity = this.#identities.identityOf(picture);
    const fresh = this.#fresh.of(picture);
    const columns = this.#columns.filter(
      ({ column, rowBits }) => hasGroup(fresh, column) && this.#reached.meets(identity, rowBits),
    );
    if (columns.length === 0) return;
    const [reached, kept] = [this.#reached.of(identity), this.#kept.of(identity)];
    const shared = this.#byRule.of(picture);
    for (const cell of columns.flatMap(({ cells }) => cells)) {
      if (!hasGroup(reached, cell.row)) continue;
      cell.pictures += 1;
      addTo(cell.byRule, ruleTo(shared, cell.row));
      if (hasGroup(kept, cell.row)) cell.kept += 1;
      if (cell.first.length < FIRST_GIVEN) cell.first.push(picture);
    }
  }

  #leave(picture: number, { group, from }: NonNullable<CellQuestion["leaveOut"]>): void {
    const fresh = this.#fresh.of(picture);
    const rule = ruleTo(this.#byRule.of(picture), group);
    for (const row of from) {
      const size = this.#sizes[row];
      if (size !== undefined && hasGroup(fresh, row)) addTo(size.leftOut, rule);
    }
  }
}

function emptyCell(row: number, column: number): MutableCell {
  return { row, column, pictures: 0, byRule: {}, kept: 0, first: [] };
}

function emptySize(): MutableSize {
  return { pictures: 0, untold: 0, leftOut: {} };
}

function addTo(counts: Partial<Record<LeakRule, number>>, rule: LeakRule): void {
  counts[rule] = (counts[rule] ?? 0) + 1;
}

function ruleTo(shared: ReadonlyMap<LeakRule, GroupBits>, group: number): LeakRule {
  return stepRules.find((rule) => hasGroup(shared.get(rule) ?? [], group)) ?? "chain";
}
