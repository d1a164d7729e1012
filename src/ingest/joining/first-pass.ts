import { SourceError } from "../../core/errors.ts";
import { type AnnotationFile, findAnnotationFile } from "../annotations/annotation-file.ts";
import type { SourceOptions } from "../source.ts";
import type {
  DatasetReading,
  Examined,
  ExaminedRecord,
  FileReading,
  NestedRecord,
  RecordFault,
} from "./dataset-reading.ts";
import { EntryFile, type FileEntry } from "./entry-file.ts";
import { essenceOf, isFault, isNoRecord } from "./examined.ts";
import { IdSpace } from "../tables/id-space.ts";
import { IdDigests } from "../tables/id-digests.ts";
import { entryFates, ListTable } from "../tables/list-table.ts";
import { SceneTable } from "../tables/scene-table.ts";

/** A file after its pass. */
export interface PassedFile {
  readonly path: string;
  readonly entries: EntryFile;
  readonly lists: readonly ListTable[];
}

/**
 * The one pass in which all files of a dataset stream past: it gives each entry its row, finds
 * faults, doubles and dangling references, and gathers which scenes there are.
 */
export class FirstPass {
  readonly scenes: SceneTable;
  readonly files: PassedFile[] = [];
  readonly idDigests: IdDigests = new IdDigests();
  readonly #reading: DatasetReading;
  readonly #options: SourceOptions;
  readonly #spaces = new Map<string, IdSpace>();

  constructor(reading: DatasetReading, options: SourceOptions) {
    this.#reading = reading;
    this.#options = options;
    this.scenes = new SceneTable(reading, options);
  }

  /** The id space of this name; one without records when nothing of the kind was read. */
  space(name: string): IdSpace {
    const known = this.#spaces.get(name) ?? new IdSpace(name);
    this.#spaces.set(name, known);
    return known;
  }

  /** Reads all files to their ends. The files opened are the caller's to dispose of. */
  async read(held: DisposableStack): Promise<void> {
    const { folder, progress, signal } = this.#options;
    const total = this.#reading.files.length;
    for (const [done, file] of this.#reading.files.entries()) {
      const found = await findAnnotationFile(folder, file.path);
      if (found === undefined) throw fileGone(file.path);
      progress.report({ activity: `reading ${found.path}`, done, total, unit: "files" });
      await this.#readFile(file, held.use(new EntryFile(found, file.format, signal)));
    }
  }

