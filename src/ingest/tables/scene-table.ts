import { createHash } from "node:crypto";
import type { Exclusion } from "../exclusion/exclusion-rules.ts";
import type { FoundPicture } from "../pictures/picture-folders.ts";
import type { SourceOptions } from "../source.ts";
import { type Column, codeColumn, rowColumn } from "./column.ts";
import type {
  DatasetReading,
  DescribedPicture,
  SceneDescription,
} from "../joining/dataset-reading.ts";
import { IdIndex } from "./id-index.ts";
import type { ListTable } from "./list-table.ts";

/** What became of a scene, and so of all its usable records. */
export const sceneFates = {
  written: 0,
  undescribed: 1,
  excluded: 2,
  notInSplit: 3,
  noTexts: 4,
  missingPicture: 5,
} as const;

const NONE = -1;
const NO_SPLIT = 255;

/** Where a scene is described. */
export interface SceneSource {
  readonly list: ListTable;
  readonly row: number;
}

/** All scenes that records speak of, in the order in which they are first named. */
export class SceneTable {
  readonly #reading: DatasetReading;
  readonly #options: SourceOptions;
  readonly #lists: ListTable[] = [];
  readonly #ids = new IdIndex();
  readonly #describers: Column = rowColumn();
  readonly #describerLists: Column = codeColumn();
  readonly #splits: Column = codeColumn();
  /** Positions in `#partNames`. */
  readonly #parts: Column = codeColumn();
  readonly #partNames: (string | undefined)[] = [undefined];
  readonly #otherParts: SceneSource[] = [];
  readonly #fates: Column = codeColumn();
  readonly #numTexts: Column = rowColumn();
  readonly #numListed: Column = rowColumn();
  readonly #numPictures: Column = codeColumn();
  readonly #exclusions = new Map<number, Exclusion>();
  readonly #pictures = createHash("sha256");

  constructor(reading: DatasetReading, options: SourceOptions) {
    this.#reading = reading;
    this.#options = options;
  }

  get length(): number {
    return this.#fates.length;
  }

  /** The row of a scene that a record describes, or undefined. */
  describedRow(sceneId: string): number | undefined {
    const row = this.#ids.get(sceneId);
    return row !== undefined && this.isDescribed(row) ? row : undefined;
  }

  /** The row of a scene, new or known. */
  rowOf(sceneId: string): number {
    const row = this.#ids.claim(sceneId, this.length);
    if (row === this.length) {
      this.#describers.push(NONE);
      this.#describerLists.push(0);
      this.#splits.push(NO_SPLIT);
      this.#parts.push(0);
      this.#fates.push(sceneFates.undescribed);
      this.#numTexts.push(0);
      this.#numListed.push(0);
      this.#numPictures.push(0);
    }
    return row;
  }

  isDescribed(row: number): boolean {
    return this.#describers.at(row) !== NONE;
  }

