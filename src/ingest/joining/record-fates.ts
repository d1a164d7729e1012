import type { LedgerEntry, LedgerOutcome, RecordCounts } from "../../core/records.ts";
import type { SourceOptions } from "../source.ts";
import type {
  DatasetReading,
  Examined,
  Fate,
  NestedRecord,
  RecordFault,
} from "./dataset-reading.ts";
import { essenceOf, isFault, isNoRecord } from "./examined.ts";
import { type FirstPass, placeOfEntry } from "./first-pass.ts";
import type { IdSpace } from "../tables/id-space.ts";
import { entryFates, type ListTable } from "../tables/list-table.ts";
import { sceneFates } from "../tables/scene-table.ts";

/** Says of every record of a dataset what became of it, from the tables of the first pass. */
export class RecordFates {
  readonly #pass: FirstPass;
  readonly #reading: DatasetReading;
  readonly #options: SourceOptions;
  #sceneFate: { readonly scene: number; readonly fate: Fate } | undefined;

  constructor(pass: FirstPass, reading: DatasetReading, options: SourceOptions) {
    this.#pass = pass;
    this.#reading = reading;
    this.#options = options;
  }

  /** Per list and kind, in the order of the files. */
  counts(): RecordCounts[] {
    return this.#pass.files.flatMap(({ lists }) => lists.flatMap((list) => this.#countList(list)));
  }