  async #readFile(reading: FileReading, entries: EntryFile): Promise<void> {
    const lists = new Map(
      Object.entries(reading.lists).map(([member, list]) => {
        const space = this.space(list.idSpace ?? list.kind);
        const nestedSpace = list.nestedKind === undefined ? undefined : this.space(list.nestedKind);
        return [
          member,
          new ListTable({ file: entries, member, reading: list, space, nestedSpace }),
        ];
      }),
    );
    for (const list of lists.values()) {
      list.space.addList(list);
      list.nestedSpace?.addNestedList(list);
    }
    const seen = new Set<string>();
    for await (const batch of entries.entries()) {
      this.#options.signal?.throwIfAborted();
      let member = batch[0]?.member ?? "";
      let list = lists.get(member);
      for (const entry of batch) {
        if (entry.member !== member) {
          member = entry.member;
          list = lists.get(member);
        }
        if (entry.index === 0) seen.add(member);
        if (list !== undefined && entry.index >= 0) this.#take(list, entry);
        else reading.readAside?.(member, entry.value);
      }
    }
    requireLists(entries.file, lists, seen);
    for (const list of lists.values()) list.close();
    this.files.push({ path: reading.path, entries, lists: Array.from(lists.values()) });
  }

  #take(list: ListTable, entry: FileEntry): void {
    const row = list.add(entry.byteOffset, entry.sizeBytes);
    list.space.numRecords += 1;
    const examined = this.#examine(list, entry);
    if (isNoRecord(examined)) list.setFate(row, entryFates.noRecord);
    else if (isFault(examined)) list.setFate(row, entryFates.faulty);
    else this.#takeRecord(list, row, examined);
  }

  #examine(list: ListTable, { value, fault, index }: FileEntry): Examined {
    if (fault !== null) return { fault: "ANN_SYNTAX", evidence: fault };
    // An empty line of a file of JSON values.
    if (value === undefined) return { noRecord: true };
    return list.reading.examine({ value, index });
  }

  #takeRecord(list: ListTable, row: number, record: ExaminedRecord): void {
    if (list.reading.digestsIds === true) this.idDigests.add(list, record.id);
    // Whatever becomes of the entry, the records inside it were read and have to be counted.
    const numNested = this.#takeNested(list, row, record);
    const ordinal = list.firstOrdinal + row;
    const first = record.id === "" ? ordinal : list.space.ids.claim(record.id, ordinal);
    if (first !== ordinal) {
      const isSame = essenceOf(record) === this.#essenceAt(list.space, first);
      list.setFate(row, isSame ? entryFates.duplicate : entryFates.conflict);
      return;
    }
    if (record.leftOut !== undefined) return list.setFate(row, entryFates.leftOut);
    const scene = this.#sceneOf(list, row, record);
    if (scene === undefined) return;
    list.setScene(row, scene);
    if (record.describe !== undefined && !this.#describe(list, row, record)) return;
    const numOwn = record.numTexts ?? (record.texts === undefined ? 0 : 1);
    list.setNumTexts(row, numOwn + numNested);
  }

  // Undefined when the record joins another and cannot; its fate is set then.
  #sceneOf(list: ListTable, row: number, record: ExaminedRecord): number | undefined {
    const { joins } = list.reading;
    const { joinKey, sceneId } = record;
    if (joins === undefined || joinKey === undefined) {
      if (joinKey !== undefined) list.space.joinKeys.claim(joinKey, list.firstOrdinal + row);
      if (sceneId === null)
        throw new Error(`${list.reading.kind}: a record needs a scene or a join`);
      return this.scenes.rowOf(sceneId);
    }
    const partner = this.#joinable(joins, joinKey);
    if (partner === undefined) return this.#outcast(list, row, entryFates.unjoined);
    const scene = partner.list.scene(partner.row);
    const isOther = sceneId !== null && this.scenes.rowOf(sceneId) !== scene;
    if (isOther || partner.list.partner(partner.row) !== -1) {
      return this.#outcast(list, row, entryFates.joinedTwice);
    }
    partner.list.setPartner(partner.row, list.firstOrdinal + row);
    list.setPartner(row, partner.list.firstOrdinal + partner.row);
    return scene;
  }

  #joinable(space: string, joinKey: string): { list: ListTable; row: number } | undefined {
    const ordinal = this.space(space).joinKeys.get(joinKey);
    const address = ordinal === undefined ? undefined : this.space(space).addressOf(ordinal);
    // One that contradicts its picture's part is not written, and what joins it cannot be either.
    return address?.list.fate(address.row) === entryFates.usable ? address : undefined;
  }

  #outcast(
    list: ListTable,
    row: number,
    fate: typeof entryFates.unjoined | typeof entryFates.joinedTwice,
  ): undefined {
    list.setFate(row, fate);
    return undefined;
  }

  // A scene is where its first record puts it; a later one that puts it elsewhere contradicts that.
  #describe(list: ListTable, row: number, record: ExaminedRecord): boolean {
    const scene = list.scene(row);
    const isKnown = this.scenes.isDescribed(scene);
    if (isKnown && this.#reading.split !== undefined) return true;
    const description = record.describe?.();
    if (description === undefined) return true;
    if (!isKnown) {
      this.scenes.describe(scene, description, { list, row });
      return true;
    }
    if (this.scenes.describeAgain(scene, description, { list, row })) return true;
    list.setFate(row, entryFates.otherPart);
    return false;
  }

  /** Takes the records inside one; gives how many of them are usable. */
  #takeNested(list: ListTable, row: number, { nested }: ExaminedRecord): number {
    const space = list.nestedSpace;
    if (space === undefined || nested === undefined) return 0;
    let numUsable = 0;
    for (const record of nested) {
      const ordinal = space.numRecords;
      space.numRecords += 1;
      const outcome = this.#nestedOutcome(space, ordinal, record);
      if (outcome === "usable") numUsable += 1;
      else list.noteNested(row, outcome);
    }
    return numUsable;
  }

  #nestedOutcome(
    space: IdSpace,
    ordinal: number,
    record: NestedRecord | RecordFault,
  ): "usable" | "excluded" | "quarantined" {
    if ("fault" in record) return "quarantined";
    const first = record.id === "" ? ordinal : space.ids.claim(record.id, ordinal);
    if (first === ordinal) return "usable";
    const isSame = JSON.stringify(record.text()) === this.#essenceAt(space, first);
    return isSame ? "excluded" : "quarantined";
  }

  /** What the record of this ordinal says, for comparison. */
  #essenceAt(space: IdSpace, ordinal: number): string {
    const { list, row, nestedIndex } = space.addressOf(ordinal);
    const record = list.record(row);
    if (nestedIndex === undefined) return essenceOf(record);
    const nested = record.nested?.[nestedIndex];
    return nested === undefined || "fault" in nested ? "" : JSON.stringify(nested.text());
  }
}

/** JSON pointer, line or row of an entry. */
export function placeOfEntry(list: ListTable, row: number): string {
  const pointer = list.member === "" ? `/${row}` : `/${list.member}/${row}`;
  return list.file.placeOf(pointer, row);
}

function fileGone(path: string): SourceError {
  return new SourceError(`${path}: is gone`, { file: path, remedy: "put it back" });
}

function requireLists(
  file: AnnotationFile,
  lists: ReadonlyMap<string, ListTable>,
  seen: ReadonlySet<string>,
): void {
  for (const member of lists.keys()) {
    if (seen.has(member)) continue;
    const what =
      member === "" ? "it has no records" : `it has no list "${member}", or an empty one`;
    throw new SourceError(`${file.path}: ${what}`, {
      file: file.path,
      record: `/${member}`,
      remedy: "this is not the official file, or it is empty: download it again",
    });
  }
}