  /** The position of the split that a part goes to, or undefined. */
  splitOfPart(part: string | undefined): number | undefined {
    const index = this.#options.splits.findIndex(
      ({ parts }) => parts === "everything" || (part !== undefined && parts.includes(part)),
    );
    return index < 0 ? undefined : index;
  }

  /** Takes the first description of a scene: its split, exclusion and pictures are decided by it. */
  describe(
    row: number,
    description: SceneDescription,
    { list, row: describer }: SceneSource,
  ): void {
    if (!this.#lists.includes(list)) this.#lists.push(list);
    this.#describers.set(row, describer);
    this.#describerLists.set(row, this.#lists.indexOf(list));
    this.#parts.set(row, this.#partIndex(description.part?.part));
    this.#numPictures.set(row, description.pictures.length);
    const split = this.splitOfPart(description.part?.part);
    const exclusion =
      split !== undefined && this.#options.splits[split]?.role === "train"
        ? this.#exclusionOf(description)
        : undefined;
    if (split !== undefined) this.#splits.set(row, split);
    if (exclusion !== undefined) {
      this.#exclusions.set(row, exclusion);
      this.#fates.set(row, sceneFates.excluded);
    } else if (split === undefined) this.#fates.set(row, sceneFates.notInSplit);
    else {
      const isThere = description.pictures.map((picture) => this.#lookFor(picture)).every(Boolean);
      this.#fates.set(row, isThere ? sceneFates.written : sceneFates.missingPicture);
    }
  }

  #partIndex(part: string | undefined): number {
    const known = this.#partNames.indexOf(part);
    return known < 0 ? this.#partNames.push(part) - 1 : known;
  }

  /**
   * Takes another description of a scene that is described already; whether it puts the scene into the
   * same split.
   */
  describeAgain(row: number, { part }: SceneDescription, source: SceneSource): boolean {
    if (this.#partIndex(part?.part) === this.#parts.at(row)) return true;
    this.#otherParts.push(source);
    return this.splitOfPart(part?.part) === this.split(row);
  }

  /** Where scenes are said to be in another part than where they are first described. */
  get otherParts(): readonly SceneSource[] {
    return this.#otherParts;
  }

  // Of two equal pictures the one that is trained on goes; the evaluation stays as it was published.
  #exclusionOf({ pictures }: SceneDescription): Exclusion | undefined {
    for (const picture of pictures) {
      const exclusion = this.#options.exclusions.match(picture);
      if (exclusion !== undefined) return exclusion;
    }
    return undefined;
  }

  #lookFor(picture: DescribedPicture): boolean {
    if (this.#options.annotationsOnly) return true;
    const found = this.find(picture);
    this.#pictures.update(`${picture.key} ${found?.path ?? "missing"} ${found?.sizeBytes ?? 0}\n`);
    return found !== undefined;
  }

  find({ name, folder }: DescribedPicture): FoundPicture | undefined {
    return this.#reading.pictures.find(name, folder);
  }

  /** Names the picture files that were found, with their sizes. */
  picturesDigest(): string {
    return this.#options.annotationsOnly ? "not looked for" : this.#pictures.copy().digest("hex");
  }

  addTexts(row: number, count: number): void {
    this.#numTexts.add(row, count);
  }

  /** Counts texts that name a scene, usable or not. */
  addListed(row: number, count: number): void {
    this.#numListed.add(row, count);
  }

  /** Once all texts are counted: a scene without any is not written. */
  settle(): void {
    for (let row = 0; row < this.length; row += 1) {
      const hasPlace =
        this.#fates.at(row) === sceneFates.written ||
        this.#fates.at(row) === sceneFates.missingPicture;
      if (hasPlace && this.#numTexts.at(row) === 0) this.#fates.set(row, sceneFates.noTexts);
    }
  }

  fate(row: number): number {
    return this.#fates.at(row);
  }

  /** The position of its split among the recipe's; undefined when in none. */
  split(row: number): number | undefined {
    const split = this.#splits.at(row);
    return split === NO_SPLIT ? undefined : split;
  }

  exclusion(row: number): Exclusion | undefined {
    return this.#exclusions.get(row);
  }

  numTexts(row: number): number {
    return this.#numTexts.at(row);
  }

  numListed(row: number): number {
    return this.#numListed.at(row);
  }

  numPictures(row: number): number {
    return this.#numPictures.at(row);
  }

  /** Where a scene is described. */
  source(row: number): SceneSource | undefined {
    const list = this.#lists[this.#describerLists.at(row)];
    const describer = this.#describers.at(row);
    return list === undefined || describer === NONE ? undefined : { list, row: describer };
  }

  /** What a described scene is, read again. */
  description(row: number): SceneDescription {
    const source = this.source(row);
    const description = source?.list.record(source.row).describe?.();
    if (description === undefined) throw new Error(`scene ${row} was described before`);
    return description;
  }
}