  #countList(list: ListTable): RecordCounts[] {
    const own = new Tally();
    const nested = new Tally();
    for (let row = 0; row < list.length; row += 1) {
      if (list.fate(row) === entryFates.noRecord) continue;
      const outcome = this.#outcomeOf(list, row);
      own.add(outcome, 1);
      if (list.nestedSpace === undefined) continue;
      const { total, quarantined: numFaulty, excluded } = list.nested(row);
      nested.add("quarantined", numFaulty);
      nested.add("excluded", excluded);
      nested.add(outcome, total - numFaulty - excluded);
    }
    const { path: file } = list.file.file;
    const { kind, nestedKind } = list.reading;
    const counts = [own.counts(file, kind)];
    return nestedKind === undefined ? counts : [...counts, nested.counts(file, nestedKind)];
  }

  #outcomeOf(list: ListTable, row: number): LedgerOutcome | "written" {
    switch (list.fate(row)) {
      case entryFates.usable:
        return this.#sceneOutcome(list, list.scene(row));
      case entryFates.leftOut:
        return leftOutFate(list.examine(row)).outcome;
      case entryFates.duplicate:
        return "excluded";
      case entryFates.unjoined:
        return list.reading.unclaimed?.outcome ?? "quarantined";
      default:
        return "quarantined";
    }
  }

  #sceneOutcome(list: ListTable, scene: number): LedgerOutcome | "written" {
    switch (this.#pass.scenes.fate(scene)) {
      case sceneFates.written:
        return "written";
      case sceneFates.undescribed:
        return list.reading.unclaimed?.outcome ?? "quarantined";
      case sceneFates.missingPicture:
        return "missing";
      default:
        return "excluded";
    }
  }

  /** All records that are not written, list by list in the order of the files. */
  *entries(): Generator<LedgerEntry> {
    for (const { entries, lists } of this.#pass.files) {
      entries.requireUnchanged();
      for (const list of lists) yield* this.#entriesOfList(list);
    }
  }

  *#entriesOfList(list: ListTable): Generator<LedgerEntry> {
    for (let row = 0; row < list.length; row += 1) {
      if (this.#isWrittenWhole(list, row)) continue;
      this.#options.signal?.throwIfAborted();
      yield* this.#entriesOf(list, row);
    }
  }

  #isWritten(list: ListTable, row: number): boolean {
    return (
      list.fate(row) === entryFates.usable &&
      this.#pass.scenes.fate(list.scene(row)) === sceneFates.written
    );
  }

  #isWrittenWhole(list: ListTable, row: number): boolean {
    if (!this.#isWritten(list, row)) return false;
    if (list.nestedSpace === undefined) return true;
    const { quarantined: numFaulty, excluded } = list.nested(row);
    return numFaulty + excluded === 0;
  }

  *#entriesOf(list: ListTable, row: number): Generator<LedgerEntry> {
    if (list.fate(row) === entryFates.noRecord) return;
    const examined = this.#examined(list, row);
    const own = this.#isWritten(list, row) ? undefined : this.#fateOf(list, row, examined);
    const place = { file: list.file.file.path, record: placeOfEntry(list, row) };
    if (own !== undefined) {
      const id = isNoRecord(examined) ? "" : (examined.id ?? "");
      yield { ...place, kind: list.reading.kind, id, ...own };
    }
    if (isNoRecord(examined) || isFault(examined)) return;
    for (const [index, record] of (examined.nested ?? []).entries()) {
      yield* this.#nestedEntry({ list, row, index, record }, own);
    }
  }

  *#nestedEntry(
    { list, row, index, record }: NestedPlace,
    ofEntry: Fate | undefined,
  ): Generator<LedgerEntry> {
    const { nestedKind: kind = "", nestedMember = "" } = list.reading;
    const fate = this.#nestedFate({ list, row, index, record }) ?? ofEntry;
    if (fate === undefined) return;
    const entry = placeOfEntry(list, row);
    const place = `${entry}${entry.startsWith("/") ? "" : " "}/${nestedMember}/${index}`;
    const file = list.file.file.path;
    yield { file, kind, record: place, id: record.id ?? "", ...fate };
  }

  #nestedFate({ list, row, index, record }: NestedPlace): Fate | undefined {
    const space = list.nestedSpace;
    if ("fault" in record) return faultFate(record);
    if (space === undefined || record.id === "") return undefined;
    const ordinal = list.nestedStart(row) + index;
    const first = space.ids.get(record.id) ?? ordinal;
    return first === ordinal
      ? undefined
      : this.#doubleFate(space, first, JSON.stringify(record.text()));
  }

  // An entry that is no JSON cannot be read again as a value.
  #examined(list: ListTable, row: number): Examined {
    const entry = list.readAgain(row);
    if (entry.fault !== null) return { fault: "ANN_SYNTAX", evidence: entry.fault };
    return list.reading.examine({ value: entry.value, index: row });
  }

  #fateOf(list: ListTable, row: number, examined: Examined): Fate {
    if (isFault(examined)) return faultFate(examined);
    if (isNoRecord(examined)) throw new Error(`entry ${row} was a record before`);
    switch (list.fate(row)) {
      case entryFates.leftOut:
        return leftOutFate(examined);
      case entryFates.duplicate:
      case entryFates.conflict: {
        const first = list.space.ids.get(examined.id) ?? 0;
        return this.#doubleFate(list.space, first, essenceOf(examined));
      }
      case entryFates.unjoined:
        return list.reading.unclaimed ?? this.#unjoinedFate(list, examined.joinKey ?? "");
      case entryFates.joinedTwice:
        return quarantined(
          "ANN_CONFLICT",
          `its ${list.reading.joins ?? ""} ${examined.joinKey ?? ""} is of another picture, or another record joins it`,
        );
      case entryFates.needsPartner:
        return quarantined(
          `no-${list.reading.needs ?? ""}`,
          `no ${list.reading.needs ?? ""} names it in ${this.#fileNames()}`,
        );
      case entryFates.otherPart:
        return this.#otherPartFate(list.scene(row), examined.describe?.().part?.evidence ?? "");
      default:
        return this.#fateOfScene(list, list.scene(row), examined.sceneId);
    }
  }

  #doubleFate(space: IdSpace, first: number, essence: string): Fate {
    const { list, row, nestedIndex } = space.addressOf(first);
    const record = list.record(row);
    const nested = nestedIndex === undefined ? undefined : record.nested?.[nestedIndex];
    const inside =
      nestedIndex === undefined ? "" : `/${list.reading.nestedMember ?? ""}/${nestedIndex}`;
    const place = `${list.file.file.path}#${placeOfEntry(list, row)}${inside}`;
    const essenceOfFirst = nested === undefined ? essenceOf(record) : nestedEssence(nested);
    return essence === essenceOfFirst
      ? { outcome: "excluded", reason: "duplicate-of", evidence: place }
      : quarantined("ANN_CONFLICT", `${place} has the same id and other content`);
  }

  #unjoinedFate(list: ListTable, joinKey: string): Fate {
    const { joins = "" } = list.reading;
    return quarantined(
      `dangling-${joins}-id`,
      `no ${joins} ${joinKey} that can be used is in ${this.#fileNames()}`,
    );
  }

  #otherPartFate(scene: number, evidence: string): Fate {
    const first = this.#pass.scenes.description(scene).part?.evidence ?? "";
    return quarantined("ANN_CONFLICT", `its picture is in two parts: ${first} and ${evidence}`);
  }

  // The texts of a scene mostly stand together, and one reading of the scene serves them all.
  #fateOfScene(list: ListTable, scene: number, sceneId: string | null): Fate {
    if (this.#pass.scenes.fate(scene) === sceneFates.undescribed) {
      const evidence = `image ${sceneId ?? ""} is not listed in ${this.#fileNames()}`;
      return list.reading.unclaimed ?? quarantined("dangling-image-id", evidence);
    }
    if (this.#sceneFate?.scene !== scene) {
      this.#sceneFate = { scene, fate: this.#describedFate(scene) };
    }
    return this.#sceneFate.fate;
  }

  #describedFate(scene: number): Fate {
    const { scenes } = this.#pass;
    const description = scenes.description(scene);
    switch (scenes.fate(scene)) {
      case sceneFates.excluded: {
        const { rule = "", evidence = "" } = scenes.exclusion(scene) ?? {};
        return { outcome: "excluded", reason: rule, evidence };
      }
      case sceneFates.notInSplit: {
        const { part } = description;
        const evidence =
          part === undefined
            ? `named nowhere in ${this.#splitFiles()}`
            : `part ${part.part} (${part.evidence}) is in no split of the recipe`;
        return { outcome: "excluded", reason: "not-in-any-split", evidence };
      }
      case sceneFates.noTexts: {
        const listed = scenes.numListed(scene);
        const evidence =
          listed === 0 ? "no usable text names it" : `all of its ${listed} texts are held back`;
        return { outcome: "excluded", reason: "no-texts", evidence };
      }
      default: {
        const { folder, name } = description.pictures.find(
          (picture) => scenes.find(picture) === undefined,
        ) ??
          description.pictures[0] ?? { folder: "", name: "" };
        return { outcome: "missing", reason: "no-picture", evidence: `no ${folder}/${name}` };
      }
    }
  }

  #fileNames(): string {
    return this.#pass.files.map(({ entries }) => entries.file.path).join(", ");
  }

  #splitFiles(): string {
    return this.#reading.split?.files.map(({ file }) => file).join(", ") ?? "a split";
  }
}

interface NestedPlace {
  readonly list: ListTable;
  readonly row: number;
  readonly index: number;
  readonly record: NestedRecord | RecordFault;
}

/** Numbers of records by what became of them. */
class Tally {
  readonly #counts = { written: 0, excluded: 0, quarantined: 0, missing: 0 };

  add(outcome: LedgerOutcome | "written", count: number): void {
    this.#counts[outcome] += count;
  }

  counts(file: string, kind: string): RecordCounts {
    const { written, excluded, quarantined: faulty, missing } = this.#counts;
    const read = written + excluded + faulty + missing;
    return { file, kind, read, written, excluded, quarantined: faulty, missing };
  }
}

function quarantined(reason: string, evidence: string): Fate {
  return { outcome: "quarantined", reason, evidence };
}

function faultFate({ fault, evidence }: RecordFault): Fate {
  return quarantined(fault, evidence);
}

function leftOutFate(examined: Examined): Fate {
  const fate = "leftOut" in examined ? examined.leftOut : undefined;
  if (fate === undefined) throw new Error("the record was left out before");
  return fate;
}

function nestedEssence(record: NestedRecord | RecordFault): string {
  return "fault" in record ? "" : JSON.stringify(record.text());
}
